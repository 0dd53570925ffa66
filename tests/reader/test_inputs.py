import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from demeanor.errors import ConfigError, InputError, UnknownNameError
from demeanor.reader.inputs import chosen_cues, gather
from demeanor.types import Utterance
from reader_fakes import fake_reader, picture, silence, speech, write_wav


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


@pytest.mark.parametrize(
    "text", ["", "  \n\t", "\u3000\u200b", "\u2003", "\u1680\u2000\u200a\u202f\u205f", "\x1c\x1d\x1e\x1f"]
)
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
    assert gather(text="hello", image=picture()).is_still
    assert not gather(text="hello", audio=wav, image=picture()).is_still


def test_a_film_without_a_picture_is_sound(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", speech(2))
    for video in (wav, str(wav), wav.read_bytes()):
        read = fake_reader().analyze(video=video)
        assert read.kind == "audio"
        assert "voice" in read.cues
        assert any("expected a film, got no pictures in it; its sound was read" in w for w in read.warnings)
    other = write_wav(tmp_path / "b.wav", silence(1))
    both = gather(audio=other, video=wav)
    assert (both.kind, both.audio, both.video) == ("audio", other, None)
    assert "a.wav: expected a film, got no pictures in it; it was left aside" in both.warnings[0]
    assert gather(text="hello", video=wav).kind == "mixed"
    assert gather(video=Path(__file__).parents[2] / "demo" / "clip.mp4").kind == "video"


def test_a_film_that_does_not_move_is_a_picture(tmp_path: Path) -> None:
    sky = Path(__file__).parents[2] / "demo" / "sky.jpg"
    for video in (sky, str(sky), sky.read_bytes(), picture()):
        still = gather(video=video)
        assert (still.kind, still.image is video, still.video) == ("image", True, None)
        assert "expected a film, got a picture; it was read as the picture it is" in still.warnings[0]
    other = picture()
    both = gather(video=sky, image=other, text="hello")
    assert (both.kind, both.image is other, both.video) == ("mixed", True, None)
    assert "sky.jpg: expected a film, got a picture; it was left aside" in both.warnings[0]
    frames = [Image.fromarray(picture([(x, 40, 60, "bright")])) for x in (40, 80)]
    for format, kind in (("gif", "video"), ("png", "video"), ("webp", "image")):
        moving = tmp_path / f"moving.{format}"
        frames[0].save(moving, save_all=True, append_images=frames[1:], duration=200)
        assert gather(video=moving).kind == kind
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"junk" * 9)
    assert gather(video=broken).kind == "video"  # what is wrong with it is said when it is read


def test_a_closed_file_is_told(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", silence(1))
    with path.open("rb") as file:
        pass
    for given in ({"source": file}, {"audio": file}, {"video": path, "transcript": file}):
        with pytest.raises(InputError, match=r"a\.wav: expected an open file, got one that is closed; open it again"):
            fake_reader().analyze(**given)
    text = io.StringIO("I love it")
    text.close()
    with pytest.raises(InputError, match="closed"):
        gather(text)


def test_a_guessed_encoding_of_a_transcript_is_told(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(1))
    (tmp_path / "a.txt").write_bytes("今天的天气真好".encode("gb18030"))
    told = "a.txt: not UTF-8; read as gb18030; save it as UTF-8 if that is another one"
    assert told in gather(wav, transcript=tmp_path / "a.txt").warnings


def test_text_beside_sound_is_its_transcript(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(1))
    assert gather(text="One.\nTwo.", audio=wav).transcript == ["One.", "Two."]
    (tmp_path / "t.txt").write_text("One. Two.", encoding="utf-8")
    assert gather(wav, transcript=tmp_path / "t.txt").transcript == ["One.", "Two."]


def test_text_beside_a_transcript_is_left_aside_and_said_so(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "a.wav", silence(4.0))
    (tmp_path / "a.srt").write_text("00:00:01,000 --> 00:00:02,000\nhello\n")
    both = gather(audio=sound, text="A holiday.", transcript=tmp_path / "a.srt")
    assert (both.text, both.transcript, both.kind) == (None, [Utterance(1.0, 2.0, "hello")], "audio")
    assert both.warnings == (
        "the text was left aside for the transcript: beside sound or film both are what is said in it",
    )
    (tmp_path / "b.srt").write_text("00:00:01,000 --> 00:00:02,000\n[music]\n")
    wordless = gather(audio=sound, text="A holiday.", transcript=tmp_path / "b.srt")
    assert (wordless.text, wordless.kind) == ("A holiday.", "mixed")


def test_a_timed_transcript_is_moved_to_the_start_of_the_cut(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(1))
    srt = tmp_path / "t.srt"
    srt.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nGone\n\n2\n00:00:05,000 --> 00:00:07,000\nKept\n", encoding="utf-8"
    )
    (kept,) = gather(wav, transcript=srt, start=4.0, end=9.0).transcript or ()
    assert not isinstance(kept, str)
    assert (kept.start, kept.end, kept.text) == (1.0, 3.0, "Kept")


def test_words_of_a_transcript_are_moved_with_it(tmp_path: Path) -> None:
    words = [{"text": text, "start": at, "end": at + 1} for at, text in ((3, "Gone"), (4.5, "half"), (6, "kept"))]
    said = tmp_path / "t.json"
    said.write_text(json.dumps([{"start": 3, "end": 7, "text": "Gone half kept", "words": words}]), encoding="utf-8")
    (kept,) = gather(write_wav(tmp_path / "a.wav", silence(1)), transcript=said, start=5.0).transcript or ()
    assert not isinstance(kept, str)
    assert [(w.text, w.start, w.end) for w in kept.words] == [("half", 0.0, 0.5), ("kept", 1.0, 2.0)]


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


def test_an_encoding_that_was_guessed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "polish.txt"
    path.write_bytes("Jestem szczęśliwa, dziękuję.".encode("cp1250"))
    assert any("not UTF-8; read as" in note for note in gather(path).warnings)
    path.write_text("Jestem szczęśliwa, dziękuję.", encoding="utf-8")
    assert gather(path).warnings == ()


SRT = "1\n00:00:01,000 --> 00:00:03,000\n<i>I love it.</i>\n\n2\n00:00:03,500 --> 00:00:05,000\nBut no.\n"


def test_subtitles_by_themselves_keep_their_times(tmp_path: Path) -> None:
    srt, vtt = tmp_path / "t.srt", tmp_path / "t.vtt"
    srt.write_text(SRT)
    vtt.write_text("WEBVTT\n\n00:01.000 --> 00:03.000\n<v Bob>I love it.\n\n00:03.500 --> 00:05.000\nBut no.\n")
    for given in ({"source": srt}, {"source": str(srt)}, {"text": srt}, {"source": vtt}):
        parts = gather(**given)
        said = [u for u in parts.transcript or () if not isinstance(u, str)]
        assert [(u.start, u.end, u.text) for u in said] == [(1.0, 3.0, "I love it."), (3.5, 5.0, "But no.")]
        assert (parts.text, parts.kind, parts.lacking) == (None, "text", {"voice", "face", "scene"})
    assert said[0].speaker == "Bob"
    assert gather(text="t.srt").text == "t.srt"  # a string given as text is never a path
    with pytest.raises(InputError, match=r"expected a start before the end at 5\.00 s, got 6\.00"):
        gather(srt, start=6)
    with pytest.raises(InputError, match=r"t2\.srt'?: no such file"):
        gather("t2.srt")
    srt.write_text("\n")
    with pytest.raises(InputError, match="nothing to read"):
        gather(srt)


def test_subtitles_given_as_the_text_of_a_recording_are_its_transcript(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT)
    parts = gather(audio=write_wav(tmp_path / "a.wav", silence(6)), text=tmp_path / "t.srt")
    assert [u.start for u in parts.transcript or () if not isinstance(u, str)] == [1.0, 3.5]
    assert (parts.text, parts.kind) == (None, "audio")
    later = gather(audio=tmp_path / "a.wav", text=tmp_path / "t.srt", start=5.5)  # the sound goes on
    assert (later.transcript, later.start) == ([], 5.5)


def test_subtitles_beside_a_picture_are_its_text(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT)
    parts = gather(image=np.zeros((9, 9, 3), np.uint8), text=tmp_path / "t.srt")
    assert (parts.text, parts.transcript) == ("I love it.\nBut no.", None)
    assert any("without their times" in note for note in parts.warnings)


def test_what_can_be_read_of_damaged_subtitles_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT + "\n3\n00:0x --> 00:00:09,000\nGone.\n")
    parts = gather(tmp_path / "t.srt")
    assert len(parts.transcript or ()) == 2
    assert any(note.startswith("1 cue left out; the first: t.srt, line 10: expected") for note in parts.warnings)
    with pytest.raises(InputError, match="line 10"):  # what is to be beeped by it must be whole
        gather(write_wav(tmp_path / "a.wav", silence(1)), transcript=tmp_path / "t.srt")


def test_language_codes() -> None:
    assert gather("x", language="auto").language is None
    assert gather("x", language=None).language is None
    assert gather("x", language="zh-CN").language == "zh"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"start": "abc"}, "0 ≤ start < end in seconds, got start='abc'"),
        ({"end": [1]}, r"got start=None, end=\[1\]"),
        ({"language": 5}, "a language as a code or name, or 'auto', got 5"),
    ],
)
def test_what_is_no_time_and_no_language(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        gather("x", **given)


@pytest.mark.parametrize("several", [False, True])
def test_what_was_read_already_is_no_prose(tmp_path: Path, several: bool) -> None:
    found = fake_reader().analyze("I love it.").to_dict()
    (tmp_path / "a.json").write_text(json.dumps([found] if several else found, indent=1), encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json: expected something to read, got .*\(demeanor\.analysis/1\)"):
        gather(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"schema": "of somebody else"}', encoding="utf-8")
    assert gather(tmp_path / "b.json").text is not None


def test_texts_out_of_an_array_are_sentences() -> None:
    for text in np.array(["I love it.", "总算下雨了"]):
        assert gather(text).text == str(text)


def test_cues() -> None:
    assert chosen_cues(None) == {"words", "voice", "face", "scene"}
    assert chosen_cues("words, face") == chosen_cues("words，face") == {"words", "face"}
    assert chosen_cues(["voice"]) == {"voice"}
    with pytest.raises(UnknownNameError, match="voice"):
        chosen_cues("voices")
    with pytest.raises(ConfigError):
        chosen_cues([])


def test_sound_as_an_array_with_its_rate() -> None:
    slow = speech(2.0)[::2].copy()
    for given in ((slow, 8000), (8000, slow)):
        a = fake_reader().analyze(audio=given)
        assert a.duration == pytest.approx(2.0, abs=0.02)
        assert fake_reader().analyze(given).kind == "audio"
    with pytest.raises(InputError, match=r"expected sound as \(array, rate\) or \(rate, array\)"):
        fake_reader().analyze(audio=(slow, slow))


def test_what_may_stand_for_a_file(tmp_path: Path) -> None:
    class Tensor:
        """What torch, jax and the like give: numpy reads them by their __array__."""

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return speech(2.0)

    reader = fake_reader()
    assert reader.analyze(Tensor()).kind == "audio"  # type: ignore[arg-type]
    assert reader.analyze(audio=Tensor()).duration == 2.0  # type: ignore[arg-type]
    assert reader.analyze(io.StringIO("I love it")).kind == "text"  # type: ignore[arg-type]
    assert reader.analyze(text=io.BytesIO("很好".encode("gb18030"))).segments[0].text == "很好"
    assert reader.analyze(Image.fromarray(picture())).kind == "image"  # type: ignore[arg-type]
    wav = write_wav(tmp_path / "a.wav", speech(2.0))
    said = b"1\n00:00:00,000 --> 00:00:01,000\nI love it\n"
    for transcript in (said, io.BytesIO(said), b"WEBVTT\n\n00:00.000 --> 00:01.000\nI love it\n", b"I love it\n"):
        a = reader.analyze(audio=wav.read_bytes(), transcript=transcript)
        assert a.segments[0].text == "I love it"
        assert a.provenance["speech"] == "given transcript"
    with pytest.raises(InputError, match="got ndarray"):
        reader.analyze(video=np.zeros((4, 90, 120, 3), np.uint8))


@pytest.mark.parametrize("given", ["en", "EN", "en-GB", "en_us", " en "])
def test_codes_of_languages(given: str) -> None:
    assert gather("I love it", language=given).language == "en"


@pytest.mark.parametrize(
    ("given", "near"),
    [("english", r"en \(English\)"), ("cn", r"zh \(Chinese\)"), ("jp", r"ja \(Japanese\)"), ("germn", "de")],
)
def test_no_such_language(given: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"got '{given}'; did you mean {near}"):
        gather("I love it", language=given)
    with pytest.raises(ConfigError, match="got 'xq'; take auto"):
        gather("I love it", language="xq")


@pytest.mark.parametrize("text", ["report.pdf", "docs/notes.docx", "好.pdf"])
def test_what_looks_like_a_mistyped_name_is_read_and_said_so(text: str) -> None:
    assert "no such file" in gather(text).warnings[0]
    assert gather(text=text).warnings == ()


@pytest.mark.parametrize("text", ["ok", "e.g.", "yes/no", "3.14", "Hmm...ok", "U.S.A", "I like it.a lot"])
def test_a_word_is_no_name(text: str) -> None:
    assert gather(text).warnings == ()


def test_what_reads_inputs_does_not_load_the_patterns_of_personal_data() -> None:
    """They take longer to compile than everything else here takes to load."""
    seen = "import sys, demeanor.reader.inputs; print('demeanor.privacy.names' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("nothing", [np.nan, np.inf])
@pytest.mark.parametrize(("part", "shape"), [("audio", (32000,)), ("audio", (32000, 2)), ("image", (64, 64, 3))])
def test_arrays_without_a_finite_number_are_refused_and_some_are_told(
    part: str, shape: tuple[int, ...], nothing: float
) -> None:
    array = np.full(shape, nothing, np.float32)
    with pytest.raises(InputError, match=f"got {array.size} of {array.size} that are NaN or infinite"):
        fake_reader().analyze(**{part: array})
    array[10:] = np.random.default_rng(0).uniform(0.0, 0.5, array[10:].shape)
    told = f"got {array[:10].size} of {array.size} that are NaN or infinite; they were replaced"
    assert [w for w in fake_reader().analyze(**{part: array}).warnings if told in w]
