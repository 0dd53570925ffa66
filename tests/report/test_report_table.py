"""The table in the terminal: it fits, it reads without colour, and nothing in it can drive the terminal."""

import io
import re
import unicodedata
from typing import Any

import pytest
import report_analyses as made
from rich.console import Console

from demeanor.report.figures import percent
from demeanor.report.table import render, text

EVERY = [*made.ALL, made.failed]


def columns(line: str) -> int:
    """Terminal columns, by the Unicode table (not by the library under test)."""
    drawn = (c for c in line if not unicodedata.combining(c))
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in drawn)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("build", EVERY, ids=lambda f: f.__name__)
def test_it_fits_and_has_no_control_characters(build: Any, width: int) -> None:
    out = text(build(), width)
    assert max(columns(line) for line in out.splitlines()) <= width
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)


@pytest.mark.parametrize("width", [80, 120])
def test_columns_line_up_in_chinese(width: int) -> None:
    lines = text(made.chinese_audio(), width).splitlines()
    rows = [line for line in lines if re.match(r"\d+:\d\d\.\d–", line)]
    assert len(rows) == 7
    starts = {columns(row[: re.search("[▲●▼]", row).start()]) for row in rows}  # type: ignore[union-attr]
    assert len(starts) == 1


def test_what_it_says_of_a_video() -> None:
    out = text(made.video(), 120)
    assert "visit-to-the-new-place.mp4  video · 0:50 · en" in out
    assert "● neutral  +0.18" in out
    assert "59% sure (pooled)" in out
    assert re.search(r"words +● neutral +\+0\.24 .* 55% +\+0\.17 +joy 41%", out)
    assert re.search(r"0:18\.5–0:24\.0 +S2 +F2 +We called three times .*▼ -0\.74 +anger +anger +anger", out)
    assert "not read: scene" in out
    assert "! no face found in 1 of 12 segments" in out


def test_pure_text_has_characters_for_times() -> None:
    out = text(made.pure_text(), 100)
    assert "chars" in out
    assert "53–124" in out


def test_failure_abstention_and_long_input() -> None:
    assert text(made.failed()).startswith("✗ broken.mp4  DecodeError: expected a video")
    assert "Not sure enough to say" in text(made.empty())
    film = text(made.long_film(60), 100)
    assert "… 20 more segments" in film
    assert "Line 40:" in film
    assert "Line 41:" not in film


def test_what_abstains_is_not_said_to_be_sure() -> None:
    for abstains in (False, True):
        shown = text(made.analysis(overall=made.reading(0.6, abstain=abstains)))
        assert ("% sure" in shown.split("cue ")[0]) is not abstains


def test_markup_in_the_text_is_shown_not_obeyed() -> None:
    part = made.segment("[bold red]x[/bold red] \x1b[31mred", made.reading(0.5), {}, chars=[0, 9])
    assert "[bold red]x[/bold red] [31mred" in text(made.analysis(segments=[part]))


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn() -> str:
        out = io.StringIO()
        render(made.video(), Console(file=out, width=100, force_terminal=True, color_system="truecolor"))
        return out.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[38" in drawn()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[38" not in drawn()
    assert "▲ +0.78" in drawn()


def test_what_is_not_certain_is_never_said_to_be() -> None:
    assert [percent(p) for p in (1.0, 0.9999, 0.995, 0.9949, 0.5, 0.0)] == ["100%", ">99%", ">99%", "99%", "50%", "0%"]
