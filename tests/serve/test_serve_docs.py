"""What docs/clients.md says is true: its examples run against a service; the options in docs/serve.md are there."""

import re
import shutil
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import demeanor
from browsers import node
from demeanor.media.kind import kind_of
from demeanor.serve.keys import new_key
from demeanor.serve.problem import _STATUS as PROBLEMS
from serve_calls import ROOT, Served, served, with_bundle

CLIENTS, OPERATORS = (ROOT / "docs" / name for name in ("clients.md", "serve.md"))


def examples(language: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", CLIENTS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("docs") / "state") as found:
        yield found


def run(program: list[str], code: str, service: Served, folder: Path) -> str:
    shutil.copytree(ROOT / "demo", folder / "demo", ignore=shutil.ignore_patterns("out", "__pycache__"))
    here = code.replace("http://127.0.0.1:8765", service.url)
    ran = subprocess.run([*program, here], cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@with_bundle
def test_curl(service: Served, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    told = run(["bash", "-euo", "pipefail", "-c"], examples("sh"), service, tmp_path)
    assert told.count('"schema": "demeanor.analysis/1"') == 3
    assert "Write to [MAIL]" in told
    assert (kind_of(tmp_path / "sky-redacted.jpg"), kind_of(tmp_path / "clip-redacted.mp4")) == ("image", "video")
    assert "event: done" in told
    assert "<!doctype html>" in (tmp_path / "sky.html").read_text(encoding="utf-8")


@with_bundle
def test_python(service: Served, tmp_path: Path) -> None:
    told = run([sys.executable, "-c"], examples("python"), service, tmp_path)
    assert "done 1.0" in told
    assert "Ask Ms. [NAME], [PHONE]." in told
    assert kind_of(tmp_path / "sky-redacted.png") == "image"


@with_bundle
def test_javascript(service: Served, tmp_path: Path) -> None:
    told = run([node(), "--input-type=module", "-e"], examples("javascript"), service, tmp_path)
    assert "positive" in told
    assert told.rstrip().endswith("done")


@pytest.fixture
def unit() -> str:
    found = re.search(r"^```ini\n(.*?)^```$", OPERATORS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_unit_is_one_of_systemd(unit: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    file = tmp_path / "demeanor.service"
    file.write_text(unit.replace("/opt/demeanor/.venv/bin/demeanor", sys.executable), encoding="utf-8")
    ran = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_the_unit_starts_a_service_that_has_its_keys_and_its_folder(unit: str, tmp_path: Path) -> None:
    """With nothing but what systemd gives: a folder of its own, and copies of what `LoadCredential` names."""
    (line,) = re.findall(r"^ExecStart=\S+/demeanor serve (.*)$", unit, re.MULTILINE)
    ((name, original),) = re.findall(r"^LoadCredential=([^:]+):(.*)$", unit, re.MULTILINE)
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "STATE_DIRECTORY": str(tmp_path / "state")}
    (tmp_path / "credentials").mkdir()
    key = new_key(tmp_path / "credentials" / name, "alice")
    options = string.Template(line).substitute(given).split()
    assert original not in options
    with served(tmp_path / "state", *options) as service:
        assert (tmp_path / "state" / "jobs.sqlite").is_file()
        assert demeanor.Client(service.url, key=key).models()
        with pytest.raises(demeanor.ServiceError) as refused:
            demeanor.Client(service.url).models()
    assert refused.value.status == 401


def test_options_and_problems_are_those_of_the_program() -> None:
    told = set(re.findall(r"--[a-z][a-z-]+", OPERATORS.read_text(encoding="utf-8").partition("## How it holds")[0]))
    source = (ROOT / "src/demeanor/cli/serve.py").read_text(encoding="utf-8")
    parameters = {"--" + name.replace("_", "-") for name in re.findall(r"^    (\w+): Annotated", source, re.MULTILINE)}
    assert told - {"--cold"} <= parameters
    assert parameters - {"--warm", "--model", "--port"} <= told
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src/demeanor/serve").glob("*.py"))
    kinds = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', sources))
    for row in re.findall(r"^\| \d.*$", CLIENTS.read_text(encoding="utf-8"), re.MULTILINE):
        assert set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", row)) <= kinds, row


def test_every_type_of_problem_is_in_the_table() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src/demeanor/serve").glob("*.py"))
    made = re.findall(r"Problem\(\s*(\d{3}), \"([a-z-]+)\"", code)
    made += [(str(status), kind) for status, kind in PROBLEMS.values()]
    assert len(made) > 30
    rows = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", CLIENTS.read_text(encoding="utf-8"), re.MULTILINE)
    told = {(status, kind) for codes, text in rows for status in codes.split(", ") for kind in words(text)}
    assert set(made) <= told


def words(text: str) -> list[str]:
    return re.findall(r"`([a-z-]+)`", text)
