"""Every program in examples/ runs, in a folder of its own that holds demo/ as the checkout does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demeanor.bundle import shipped

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted(p.name for p in (ROOT / "examples").glob("*.py"))
SAID = {
    "sentences.py": "negative",
    "timeline.py": "suitcase",
    "post.py": "words: weight",
    "explain.py": "wonderful",
    "subtitles.py": "00:00:06,200 --> 00:00:11,300",
}

pytestmark = pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")


def test_every_program_is_checked() -> None:
    assert sorted(SAID) == PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("out", "__pycache__"))
    ran = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / name], capture_output=True, cwd=tmp_path, check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    assert SAID[name] in ran.stdout.decode()
