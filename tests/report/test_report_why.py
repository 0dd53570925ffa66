"""The panel "Why" and the marks of lasting changes: what they show, that user text stays text, in a real browser."""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_analyses as made
from rich.console import Console

from demeanor.reader.trend import trend
from demeanor.report import why_table
from demeanor.report.html import render
from demeanor.report.schema import validate
from demeanor.report.why import Reasons, _cues, _frames
from demeanor.report.wording import WORDS
from demeanor.types import KeyFrame

Json = dict[str, Any]


def outcome(score: float) -> Json:
    return {"score": score, "label": "positive" if score > 0.3 else "negative" if score < -0.3 else "neutral"}


def explanation(analysis: Json) -> Json:
    """Reasons by rule: long words speak for the reading, short ones against it."""
    segments = []
    for at, segment in enumerate(analysis["segments"]):
        text, words, end = segment["text"] or "", [], 0
        for word in text.split():
            start = text.index(word, end)
            end = start + len(word)
            share = round(0.08 * (len(word) - 3), 3)
            words.append({"text": word, "start": start, "end": end, "share": max(-0.9, min(share, 0.9)),
                          "without": outcome(0.1)})  # fmt: skip
        voice = None
        if segment["start"] is not None and "voice" in segment["cues"]:
            edges = np.linspace(segment["start"], segment["end"], 6)
            parts = [{"start": float(a), "end": float(b), "share": 0.3 - 0.15 * k, "without": outcome(0.2)}
                     for k, (a, b) in enumerate(pairwise(edges))]  # fmt: skip
            voice = {"score": 0.4, "base": 0.0, "exact": True, "parts": parts}
        said = {"score": 0.5, "base": 0.0, "exact": False, "parts": words} if words else None
        conflict = {
            "en": "The words are positive, the voice is not: it is negative.",
            "zh": "文字是积极的，语音却不是。",
        }
        segments.append({"segment": at, "share": None, "without": outcome(0.1), "words": said, "voice": voice,
                         "conflict": conflict if at == 2 else None})  # fmt: skip
    times = [2.0, 20.0] if analysis["duration"] else [None]
    heat = [{"cue": "scene", "time": time, "face": None, "box": [0, 0, 1, 1], "score": 0.5, "base": 0.0,
             "values": [[0.2, -0.1, 0.0], [0.05, 0.3, -0.02]]} for time in times]  # fmt: skip
    change = {"kind": "segments", "segment": None, "items": [0], "texts": [analysis["segments"][0]["text"] or ""],
              "before": outcome(0.5), "after": outcome(0.0), "smallest": True, "exact": True,
              "said": {"en": "Without the first one: neutral (0.00).", "zh": "去掉第一句：中性（0.00）。"}}  # fmt: skip
    found = {
        "schema": "demeanor.explanation/1", "id": analysis["id"], "source": analysis["source"],
        "kind": analysis["kind"], "score": 0.5, "base": 0.0, "label": "positive",
        "said": [{"en": "Positive, +0.50: mostly from the words.", "zh": "积极，+0.50：主要来自文字。"},
                 {"en": "They agree.", "zh": "一致。"}, change["said"]],
        "agreement": "agree", "agreement_said": {"en": "They agree.", "zh": "一致。"},
        "cues": [{"cue": c, "score": 0.5, "label": "positive", "weight": r["weight"], "share": r["share"],
                  "without": outcome(0.1)} for c, r in analysis["cues"].items()],
        "segments": segments,
        "frames": [{"time": t, "cue": "face", "face": "F1", "score": 0.5, "share": 0.1}
                   for t in times if t is not None],
        "heat": heat, "counterfactuals": [change, {**change, "kind": "words", "segment": 0, "texts": ["first"],
                                                   "smallest": False}],
        "limits": ["something was not explained"],
        "provenance": {"version": "0.1.0", "bundle": "base", "seed": 0, "readings": 99, "seconds": 1.5},
    }  # fmt: skip
    validate(found, "explanation")
    return found


def page(analysis: Json, **media: Any) -> str:
    frames = [KeyFrame(2.0, made.picture()), KeyFrame(20.0, made.picture(seed=2))]
    steps = trend(analysis["segments"])
    analysis = {**analysis, "trend": steps} if steps else analysis
    return render(analysis, made.media(**media), reasons=Reasons(explanation(analysis), frames))


def test_words_seconds_regions_and_changes_are_there() -> None:
    html = page(made.video(), peaks=made.wave())
    for part in (
        "Positive, +0.50: mostly from the words.",
        'title="+0.48 · without it: neutral +0.10">recommend',
        "What each cue adds",
        "together they make the score, +0.50",
        '<li class="agreement agree">They agree.',
        "<sup",
        'class="shaded"',
        'class="heat"',
        "Without the first one",
        "(the smallest set found)",
        "something was not explained",
        "Frames that count",
    ):
        assert part in html, part
    assert "style=" not in html.replace("style-src", "")


@pytest.mark.parametrize(("share", "shown"), [(0.1, True), (0.004, False), (0.0, False)])
def test_frames_that_would_be_shown_as_zero_do_not_count(share: float, shown: bool) -> None:
    frames = [{"time": t, "cue": "scene", "face": None, "score": 0.5, "share": share} for t in (1.5, 2.5)]
    assert ("0:01.5" in _frames({"frames": frames}, WORDS["en"])) is shown
    analysis = made.video()
    console = Console(file=io.StringIO(), width=200)
    why_table.render(analysis, {**explanation(analysis), "frames": frames}, console)
    assert ("frames that count" in console.file.getvalue()) is shown


def test_shares_that_do_not_begin_at_zero_say_where_they_begin() -> None:
    cues = [{"cue": c, "share": 0.2, "without": None} for c in ("words", "voice")]
    said = _cues({"cues": cues, "score": 0.5, "base": 0.1}, WORDS["en"])
    assert "with the starting point +0.10 they make the score, +0.50" in said


def test_the_chinese_page_is_in_chinese() -> None:
    html = page(made.chinese_audio(), peaks=made.wave())
    for part in ("为什么", "积极，+0.50：主要来自文字。", "语音中起作用的时刻", "去掉什么会改变结果"):
        assert part in html
    assert "Words that count" not in html


def test_a_mark_has_its_sign_and_its_number_for_the_ear() -> None:
    html = page(made.pure_text())
    assert '<span class="ear"> (+0.24)</span>' in html
    assert "▲" in html


def test_user_text_stays_text() -> None:
    html = page(made.hostile())
    assert "<img src=x" not in html
    assert 'onerror="' not in html


def test_without_reasons_nothing_changes() -> None:
    assert 'class="card why"' not in render(made.video())


@pytest.mark.parametrize("name", ["video", "chinese_audio", "post", "hostile"])
def test_quiet_alone_and_narrow(browser: Any, tmp_path: Path, name: str) -> None:
    analysis = getattr(made, name)()
    path = tmp_path / "why.html"
    path.write_text(page(analysis, peaks=made.wave(), picture=made.picture()), encoding="utf-8")
    trouble: list[str] = []
    for width, scheme in ((1280, "light"), (390, "dark"), (320, "light")):
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        shown = context.new_page()
        shown.set_default_timeout(180_000)
        shown.on("console", lambda m: trouble.append(m.text))
        shown.on("pageerror", lambda e: trouble.append(str(e)))
        shown.goto(path.as_uri())
        shown.wait_for_function(
            "() => { const t = document.querySelector('[data-timeline]'); return !t || t.firstChild; }"
        )
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        narrow = "() => Math.min(...[...document.querySelectorAll('.why tbody th')].map((n) => n.clientWidth))"
        assert shown.evaluate(narrow) >= 90, "no column of single letters"
        marked = shown.locator(".why mark").first
        colours = marked.evaluate("(m) => [getComputedStyle(m).color, getComputedStyle(m).boxShadow]")
        assert colours[1] != "none", "a line beside the colour"
        context.close()
    assert trouble == []


@pytest.fixture
def shown(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A film's page with its reasons."""
    path = tmp_path / "why.html"
    path.write_text(page(made.video(), peaks=made.wave()), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(180_000)
    opened.goto(path.as_uri())
    opened.wait_for_selector(".why[data-wired]")
    yield opened
    context.close()


def test_numbers_show_where_one_points_and_where_the_keyboard_is(shown: Any) -> None:
    tip = shown.locator(".why-tip")
    assert not tip.is_visible()
    word = shown.locator(".why mark", has_text="recommend").first
    word.hover()
    assert tip.inner_text() == "+0.48 · without it: neutral +0.10"
    shown.locator(".why h3").hover()
    assert not tip.is_visible()
    marks = shown.locator(".marked mark")
    assert [m.get_attribute("tabindex") for m in marks.all()].count("0") == 1, "one stop for all words"
    marks.first.focus()
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate("document.activeElement === document.querySelectorAll('.marked mark')[1]")
    assert tip.is_visible()
    shown.keyboard.press("Escape")
    assert not tip.is_visible()


def test_seconds_and_segments_lead_to_their_places(shown: Any) -> None:
    stretch = shown.locator(".shaded").nth(1).locator("g").first
    assert stretch.get_attribute("role") == "img"
    assert ":" in stretch.get_attribute("aria-label")
    stretch.focus()
    shown.keyboard.press("Enter")
    chosen = int(shown.locator("[data-line][aria-current]").get_attribute("data-line"))
    start = float(stretch.get_attribute("data-start"))
    assert made.video()["segments"][chosen]["start"] <= start < made.video()["segments"][chosen]["end"]
    shown.locator("button.go").first.click()
    assert shown.locator("[data-line][aria-current]").get_attribute("data-line") == "0"


def test_the_seconds_of_the_voice_are_on_the_timeline(shown: Any) -> None:
    assert "Seconds of the voice" in shown.locator(".tl-legend").inner_text()
    segment = made.video()["segments"][0]
    lane = """(at) => {
      const c = document.querySelector('.tl canvas'), k = c.width / c.clientWidth;
      const style = getComputedStyle(document.documentElement);
      const d = c.getContext('2d').getImageData(Math.round(at * k), 0, 1, c.height).data, lines = {};
      for (let y = 0, last = '', length = 0; y < c.height; y++) {
        const dot = [d[4 * y], d[4 * y + 1], d[4 * y + 2]].join();
        length = dot === last ? length + 1 : 1;
        last = dot;
        if (length === 3 * k) lines[dot] = true;
      }
      const hex = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/g);
      const dots = (name) => hex(name).map((h) => parseInt(h, 16)).join();
      return ['--positive', '--negative'].map((name) => Boolean(lines[dots(name)])); }"""
    width = shown.locator(".tl").bounding_box()["width"] - 88

    def lines(part: float) -> list[bool]:
        time = segment["start"] + part * (segment["end"] - segment["start"])
        found: list[bool] = shown.evaluate(lane, 88 + width * time / 50.2)
        return found

    assert lines(0.1)[0], "towards positive: a line above"
    assert lines(0.9)[1], "towards negative: a line below"


def test_nothing_is_wrong_for_those_who_cannot_see(shown: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    found = axe.Axe().run(shown, context=".why")
    assert found.violations_count == 0, found.generate_report()


def test_lasting_changes_are_marked_on_the_fused_lane(browser: Any, tmp_path: Path) -> None:
    analysis = made.video()
    for at, segment in enumerate(analysis["segments"]):
        segment["reading"] = made.reading(0.6 if at < 6 else -0.6)
    path = tmp_path / "change.html"
    path.write_text(page(analysis), encoding="utf-8")
    shown = browser.new_page(viewport={"width": 1280, "height": 900})
    shown.set_default_timeout(180_000)
    shown.goto(path.as_uri())
    shown.wait_for_function("() => document.querySelector('[data-timeline]').firstChild")
    assert "lasting change" in shown.locator(".tl-legend").inner_text()
    at = 88 + (shown.locator(".tl").bounding_box()["width"] - 88) * analysis["segments"][6]["start"] / 50.2
    dark = """([x, from, to]) => { const c = document.querySelector('.tl canvas'), k = c.width / c.clientWidth;
      const d = c.getContext('2d').getImageData(Math.round(x * k) - 1, from * k, 3, (to - from) * k).data;
      let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] + d[i + 1] + d[i + 2] < 240 && d[i + 3] > 100;
      return n; }"""
    box = shown.evaluate("document.querySelector('.tl canvas').clientHeight")
    assert shown.evaluate(dark, [at, 0, box - 24]) > 20, "a dark line where the change begins"
    shown.close()
