"""The shape of the program: imports point one way, reading needs no torch, pieces stay small."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demeanor.bundle import shipped

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "demeanor").rglob("*.py"))


def test_imports_point_one_way() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    if not program.exists():
        pytest.skip("import-linter is not installed here (extra dev)")
    ran = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_the_import_tree_of_the_reader_has_no_torch() -> None:
    """Also not inside functions: every module that reading can reach, followed through the source."""
    seen: set[str] = set()
    left = ["demeanor.reader", "demeanor.cli.analyze", "demeanor.cli.batch", "demeanor.cli.doctor"]
    left += [_module(p) for p in SOURCES if p.is_relative_to(ROOT / "src/demeanor/reader")]
    outside: set[str] = set()
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        path = ROOT / "src" / Path(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.exists():
            continue
        for target in _imports(path):
            if target.split(".")[0] == "demeanor":
                left.append(target)
            else:
                outside.add(target.split(".")[0])
    assert "numpy" in outside
    assert not outside & {"torch", "transformers", "onnx", "sklearn", "scipy"}
    assert not [
        m for m in seen if m.split(".")[1:2] in (["training"], ["fusion"], ["layers"], ["losses"], ["experiments"])
    ]


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    return name.removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")
def test_everything_is_read_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'onnx']))\n"
        "from demeanor.cli import main; main(sys.argv[1:])"
    )
    inputs = ["I love it", ROOT / "demo" / "sky.jpg", ROOT / "demo" / "clip.mp4"]
    ran = subprocess.run(
        [sys.executable, "-c", program, "analyze", *inputs, "--report", tmp_path / "r.html"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "r.html").stat().st_size > 10_000


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_modules_are_small_and_well_named(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem.strip("_") not in {"utils", "util", "common", "helpers", "misc"}
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or not path.read_text().strip()


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_nothing_is_unpickled(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\bimport pickle\b|\bfrom pickle\b|pickle\.loads?\(|joblib\.load|allow_pickle=True", text)
    for call in re.findall(r"torch\.load\([^)]*\)", text):
        assert "weights_only=True" in call


def test_every_command_of_the_help_is_one_file() -> None:
    from demeanor.cli import COMMANDS

    files = {p.stem for p in (ROOT / "src/demeanor/cli").glob("*.py") if not p.stem.startswith("_")}
    assert files == set(COMMANDS)
