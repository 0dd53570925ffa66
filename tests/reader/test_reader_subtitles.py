"""Subtitles as input: their times, one by one, in folders and beside recordings."""

import json
from pathlib import Path

import pytest

from demeanor.errors import ConfigError, DataError
from demeanor.reader.batch import run
from demeanor.reader.folder import subtitles_beside
from demeanor.reader.manifest import read_items
from demeanor.report.schema import validate
from reader_fakes import fake_reader, silence, write_wav

VTT = (
    "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>I love it.\n\n00:10.000 --> 00:19.000\n<v Bob>I hate it.\n\n"
    "00:19.000 --> 00:20.500\n<v Bob>So.\n"
)


def put(path: Path, text: str = VTT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_segments_are_the_cues_of_the_subtitles(tmp_path: Path) -> None:
    a = fake_reader().analyze(put(tmp_path / "t.vtt"))
    told = [(s.start, s.end, s.chars, s.speaker, s.text) for s in a.segments]
    assert told == [
        (1.0, 2.0, None, "Ann", "I love it."),
        (10.0, 19.0, None, "Bob", "I hate it."),
        (19.0, 20.5, None, "Bob", "So."),
    ]
    assert (a.kind, a.duration, a.source, a.missing) == ("text", 20.5, "t.vtt", ("voice", "face", "scene"))
    assert {p.speaker for p in a.people} == {"Ann", "Bob"}
    assert a.overall.sentiment is not None
    assert a.overall.sentiment.label == "negative"  # for most of the time, though of two cues that say something one
    validate(a.to_dict())
    with pytest.raises(DataError):
        validate({**a.to_dict(), "segments": [{**a.to_dict()["segments"][0], "start": None, "end": None}]})
    with pytest.raises(DataError):
        validate({**fake_reader().analyze("I love it").to_dict(), "kind": "image", "duration": 1.0})
    a.save(tmp_path / "out.srt")
    assert "00:00:10,000 --> 00:00:19,000\nBob: I hate it." in (tmp_path / "out.srt").read_text(encoding="utf-8")
    assert "10.0" in json.dumps(a.to_frame(backend="polars").to_dicts())


def test_lasting_changes_of_subtitles_are_found(tmp_path: Path) -> None:
    said = ["I love it."] * 20 + ["I hate it."] * 20
    cues = [f"00:{2 * i // 60:02}:{2 * i % 60:02} --> 00:{2 * i // 60:02}:{2 * i % 60 + 1:02}" for i in range(40)]
    lines = (f"{cue.replace(' --> ', '.000 --> ')}.900\n{text}" for cue, text in zip(cues, said, strict=True))
    a = fake_reader().analyze(put(tmp_path / "t.vtt", "WEBVTT\n\n" + "\n\n".join(lines) + "\n"))
    trend = a.to_dict()["trend"]
    assert len(trend["changes"]) == 1
    assert len(a.segments) == 40


def test_a_stretch_of_subtitles(tmp_path: Path) -> None:
    a = fake_reader().analyze(put(tmp_path / "t.vtt"), start=9.0, end=15.0)
    assert [(s.start, s.end, s.text) for s in a.segments] == [(1.0, 6.0, "I hate it.")]
    assert a.duration == 6.0


def test_a_voice_that_subtitles_do_not_have_is_told(tmp_path: Path) -> None:
    a = fake_reader().analyze(put(tmp_path / "t.vtt"), cues="voice")
    assert a.lacking == ("voice",)


def test_why_subtitles_are_read_so(tmp_path: Path) -> None:
    why = fake_reader().analyze(put(tmp_path / "t.vtt")).explain().to_dict()
    assert {s["segment"] for s in why["segments"]} == {0, 1, 2}


def test_a_folder_reads_subtitles_unless_they_are_of_a_recording(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in ("alone.srt", "sub/talk.vtt", "film.vtt", "film.en.vtt", "film.late.vtt", "film.en.sdh.vtt"):
        put(root / name)
    write_wav(root / "film.wav", silence(1))
    out = tmp_path / "out.jsonl"
    beside = [root / "film.en.sdh.vtt", root / "film.en.vtt", root / "film.vtt"]
    assert subtitles_beside(root) == beside
    result = run(root, out, reader=fake_reader())
    found = {line["id"]: line for line in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    assert set(found) == {"alone.srt", "film.late.vtt", "film.wav", "sub/talk.vtt"}
    assert [s["start"] for s in found["sub/talk.vtt"]["segments"]] == [1.0, 10.0, 19.0]
    assert (result.done, result.failed) == (4, 0)
    assert run(root, out, reader=fake_reader()).skipped == 4
    put(root / "alone.srt", VTT.replace("love", "hate"))  # of the same size
    assert run(root, out, reader=fake_reader()).changed == 1


def test_pairs_take_subtitles_as_the_transcript_of_their_recording(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in ("film.vtt", "film.en.vtt", "clip.vtt", "alone.vtt"):
        put(root / name)
    put(root / "clip.txt", "I love it.")
    for name in ("film.wav", "clip.wav"):
        write_wav(root / name, silence(21))
    assert subtitles_beside(root, pair=True) == [root / "film.en.vtt"]
    given = {item.id: set(item.given) for item in read_items(root, tmp_path / "o", pair=True)}
    assert given == {"alone.vtt": {"source"}, "clip": {"audio", "text"}, "film": {"audio", "text"}}
    run(root, tmp_path / "out.jsonl", reader=fake_reader(), pair=True)
    found = {o["id"]: o for o in map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())}
    assert [s["start"] for s in found["film"]["segments"] if s["text"]] == [1.0, 10.0, 19.0]
    assert "clip.vtt: left aside, for the words are those of clip.txt" in found["clip"]["warnings"]


def test_subtitles_of_two_recordings_of_one_stem_are_no_sample(tmp_path: Path) -> None:
    put(tmp_path / "in" / "show.vtt")
    for name in ("show.wav", "show.flac"):
        write_wav(tmp_path / "in" / name, silence(1))
    found = {item.id: item.note for item in read_items(tmp_path / "in", tmp_path / "o", pair=True)}
    told = "expected one file of a kind to pair, got show.flac, show.vtt, show.wav; each was read by itself, without"
    assert found == dict.fromkeys(("show.flac", "show.wav"), f"{told} the subtitles")


def test_a_folder_of_nothing_but_subtitles_of_recordings_that_are_not_there_is_read(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.md")
    with pytest.raises(ConfigError, match=r"none, but 1 file \(.md 1\)"):
        read_items(tmp_path / "in", tmp_path / "o")
    put(tmp_path / "in" / "a.SRT", VTT)
    assert [item.id for item in read_items(tmp_path / "in", tmp_path / "o")] == ["a.SRT"]
