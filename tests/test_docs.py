"""What the docs say is true: every code block runs or is checked, links lead somewhere, the tree is the tree."""

import argparse
import ast
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import typer

import demeanor
from demeanor.bundle import shipped
from demeanor.cli import app, main
from demeanor.reader.manifest import read_items
from demeanor.training.runfile import checked

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
TESTED = {
    ("README.zh.md", "console"): "test_docs.py",
    ("README.zh.md", "python"): "test_docs.py",
    ("docs/add-a-model.md", "python # lab"): "lab/test_add_a_model.py",
    ("docs/add-a-dataset.md", "csv"): "datasets/test_manifest_docs.py",
    ("docs/add-a-dataset.md", "toml # manifest"): "datasets/test_manifest_docs.py",
    ("docs/batch.md", "csv"): "test_docs.py",
    ("docs/clients.md", "javascript"): "serve/test_serve_docs.py",
    ("docs/clients.md", "python"): "serve/test_serve_docs.py",
    ("docs/clients.md", "sh"): "serve/test_serve_docs.py",
    ("docs/export.md", "csv"): "lab/test_export_docs.py",
    ("docs/export.md", "python # lab"): "lab/test_export_docs.py",
    ("docs/learn.md", "python # lab"): "lab/test_learn.py",
    ("docs/live.md", "javascript"): "serve/test_live_docs.py",
    ("docs/live.md", "python # service"): "serve/test_live_docs.py",
    ("docs/serve.md", "ini"): "serve/test_serve_docs.py",
    ("docs/serve.md", "nginx"): "serve/test_serve_proxy.py",
}
"""Blocks that no rule for all pages covers, and the test that names their page and runs them."""
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")

with_bundle = pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")


@dataclass(frozen=True)
class Block:
    language: str
    code: str

    @property
    def kind(self) -> str:
        """Its language, and what its first line says it needs, or is."""
        need = re.match(r"# (?:lab|service|manifest)$", self.code, re.MULTILINE)
        return f"{self.language} {need[0]}" if need else self.language


def blocks(name: str) -> list[Block]:
    found = _BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    return [Block(language, textwrap.dedent(code)) for _, language, code in found]


def pythons(name: str) -> list[str]:
    return [b.code for b in blocks(name) if b.kind == "python"]


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


def shown(name: str) -> list[str]:
    """Commands that are shown and not run: they need files that are not here, the lab, or somebody to stop them."""
    codes = [b.code for b in blocks(name) if b.language in ("", "sh")]
    drawings = ("──", "src/demeanor/\n")
    return [line for code in codes if not any(d in code for d in drawings) for line in code.splitlines()]


@pytest.mark.parametrize("name", [n for n in NAMES if shown(n) and n != "docs/clients.md"])
def test_commands_that_are_shown_are_those_of_the_program(name: str) -> None:
    for line in shown(name):
        words = shlex.split(re.sub(r"^\w+=\S+ ", "", line).removesuffix(" …"), comments=True)
        if words[0] == "demeanor":
            understood(words[1:])
        elif words[1:3] == ["-m", "pytest"]:
            assert (ROOT / words[3]).is_file(), line
        elif words[0] != "ray":
            check(words)


def understood(words: list[str]) -> None:
    """The program takes the command line apart without a complaint; nothing is done."""
    command: Any = typer.main.get_command(app())
    while commands := getattr(command, "commands", None):
        assert words[0] in commands, words
        command, words = commands[words[0]], words[1:]
    command.make_context("demeanor", list(words))


def test_benchmarks_are_called_with_what_they_need() -> None:
    """Those of the guides; their options are read, for not all of their imports are at hand."""
    text = " ".join(d.read_text(encoding="utf-8") for d in DOCS if d.name not in ("log.md", "CHANGELOG.md"))
    shown = re.findall(r"`python (benchmarks/\w+\.py[^`]*)`", re.sub(r"\s+", " ", text))
    assert len(shown) > 10
    for command in shown:
        file, *words = shlex.split(command)
        options_of(ROOT / file).parse_args(words)


def options_of(file: Path) -> argparse.ArgumentParser:
    """A program's options, without their types."""
    parser = argparse.ArgumentParser(prog=file.name)
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
            kept = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg in ("nargs", "required", "action")}
            parser.add_argument(*map(ast.literal_eval, call.args), **kept)
    return parser


@pytest.mark.parametrize("name", NAMES)
def test_json_is_json(name: str) -> None:
    for block in blocks(name):
        if block.language == "json":
            json.loads(block.code)


@pytest.mark.parametrize("name", [n for n in NAMES if any(b.language == "toml" for b in blocks(n))])
def test_run_files_are_right(name: str) -> None:
    """What shows some sections alone is read as part of the guide's whole run file."""
    whole = tomllib.loads(next(b.code for b in blocks("docs/lab.md") if b.language == "toml"))
    for block in blocks(name):
        if block.kind == "toml":
            given = tomllib.loads(block.code)
            checked(given if "run" in given else whole | given)


def test_the_manifest_is_one(place: Path) -> None:
    (block,) = [b for b in blocks("docs/batch.md") if b.language == "csv"]
    (place / "m.csv").write_text(block.code, encoding="utf-8")
    items = {item.id: item for item in read_items(place / "m.csv", place / "out.jsonl")}
    assert {i: set(item.given) for i, item in items.items()} == {"p1": {"text", "image"}, "p2": {"text"}}
    assert Path(str(items["p1"].given["image"])).is_file()


def test_what_no_rule_covers_is_tested_by_name() -> None:
    ruled = {name: {"toml", "json", ""} | ({"python", "console", "sh"} if name in RUN else set()) for name in NAMES}
    assert {(n, b.kind) for n in NAMES for b in blocks(n) if b.kind not in ruled[n]} == set(TESTED)
    for (name, _), test in TESTED.items():
        assert Path(name).name in (ROOT / "tests" / test).read_text(encoding="utf-8"), (name, test)


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
