import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demeanor.errors import ConfigError, InputError, UnknownNameError
from demeanor.reader.inputs import chosen_cues, gather
from reader_fakes import picture, silence, write_wav


def test_a_sentence_is_text_and_names_the_source() -> None:
    parts = gather("I love it")
    assert (parts.kind, parts.text, parts.source, parts.file) == ("text", "I love it", "I love it", None)


def test_a_long_text_names_itself_by_its_beginning() -> None:
    parts = gather("word " * 400)
    assert parts.source == ("word " * 400)[:200] + "…"
    assert parts.text == "word " * 400


def test_every_way_to_give_a_picture(tmp_path: Path) -> None:
    image = picture()
    path = tmp_path / "wände.png"
    Image.fromarray(image).save(path)
    with path.open("rb") as file, Image.open(path) as opened:
        ways = [path, str(path), path.read_bytes(), file, image, opened]
        kinds = [(gather(way).kind, gather(image=way).kind) for way in ways]
        assert kinds == [("image", "image")] * len(ways)
        assert gather(path).source == gather(file).source == "wände.png"
    assert gather(image).source is None
    assert gather(path.read_bytes()).source is None


def test_a_string_given_as_text_is_never_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("note.txt").write_text("I love it", encoding="utf-8")
    assert gather(text="note.txt").text == "note.txt"
    assert gather(text=Path("note.txt")).text == "I love it"
    assert gather("note.txt").text == "I love it"
    assert gather("note.txt").source == "note.txt"
    assert gather(text=io.BytesIO("今天很好".encode("gb18030"))).text == "今天很好"


@pytest.mark.parametrize("text", ["", "  \n\t", "\u3000\u200b"])
def test_nothing_visible_is_nothing_to_read(text: str) -> None:
    with pytest.raises(InputError, match="nothing to read"):
        gather(text=text)
    with pytest.raises(InputError, match="nothing to read"):
        gather()
    assert gather(text=text, image=picture()).text is None
    assert gather(text=text, image=picture()).kind == "image"


def test_kinds_of_samples_made_of_parts(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(1))
    assert gather(text="hello", image=picture()).kind == "mixed"
    assert gather(text="hello", audio=wav).kind == "mixed"
    assert gather(audio=wav).kind == "audio"
    assert gather(audio=wav, video="b.mp4").kind == "video"
    assert gather(text="hello", image=picture()).is_post
    assert not gather(text="hello", audio=wav, image=picture()).is_post


def test_text_beside_sound_is_its_transcript(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(1))
    assert gather(text="One.\nTwo.", audio=wav).transcript == ["One.", "Two."]
    (tmp_path / "t.txt").write_text("One. Two.", encoding="utf-8")
    assert gather(wav, transcript=tmp_path / "t.txt").transcript == ["One.", "Two."]


def test_a_timed_transcript_is_moved_to_the_start_of_the_cut(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(1))
    srt = tmp_path / "t.srt"
    srt.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nGone\n\n2\n00:00:05,000 --> 00:00:07,000\nKept\n", encoding="utf-8"
    )
    (kept,) = gather(wav, transcript=srt, start=4.0, end=9.0).transcript or ()
    assert not isinstance(kept, str)
    assert (kept.start, kept.end, kept.text) == (1.0, 3.0, "Kept")


def test_what_does_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two"):
        gather("I love it", text="I hate it")
    with pytest.raises(ConfigError, match="transcript"):
        gather("I love it", transcript=tmp_path / "t.srt")
    with pytest.raises(ConfigError, match="start < end"):
        gather("I love it", start=5, end=5)
    with pytest.raises(ConfigError, match="start < end"):
        gather("I love it", start=float("nan"))
    with pytest.raises(ConfigError, match="language"):
        gather("I love it", language="English please")
    with pytest.raises(InputError, match="no such file"):
        gather("clip.mp4")
    with pytest.raises(InputError, match="array"):
        gather(np.zeros((2, 2, 2, 2)))


def test_language_codes() -> None:
    assert gather("x", language="auto").language is None
    assert gather("x", language=None).language is None
    assert gather("x", language="zh-CN").language == "zh"


def test_cues() -> None:
    assert chosen_cues(None) == {"words", "voice", "face", "scene"}
    assert chosen_cues("words, face") == {"words", "face"}
    assert chosen_cues(["voice"]) == {"voice"}
    with pytest.raises(UnknownNameError, match="voice"):
        chosen_cues("voices")
    with pytest.raises(ConfigError):
        chosen_cues([])
