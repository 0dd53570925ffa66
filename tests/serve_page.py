"""What the tests of the page have in common: clips, patience, and a result that no model had to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demeanor.report.html import ReportMedia, render

CLIP = Path(__file__).parents[1] / "demo" / "clip.mp4"
SKY = CLIP.with_name("sky.jpg")
PATIENCE = 300_000  # milliseconds: the machine may be busy with other things
PHONES = (375, 320)

_JOB = {"id": "0f" * 16, "state": "done", "progress": 1.0}


def accessible(page: Any) -> None:
    """Without a single violation that axe knows."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def read_text(page: Any, text: str) -> None:
    """Type a text and wait for its reading."""
    before = page.locator("[data-list] .reading").count()
    page.fill("[data-text]", text)
    page.click("[data-go]")
    page.locator("[data-list] .reading").nth(before).wait_for()


def fits(page: Any, width: int) -> None:
    """Nothing has to be scrolled sideways at this width; the window is as wide as before afterwards."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    wide = """() => [...document.querySelectorAll("body *")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("[hidden], .scroll, .ear"))
        .map((e) => e.tagName + "." + e.className)"""
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.evaluate(wide)
    page.set_viewport_size(before)


def answers(page: Any, analysis: dict[str, Any], media: ReportMedia | None = None) -> list[bytes]:
    """Have every job end at once with this analysis; the list takes the bodies of what was sent."""
    html, sent = render(analysis, media), []

    def result(route: Any) -> None:
        if "format=html" in route.request.url:
            route.fulfill(body=html, content_type="text/html")
        elif "format=json" in route.request.url:
            route.fulfill(json=analysis)
        else:
            route.fulfill(body="", content_type="text/plain")

    def accept(route: Any) -> None:
        sent.append(route.request.post_data_buffer)
        route.fulfill(status=202, json=_JOB)

    page.route("**/v1/jobs?explain=false", accept)
    page.route("**/v1/jobs/*/result*", result)
    page.route(f"**/v1/jobs/{_JOB['id']}", lambda route: route.fulfill(status=204))
    return sent


def give(page: Any, name: str, kind: str, content: bytes = b"nothing that plays") -> None:
    """Choose a file of this name and media type, have it read, and wait until it is shown."""
    page.set_input_files("[data-files]", {"name": name, "mimeType": kind, "buffer": content})
    page.click("[data-go]")
    page.locator("article.analysis bdi", has_text=name).first.wait_for()


def saved(page: Any, name: str) -> str:
    """The text of what a button under "Save as" gives."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(caught.value.path()).read_text(encoding="utf-8")
