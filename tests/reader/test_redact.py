"""Copies of texts and subtitles without personal data."""

from pathlib import Path

from demeanor.reader.redact import redact

SUBTITLES = """WEBVTT - by ann@example.com

NOTE john@example.com

NOTE
call 13912345678

STYLE ::cue(.tel-13912345678)

1
00:00:01.000 --> 00:00:02.500 align:start position:10%
13912345678

2
00:03 --> 00:04.5
42

00:05.000 --> 00:06.000 bob@example.com
fine
"""


def test_of_subtitles_only_times_and_numbers_of_cues_are_left_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "a.vtt"
    source.write_text(SUBTITLES, encoding="utf-8")
    done = redact(source, tmp_path / "b.vtt")
    lines = (tmp_path / "b.vtt").read_text(encoding="utf-8").split("\n")
    assert not [line for line in lines if "example.com" in line or "13912345678" in line]
    before = SUBTITLES.split("\n")
    changed = [old for old, new in zip(before, lines, strict=True) if old != new]
    assert changed == [line for line in before if "example.com" in line or "13912345678" in line]
    assert sum(done.counts.values()) == 6
