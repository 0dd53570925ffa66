"""The page in a real browser: quiet console, no request, mouse, keyboard, dark, phone, video, no script."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import report_analyses as made

from demeanor.report.html import ReportMedia, render


class Visit:
    """An open page with everything it said, asked for or broke."""

    def __init__(self, browser: Any, path: Path, html: str, **options: Any) -> None:
        path.write_text(html, encoding="utf-8")
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.trouble.append(m.text))
        self.page.on("pageerror", lambda e: self.trouble.append(str(e)))
        self.page.on("dialog", lambda d: (self.trouble.append("dialog"), d.dismiss()))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.set_default_timeout(180_000)  # a machine that trains beside the tests is slow, not wrong
        self.page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            self.settle()

    def settle(self) -> None:
        """Wait until the timeline is there and drawn, however long that takes."""
        self.page.wait_for_function(
            "() => { const t = document.querySelector('[data-timeline]'); return !t || t.firstChild; }"
        )
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Any]:
    visits: list[Visit] = []

    def go(html: str, **options: Any) -> Visit:
        visits.append(Visit(browser, tmp_path / "报告 1.html", html, **options))
        return visits[-1]

    yield go
    for one in visits:
        one.context.close()


def pages() -> dict[str, str]:
    sky = made.picture(640, 400, faces=False)
    return {
        "video": render(made.video(), made.video_media()),
        "chinese": render(made.chinese_audio(), made.media(peaks=made.wave())),
        "film": render(made.long_film(3000)),
        "post": render(made.post(), made.media(picture=sky)),
        "text": render(made.pure_text()),
        "image": render(made.image(), made.media(picture=made.picture())),
        "empty": render(made.empty()),
        "hostile": render(made.hostile(), made.video_media(made.hostile())),
        "failed": render(made.failed()),
        "list": render([made.video(), made.failed(), made.post()], [made.video_media(), None, made.media(picture=sky)]),
    }


@pytest.fixture(scope="module")
def html() -> dict[str, str]:
    return pages()


NAMES = ["video", "chinese", "post", "text", "image", "empty", "hostile", "failed", "list"]


@pytest.mark.parametrize("name", NAMES)
def test_quiet_alone_and_narrow(visit: Any, html: dict[str, str], name: str) -> None:
    """No message, no request beside the file itself, no sideways scroll at 320, 390 and 1280 px."""
    v = visit(html[name])
    for width, scheme in ((1280, "light"), (390, "dark"), (320, "light")):
        v.page.set_viewport_size({"width": width, "height": 844})
        v.page.emulate_media(color_scheme=scheme)
        for y in (0, 1500, 4000):
            v.page.mouse.wheel(0, y)
        v.settle()
        assert v.page.evaluate("document.documentElement.scrollWidth") <= width
        assert v.trouble == []
        assert [r for r in v.requests if not r.startswith("data:")] == v.requests[:1]


def test_nothing_a_user_wrote_becomes_an_element(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["hostile"])
    v.page.locator("[data-table] summary").click()
    v.page.locator(".tl").hover()
    assert v.page.evaluate("document.querySelectorAll('img[src=\"x\"], [onerror]').length") == 0
    bold = "[...document.querySelectorAll('b')].filter((b) => b.textContent.startsWith('& ')).length"
    assert v.page.evaluate(bold) == 0
    assert v.page.locator(".tl-tip").inner_text().count("<img src=x") == 3
    assert v.page.evaluate("document.scripts.length") == 3
    assert v.trouble == []


def test_hover_shows_the_numbers(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["video"])
    line = v.page.locator(".tl")
    line.scroll_into_view_if_needed()
    place = line.bounding_box()
    # The gutter with the lanes' names is 88 px; second 21 lies in the sixth utterance.
    x = 88 + (place["width"] - 88) * 21 / 50.2
    line.hover(position={"x": x, "y": 150})
    tip = v.page.locator(".tl-tip").inner_text()
    for part in (
        "0:18.5 – 0:24.0",
        "S2",
        "negative −0.74",
        "anger 64%",
        "Words",
        "−0.78",
        "nobody picked up",
    ):
        assert part in tip
    v.page.mouse.move(2, 2)
    assert v.page.locator(".tl-tip").is_hidden()


def test_a_click_selects_the_segment_and_its_line(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["video"])
    line = v.page.locator(".tl")
    line.scroll_into_view_if_needed()
    width = line.bounding_box()["width"]
    line.click(position={"x": 88 + (width - 88) * 34 / 50.2, "y": 150})
    assert v.page.locator("[aria-current=true]").get_attribute("data-line") == "8"
    assert "landlord" in v.page.locator("[data-chosen]").inner_text()
    v.page.locator("[data-line='1'] p").click()
    assert "positive +0.78" in v.page.locator("[data-chosen]").inner_text()
    assert line.get_attribute("aria-valuenow") == "2"


def test_the_keyboard_reaches_everything(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["video"])
    press = v.page.keyboard.press
    press("Tab")
    assert v.page.evaluate("document.activeElement.className") == "skip"
    for _ in range(10):
        press("Tab")
        if v.page.evaluate("document.activeElement.classList.contains('tl')"):
            break
    focused = v.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focused == "solid", "focus can be seen"
    press("Home")
    line = v.page.locator(".tl")
    assert line.get_attribute("aria-valuenow") == "1"
    press("ArrowRight")
    assert line.get_attribute("aria-valuetext").startswith("0:03 – 0:08, S2, positive +0.78, joy, Honestly?")
    press("End")
    assert line.get_attribute("aria-valuenow") == "12"
    press("ArrowRight")
    assert line.get_attribute("aria-valuenow") == "12"
    v.page.locator("[data-line='11'] button").focus()
    press("ArrowUp")
    assert v.page.evaluate("document.activeElement.parentNode.dataset.line") == "10"
    assert line.get_attribute("aria-valuenow") == "11"
    tabbable = "[...document.querySelectorAll('[data-line] button')].filter((b) => b.tabIndex === 0).length"
    assert v.page.evaluate(tabbable) == 1, "one stop for the whole transcript"


def test_keys_leave_a_long_transcript_at_once(visit: Any, html: dict[str, str]) -> None:
    """With lines passed over in drawing, the browser lays them out one by one to find the next stop: for minutes."""
    v = visit(html["film"])
    v.page.locator("[data-line] > button[tabindex='0']").focus()
    v.page.keyboard.press("Tab")
    seen = "getComputedStyle(document.querySelector('[data-line=\"2500\"]')).contentVisibility"
    assert v.page.evaluate(seen) == "visible"
    assert v.page.evaluate("document.activeElement.closest('[data-line]')") is None


def test_the_table_has_every_segment(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["video"])
    v.page.locator("[data-table] summary").click()
    rows = v.page.locator("[data-table] tbody tr")
    rows.first.wait_for()  # the table is made when it is opened
    assert rows.count() == 12
    assert rows.nth(4).inner_text().split("\t")[-1].strip() == "–", "no face in the fifth"


def test_dark_and_light(visit: Any, html: dict[str, str]) -> None:
    def ground(v: Any) -> int:
        text: str = v.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(p) for p in text.strip("rgb()").split(","))

    light, dark = visit(html["video"]), visit(html["video"], color_scheme="dark")
    assert ground(light) > 600
    assert ground(dark) < 120
    light.page.locator("[data-theme-toggle]").click()
    assert ground(light) < 120
    light.page.emulate_media(media="print")
    assert (
        light.page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
    )


def test_the_timeline_has_the_colours_of_the_page(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["text"])
    shown = "document.querySelector('.tl canvas').toDataURL()"
    light = v.page.evaluate(shown)
    v.page.locator("[data-theme-toggle]").click()
    v.settle()
    dark = v.page.evaluate(shown)
    assert dark != light
    v.page.evaluate("delete document.documentElement.dataset.theme")  # as the system has it
    v.page.emulate_media(color_scheme="dark")
    v.settle()
    assert v.page.evaluate(shown) == dark
    v.page.emulate_media(color_scheme="light")
    v.settle()
    assert v.page.evaluate(shown) == light


def test_what_was_corrected_is_sifted_as_it_is_shown(visit: Any) -> None:
    correction = {"path": "segments[7].reading.sentiment.label", "value": "neutral", "by": "ann", "at": "2026-01-01"}
    v = visit(render(made.video() | {"corrections": [correction]}))
    line = v.page.locator('[data-line="7"]')
    for label, shown in (("negative", False), ("neutral", True), ("positive", False)):
        v.page.locator("[data-find] button", has_text=label).click()
        assert line.is_visible() is shown, label
    assert v.trouble == []


def test_the_lanes_are_drawn_in_the_right_colours(visit: Any, html: dict[str, str]) -> None:
    """Blue where the score is negative, orange where it is positive, on the canvas itself."""
    v = visit(html["text"])
    pixel = """(at) => { const c = document.querySelector('.tl canvas'), k = c.width / c.clientWidth;
      const [x, y] = at.map((v) => Math.round(v * k));
      return [...c.getContext('2d').getImageData(x, y, 1, 1).data]; }"""
    width = v.page.locator(".tl").bounding_box()["width"]
    middle, span = 48, width - 88
    red, _, blue, _ = v.page.evaluate(pixel, [88 + span * 100 / 190, middle + 12])
    assert blue > red + 20, "sentence 3 hangs below the line, in blue"
    red, _, blue, _ = v.page.evaluate(pixel, [88 + span * 180 / 190, middle - 12])
    assert red > blue + 20, "sentence 5 stands above it, in orange"


def test_a_two_hour_film_opens_fast_zooms_and_is_searched(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["film"], viewport={"width": 390, "height": 844})
    assert v.page.evaluate("document.documentElement.scrollWidth") <= 390
    v.page.set_viewport_size({"width": 1280, "height": 900})
    meter = v.context.new_cdp_session(v.page)
    # Processor time of the page's thread, so that a busy machine does not make the test fail.
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})
    v.page.reload()
    v.settle()
    spent = {m["name"]: m["value"] for m in meter.send("Performance.getMetrics")["metrics"]}
    assert spent["TaskDuration"] < 3
    assert v.page.locator("[data-line]").count() == 3000
    line = v.page.locator(".tl")
    line.focus()
    v.page.keyboard.press("Home")
    for _ in range(12):
        v.page.keyboard.press("+")
    v.settle()
    line.hover(position={"x": 500, "y": 60})
    assert "0:0" in v.page.locator(".tl-tip .when").inner_text(), "the first seconds fill the width"
    v.page.keyboard.press("End")
    v.settle()
    assert line.get_attribute("aria-valuetext").startswith("1:59:57")
    visible = """() => {
      const box = (s) => document.querySelector(s).getBoundingClientRect();
      const [list, now] = [box("[data-lines]"), box("[aria-current]")];
      return now.top >= list.top && now.bottom <= list.bottom; }"""
    assert v.page.evaluate(visible), "the transcript follows"
    v.page.locator("[data-find] input").fill("Line 2900:")
    assert v.page.locator("[data-line]:not([hidden])").count() == 1
    v.page.locator("[data-find] input").fill("")
    v.page.locator("[data-find] button", has_text="negative").click()
    shown = v.page.locator("[data-line]:not([hidden])").count()
    assert shown == sum(s["reading"]["sentiment"]["label"] == "negative" for s in made.long_film(3000)["segments"])
    assert v.trouble == []


def test_who_speaks_longer_is_found_behind_who_falls_in(visit: Any) -> None:
    """At a time that one item holds, another that ended nearby does not count; nor does what is in view."""
    long, short = made.video()["segments"][:2]
    parts = [long | {"start": 0.0, "end": 10.0}, short | {"start": 2.0, "end": 3.0}]
    parts += [short | {"start": 30.0 + k, "end": 30.5 + k} for k in range(12)]
    v = visit(render(made.video() | {"segments": parts, "trend": None}))
    held = "(time) => document.querySelector('article').demeanorTimeline.setTime(time)"
    assert [v.page.evaluate(held, t) for t in (1, 2.5, 5, 15, 30.2)] == [0, 1, 0, None, 2]
    line = v.page.locator(".tl")
    line.scroll_into_view_if_needed()
    width = line.bounding_box()["width"]
    for time, index in ((5, "0"), (11, "0"), (2.5, "1")):
        line.click(position={"x": 88 + (width - 88) * time / 50.2, "y": 150})
        assert v.page.locator("[aria-current=true]").get_attribute("data-line") == index
    line.press("Home")
    for _ in range(3):
        line.press("+")
    v.settle()
    assert v.page.evaluate(held, 41.2) == 13, "out of view, it is followed still"
    assert v.trouble == []


def test_what_has_no_line_is_chosen_all_the_same(visit: Any) -> None:
    item = made.pure_text()
    item["segments"][0]["text"] = None
    v = visit(render(item))
    v.page.locator(".tl").press("Home")
    assert "(no words)" in v.page.locator("[data-chosen]").inner_text()
    assert v.page.locator("[aria-current=true]").count() == 0
    assert v.trouble == []


def write_clip(path: Path, seconds: int = 6) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.time_base = Fraction(1, 10)
        for k in range(10 * seconds):
            picture = np.full((96, 160, 3), 4 * k % 256, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def test_a_click_moves_the_recording(visit: Any, tmp_path: Path) -> None:
    write_clip(tmp_path / "片 段.webm")
    made_media = ReportMedia(media_file=tmp_path / "片 段.webm")
    v = visit(render(made.video(), made_media, folder=tmp_path))
    v.page.wait_for_function("document.querySelector('video').readyState >= 1")
    v.page.locator("[data-line='1'] p").click()
    v.page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 3.9) < 0.05")
    assert v.trouble == []
    assert [r for r in v.requests if not r.startswith("file:///")] == []


def test_without_the_recording_the_strip_stays(visit: Any) -> None:
    v = visit(render(made.video(), made.video_media(media_file=Path("gone.mp4"))))
    v.page.wait_for_function("!document.querySelector('[data-gone]').hidden")
    assert v.page.locator("video").is_hidden()
    assert v.page.locator("[data-frame] img").is_visible()
    assert v.page.locator("[data-frame] .boxes rect").count() == 2


def test_without_script_every_line_can_be_read(visit: Any, html: dict[str, str]) -> None:
    v = visit(html["video"], java_script_enabled=False)
    for segment in made.video()["segments"]:
        assert v.page.get_by_text(segment["text"]).first.is_visible(), segment["text"]


def test_it_prints(visit: Any, html: dict[str, str], tmp_path: Path) -> None:
    v = visit(html["list"])
    pdf = v.page.pdf(format="A4", path=str(tmp_path / "report.pdf"))
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 50_000
    assert v.trouble == []
