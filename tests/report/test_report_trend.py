"""The trend on the report's timeline: the smoothed line, the band of steady labels, and the same for the ear."""

from pathlib import Path
from typing import Any

import pytest
import report_analyses as made

from demeanor.reader.trend import trend
from demeanor.report.html import render
from demeanor.report.wording import WORDS

SCORES = [0.9, 0.1, 0.8, 0.7, 0.05, 0.9, -0.9, -0.1, -0.8, -0.7, 0.0, -0.8]
GUTTER, ENDS = 88, 50.2


def wavering() -> dict[str, Any]:
    """Six glad segments and six sad ones, each with two weak ones that the raw labels follow."""
    analysis = made.video()
    for segment, score in zip(analysis["segments"], SCORES, strict=True):
        segment["reading"] = made.reading(score)
    steps = trend(analysis["segments"])
    assert steps is not None
    assert steps["labels"] == ["positive"] * 6 + ["negative"] * 6
    return {**analysis, "trend": steps}


def opened(browser: Any, tmp_path: Path, analysis: dict[str, Any], language: str, **options: Any) -> Any:
    path = tmp_path / "trend.html"
    path.write_text(render(analysis, language=language), encoding="utf-8")
    shown = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
    shown.set_default_timeout(180_000)
    shown.goto(path.as_uri())
    shown.wait_for_selector("[data-timeline] .tl")
    return shown


LOOK = """([x, from, to]) => { const c = document.querySelector('.tl canvas'), k = c.width / c.clientWidth;
  const d = c.getContext('2d').getImageData(Math.round(x * k), from * k, 1, (to - from) * k).data;
  return Array.from({ length: d.length / 4 }, (_, i) => [...d.slice(4 * i, 4 * i + 4)]); }"""


def column(shown: Any, time: float, top: int, bottom: int) -> list[list[int]]:
    """Pixels (red, green, blue, alpha) of the timeline, a column of them from `top` to `bottom`."""
    x = GUTTER + (shown.locator(".tl").bounding_box()["width"] - GUTTER) * time / ENDS
    found: list[list[int]] = shown.evaluate(LOOK, [x, top, bottom])
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_line_is_smooth_and_the_band_steady(browser: Any, tmp_path: Path, scheme: str) -> None:
    """Without picture, sound: speakers down to 18 px, the fused lane from 26 to 122, the band from 130 to 148."""
    analysis = wavering()
    shown = opened(browser, tmp_path, analysis, "en", color_scheme=scheme)
    ink = shown.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
    wanted = [int(ink[i : i + 2], 16) for i in (1, 3, 5)]
    for at in (1, 4, 7, 10):
        segment = analysis["segments"][at]
        middle = (segment["start"] + segment["end"]) / 2
        lane = column(shown, middle, 26, 122)
        drawn = [y for y, p in enumerate(lane) if max(abs(a - b) for a, b in zip(p, wanted, strict=False)) < 80]
        assert sum(drawn) / len(drawn) == pytest.approx(48 - 45 * analysis["trend"]["smoothed"][at], abs=3)
        band = column(shown, middle, 130, 148)
        edge = band[1] if at < 6 else band[-2]
        assert (edge[0] - edge[2] > 60) if at < 6 else (edge[2] - edge[0] > 60), "orange above, blue below"
    shown.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_trend_is_told_in_both_languages(browser: Any, tmp_path: Path, language: str) -> None:
    words = WORDS["zh" if language == "zh" else "en"]
    shown = opened(browser, tmp_path, wavering(), language)
    assert words["smoothed"] in shown.locator(".tl-legend").inner_text()
    told = shown.locator("[data-timeline] > .ear").text_content()
    spans = [f"{words['positive']} 0:00 – 0:24", f"{words['negative']} 0:24 – 0:49"]
    assert told == words["trend"] + words["colon"] + words["comma"].join(spans)
    line = shown.locator(".tl")
    line.focus()
    shown.keyboard.press("Home")
    shown.keyboard.press("ArrowRight")
    assert f", {words['trend']} {words['positive']}, " in line.get_attribute("aria-valuetext")
    shown.locator("[data-table] summary").click()
    shown.locator("[data-table] thead th").first.wait_for()  # the table is made when it is opened
    heads = [h.inner_text() for h in shown.locator("[data-table] thead th").all()]
    cells = shown.locator(f"[data-table] tbody tr td:nth-child({heads.index(words['trend']) + 1})").all()
    marks = [c.inner_text()[0] for c in cells]
    assert marks == ["▲"] * 6 + ["▼"] * 6
    shown.close()


def test_without_a_trend_there_is_no_lane_for_it(browser: Any, tmp_path: Path) -> None:
    shown = opened(browser, tmp_path, made.video(), "en")
    assert "smoothed" not in shown.locator(".tl-legend").inner_text()
    assert shown.locator("[data-timeline] > .ear").count() == 0
    bare = shown.locator(".tl").bounding_box()["height"]
    shown.close()
    shown = opened(browser, tmp_path, wavering(), "en")
    assert shown.locator(".tl").bounding_box()["height"] == bare + 18 + 8
    shown.close()
