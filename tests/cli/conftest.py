"""A command line run in this process, on experts that read by plain rules."""

from pathlib import Path

import pytest
from cli_calls import Demeanor, Ran
from PIL import Image

import demeanor
from demeanor.cli import main
from reader_fakes import fake_reader, picture, speech, write_wav


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Demeanor:
    """`run("analyze", "I love it")` → exit code, stdout, stderr."""

    def call(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        code = left.value.code
        return Ran(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


@pytest.fixture
def reads(run: Demeanor, monkeypatch: pytest.MonkeyPatch) -> Demeanor:
    """As `run`, with a reader of fake experts."""
    monkeypatch.setattr(demeanor, "load", lambda *_, **__: fake_reader())
    return run


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder: sky.jpg, 天气.txt, sub/talk.wav, notes.md (nothing to read), broken.mp4."""
    folder = tmp_path / "media"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(picture()).save(folder / "sky.jpg")
    (folder / "天气.txt").write_text("今天的天气真好", encoding="utf-8")
    write_wav(folder / "sub" / "talk.wav", speech(2.0))
    (folder / "notes.md").write_text("not for reading")
    (folder / "broken.mp4").write_bytes(b"\0\1\2\3" * 100)
    return folder
