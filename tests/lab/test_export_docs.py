"""docs/export.md from top to bottom: its table, run file, commands and program, on recordings made here."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export_runs import write_wav  # noqa: E402

from demeanor.cli import main  # noqa: E402

pytestmark = [pytest.mark.lab, pytest.mark.filterwarnings("ignore::ResourceWarning")]

PAGE = Path(__file__).parents[2] / "docs/export.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [code for kind, code in _BLOCK.findall(PAGE.read_text(encoding="utf-8")) if kind == language]


def recordings(folder: Path) -> None:
    """As the page's table, for twelve speakers: the glad ones speak higher and louder."""
    lines = blocks("csv")[0].splitlines()[:1]
    (folder / "recordings/clips").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for speaker in range(12):
        for take, label in enumerate(("glad", "cross", "glad", "cross")):
            time = np.arange(12_000) / 16_000
            pitch = (220 if label == "glad" else 110) + 5 * speaker
            pulse = np.sign(np.sin(2 * np.pi * pitch * time)) * (0.4 if label == "glad" else 0.2)
            name = f"clips/s{speaker}-{take}.wav"
            write_wav(folder / "recordings" / name, pulse + 0.01 * rng.standard_normal(len(time)))
            lines.append(f"{name},{label},s{speaker}")
    (folder / "recordings/labels.csv").write_text("\n".join(lines) + "\n")
    (folder / "new.wav").write_bytes((folder / "recordings/clips/s3-1.wav").read_bytes())


def test_the_page_is_true(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "features"))
    monkeypatch.delenv("DEMEANOR_DATA", raising=False)
    recordings(tmp_path)
    (tmp_path / "mine.toml").write_text(blocks("toml")[0] + 'device = "cpu"\nthreads = 1\ntrack = []\n')
    commands = [line for block in blocks("") for line in block.splitlines()]
    assert [c.split()[1] for c in commands] == ["train", "evaluate", "export", "analyze", "batch", "evaluate"]
    for command in commands:
        with pytest.raises(SystemExit) as left:
            main(shlex.split(command)[1:])
        assert not left.value.code, (command, capsys.readouterr())
    assert "cross" in capsys.readouterr().out
    assert len((tmp_path / "read.jsonl").read_text().splitlines()) == 48
    files = {p.name for p in (tmp_path / "my-bundle").iterdir()}
    assert files == {"bundle.json", "model.onnx", "scales.npz", "card.md"}
    space: dict = {}
    exec(compile(blocks("python")[0], str(PAGE), "exec"), space)
    own = space["analysis"].overall.own["label"]
    assert own["cross"] > 0.5 > own["glad"]
