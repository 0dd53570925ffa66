"""What the docs say is true: every code block runs or is checked, links lead somewhere, the tree is the tree."""

import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

import demeanor
from demeanor.bundle import shipped
from demeanor.cli import main

ROOT = Path(__file__).parents[1]
DOCS = [
    ROOT / "README.md",
    ROOT / "README.zh.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "demo/README.md",
]
DOCS += sorted((ROOT / "docs").glob("*.md"))
NAMES = [str(d.relative_to(ROOT)) for d in DOCS]
ELSEWHERE = ("README.zh.md", "docs/clients.md")  # a twin of the English one; run beside a service by tests/serve
RUN = [name for name in NAMES if name not in ELSEWHERE]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")

with_bundle = pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")


@dataclass(frozen=True)
class Block:
    language: str
    code: str


def blocks(name: str) -> list[Block]:
    return [Block(*m.groups()) for m in _BLOCK.finditer((ROOT / name).read_text(encoding="utf-8"))]


def pythons(name: str) -> list[str]:
    return [b.code for b in blocks(name) if b.language == "python" and not b.code.startswith(("# lab", "# service"))]


def commands(name: str) -> list[str]:
    lines = [line for b in blocks(name) if b.language == "console" for line in b.code.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds demo/ as the checkout does, and a reader that is loaded once."""
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("out", "__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demeanor, "load", _loaded)
    return tmp_path


_load = demeanor.load


@lru_cache
def _loaded(model: str = "base", **_: object) -> object:
    return _load(model)


@with_bundle
@pytest.mark.parametrize("name", [n for n in RUN if pythons(n)])
def test_python_runs(name: str, place: Path) -> None:
    code = "\n".join(pythons(name))
    with redirect_stdout(io.StringIO()):
        exec(compile(code, name, "exec"), {"__name__": "docs"})


@with_bundle
@pytest.mark.parametrize("name", [n for n in RUN if commands(n)])
def test_commands_run(name: str, place: Path) -> None:
    for command in commands(name):
        words = shlex.split(command)
        if words[0].endswith("demeanor"):
            with pytest.raises(SystemExit) as left, redirect_stdout(io.StringIO()):
                main(words[1:])
            assert not left.value.code, command
        else:
            check(words)


def check(words: list[str]) -> None:
    """Commands that install or run for minutes are compared with what they are given to."""
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
    elif words[:2] == ["pip", "install"]:
        extras = re.findall(r"\w+", re.search(r"\[(.*)\]", words[2]).group(1))  # type: ignore[union-attr]
        assert set(extras) <= set(project()["optional-dependencies"]), words
    else:
        pytest.fail(f"a command in the docs that nothing checks: {words}")


def project() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_block_says_what_it_is(name: str) -> None:
    for block in blocks(name):
        assert block.language in ("python", "javascript", "sh", "console", "csv", "json", "toml", "ini", "nginx", ""), (
            block
        )


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    for target, _ in _LINK.findall((ROOT / name).read_text(encoding="utf-8")):
        if "://" not in target:
            assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"


def test_the_chinese_readme_is_a_twin() -> None:
    english, chinese = (
        [b for b in blocks(n) if b.language in ("python", "console")] for n in ("README.md", "README.zh.md")
    )
    assert [b.language for b in english] == [b.language for b in chinese]
    for one, other in zip(english, chinese, strict=True):
        assert re.sub(r"#.*", "#", one.code) == re.sub(r"#.*", "#", other.code)
    assert links("README.md") - {"README.zh.md"} == links("README.zh.md") - {"README.md"}


def links(name: str) -> set[str]:
    return {target for target, _ in _LINK.findall((ROOT / name).read_text(encoding="utf-8"))}


def test_the_tree_is_the_tree() -> None:
    tree = next(b.code for b in blocks("README.md") if b.code.startswith("src/demeanor/"))
    inner = {f"src/demeanor/{m}" for m in re.findall(r"^  (\w+)/", tree, re.MULTILINE)}
    outer = set(re.findall(r"^([\w.]+)/ ", tree, re.MULTILINE))
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    if not tracked[0]:
        pytest.skip("not a git checkout")
    folders = {str(Path(p).parent) for p in tracked}
    assert inner == {"/".join(f.split("/")[:3]) for f in folders if f.startswith("src/demeanor/")}
    assert outer == {f.split("/")[0] for f in folders} - {".", "src", ".ci"}


def test_the_readme_opens_with_the_two_commands() -> None:
    for name in ("README.md", "README.zh.md"):
        assert commands(name)[:2] == ["make demo", "make test"]


@pytest.mark.skipif(sys.platform == "win32", reason="make is not at home there")
def test_makefile_needs_nothing_odd() -> None:
    text = (ROOT / "Makefile").read_text() + (ROOT / ".ci/run").read_text() + (ROOT / "constraints.txt").read_text()
    assert not re.search(r"https?://|--index|--find-links|--extra-index|file:", text)


def test_every_dependency_is_pinned() -> None:
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text().lower(), re.MULTILINE))
    needs = [*project()["dependencies"], *(d for extra in project()["optional-dependencies"].values() for d in extra)]
    names = {re.split(r"[<>=\[ ]", need.lower())[0] for need in needs} - {"demeanor"}
    assert names <= set(pins), names - set(pins)
