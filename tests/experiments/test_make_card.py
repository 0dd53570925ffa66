"""The cards of the shipped bundles are what recipes/make_card.py makes of the records, to the byte."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demeanor.bundle import load, shipped

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["base", "open"])
def test_the_shipped_card_comes_out_of_the_records(name: str, tmp_path: Path) -> None:
    if name not in shipped():
        pytest.skip("the bundle is not built yet: make model")
    folder = load(name).folder
    for path in folder.iterdir():
        if path.name == "bundle.json":
            shutil.copy(path, tmp_path)
        elif path.name != "card.md":
            (tmp_path / path.name).symlink_to(path.resolve())
    command = [sys.executable, str(ROOT / "recipes/make_card.py"), str(tmp_path), str(ROOT / "results/records.jsonl")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    for made in ("card.md", "bundle.json"):
        assert (tmp_path / made).read_bytes() == (folder / made).read_bytes(), made
