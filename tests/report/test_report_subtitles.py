"""Subtitles: times to the millisecond, nothing that breaks the format, a clear error without times."""

import re
from pathlib import Path
from typing import Any

import av
import pytest
import report_analyses as made

from demeanor.errors import InputError
from demeanor.report.subtitles import srt, vtt


def read_back(text: str, name: str, tmp_path: Path) -> list[tuple[float, float, str]]:
    """(start, end, text) as FFmpeg reads the file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        packets = [p for p in container.demux(stream) if p.size]
        base = float(stream.time_base)
        return [(p.pts * base, (p.pts + p.duration) * base, bytes(p).decode("utf-8")) for p in packets]


@pytest.mark.parametrize(("write", "name"), [(srt, "a.srt"), (vtt, "a.vtt")])
@pytest.mark.parametrize("build", [made.video, made.chinese_audio, made.hostile], ids=lambda f: f.__name__)
def test_ffmpeg_reads_back_every_cue_and_time(write: Any, name: str, build: Any, tmp_path: Path) -> None:
    segments = build()["segments"]
    cues = read_back(write(build()), name, tmp_path)
    assert len(cues) == len(segments)
    for (start, end, text), segment in zip(cues, segments, strict=True):
        assert start == pytest.approx(segment["start"], abs=1e-6)
        assert end == pytest.approx(segment["end"], abs=1e-6)
        assert text.strip()


def test_the_words_of_a_subtitle() -> None:
    lines = srt(made.video()).splitlines()
    assert lines[:4] == [
        "1",
        "00:00:00,000 --> 00:00:03,400",
        "S1: Thanks for coming back. How was the new place?",
        "[positive +0.33 joy]",
    ]
    assert "[negative -0.81 anger]" in lines


def test_a_neutral_emotion_is_not_said_twice() -> None:
    assert "[neutral +0.02]" in srt(made.video())


def test_times_beyond_an_hour_and_rounding() -> None:
    part = made.segment("x", made.reading(0.5, "joy"), {}, start=3661.9996, end=3661.99961)
    text = srt(made.analysis(kind="audio", segments=[part]))
    assert "01:01:02,000 --> 01:01:02,001" in text


def test_vtt_colours_and_escapes() -> None:
    text = vtt(made.hostile())
    assert text.startswith("WEBVTT\n\nSTYLE\n")
    assert "::cue(.positive)" in text
    body = text.split("\n\n", 2)[2]
    assert "<c.negative>[negative -0.81 anger]</c>" in body
    assert set(re.findall(r"<(/?[a-z]+)", body)) == {"v", "/v", "c", "/c"}
    assert "-->" not in body.replace(" --> ", "")


def test_nothing_can_end_a_cue_early() -> None:
    part = made.segment(
        "one\n\n2\n00:00:01,000 --> 00:00:02,000\n<i>two</i> {\\an8}", made.nothing(), {}, start=0.0, end=1.0
    )
    text = srt(made.analysis(kind="audio", segments=[part]))
    assert text.count("-->") == 1
    assert "<i>" not in text
    assert "{\\" not in text
    assert len(text.strip().splitlines()) == 4, "number, time, words, and that there is no reading"


def test_a_segment_without_words_still_gives_the_reading() -> None:
    part = made.segment(None, made.reading(-0.7, "fear"), {}, start=0.0, end=3.0, speaker="S1")
    assert srt(made.analysis(kind="video", segments=[part])).endswith("\n[negative -0.70 fear]\n")


def test_no_empty_cue() -> None:
    assert srt(made.empty()) == ""
    assert "-->" not in vtt(made.empty())


@pytest.mark.parametrize("build", [made.pure_text, made.image, made.failed], ids=lambda f: f.__name__)
@pytest.mark.parametrize("write", [srt, vtt])
def test_without_times_there_is_a_way_on(write: Any, build: Any) -> None:
    with pytest.raises(InputError, match="next: "):
        write(build())
