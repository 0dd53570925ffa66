"""What the page does while things go on: clicks that come twice or too early, and results that come at a bad moment."""

import json
from typing import Any

import pytest
import report_analyses as made

from demeanor.report.schema import validate
from serve_page import answers, give, read_text, saved

JOB = "0f" * 16
ACTIVE = "document.activeElement"


def jobs(page: Any) -> dict[str, Any]:
    """The state that jobs are said to be in; `end` it by another."""
    told = {"id": JOB, "state": "running", "progress": 0.1, "stage": "pictures", "error": None}
    answers(page, made.pure_text())
    page.route("**/v1/jobs?explain=false", lambda route: route.fulfill(status=202, json=told))
    page.route(
        f"**/v1/jobs/{JOB}",
        lambda route: route.fulfill(json=told) if route.request.method == "GET" else route.fulfill(status=204),
    )
    return told


def asked(page: Any, text: str = "The soup was cold.") -> None:
    page.fill("[data-text]", text)
    page.click("[data-go]")
    page.locator("[data-list] progress").first.wait_for()


def test_the_theme_that_was_chosen_stays_and_only_its_button_changes_it(page: Any) -> None:
    page.click("[data-theme-button]")
    chosen = page.get_attribute("html", "data-theme")
    page.reload()
    page.locator("[data-go]", has_text="Read").wait_for()
    page.click("h1")
    page.click("[data-language]")
    assert page.get_attribute("html", "data-theme") == chosen
    assert page.get_attribute("html", "aria-label") is None
    assert page.get_attribute("[data-theme-button]", "aria-label")


def test_a_picture_by_itself_is_shown_and_drawn_anew(page: Any) -> None:
    answers(page, made.image(), made.media())
    give(page, "table.jpg", "image/jpeg")
    page.click("[data-theme-button]")
    page.locator("article.analysis bdi", has_text="table.jpg").first.wait_for()
    assert page.locator("[data-list] .error").count() == 0


def test_a_label_is_corrected_without_a_correction_of_the_text(page: Any) -> None:
    several = made.pure_text()
    several["segments"][0]["text"] = " line one is nice\nline two as well "
    answers(page, several)
    read_text(page, "whatever")
    page.locator('[data-line="0"] .edit').click()
    assert page.input_value('[data-line="0"] input[name="text"]') == "line one is nice line two as well"
    page.select_option('[data-line="0"] select', "negative")
    page.click('[data-line="0"] form .main')
    analysis = json.loads(saved(page, "JSON"))
    assert {c["path"] for c in analysis["corrections"]} == {"segments[0].reading.sentiment.label"}
    validate(analysis)


def test_what_is_taken_back_while_it_is_sent_is_forgotten(page: Any) -> None:
    held: list[Any] = []
    jobs(page)
    page.route("**/v1/jobs?explain=false", lambda route: held.append(route))
    asked(page)
    page.click("[data-list] .x")
    assert page.locator("[data-list] li").count() == 0
    with page.expect_request(lambda r: r.method == "DELETE" and r.url.endswith(JOB)):
        held[0].fulfill(status=202, json={"id": JOB, "state": "queued", "progress": 0.0, "error": None})
    assert page.locator("[data-list] li, article.analysis").count() == 0


def test_progress_takes_no_focus_away(page: Any) -> None:
    told = jobs(page)
    asked(page)
    page.locator("[data-list] .x").focus()
    told["progress"] = 0.5
    page.locator("[data-list] small", has_text="50 %").wait_for()
    assert page.evaluate(f"{ACTIVE}.className") == "x"
    told["state"] = "cancelled"
    page.locator("[data-list] .nothing").wait_for()


def test_a_result_does_not_push_aside_what_is_being_written(page: Any) -> None:
    told = jobs(page)
    asked(page)
    page.fill("[data-text]", "And another th")
    told["state"] = "done"
    page.locator("[data-list] .reading").wait_for()
    assert page.evaluate(f"{ACTIVE}.matches('[data-text]')")
    assert not page.locator("[data-result]").is_visible()
    page.click("[data-list] .open")
    page.locator("article.analysis").wait_for()


def test_two_clicks_ask_for_one_microphone(page: Any) -> None:
    page.evaluate("""() => {
        const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        window.asked = 0;
        navigator.mediaDevices.getUserMedia = async (wanted) => {
            asked += 1;
            await new Promise((done) => setTimeout(done, 200));
            return real(wanted) } }""")
    page.click('[data-record="audio"]')
    page.evaluate("() => { const agree = document.querySelector('[data-agree]'); agree.click(); agree.click() }")
    page.locator("[data-stop]").wait_for()
    assert page.evaluate("asked") == 1
    page.click("[data-discard]")


def test_two_requests_ask_for_a_key_once(page: Any) -> None:
    answers(page, made.pure_text())
    refused = {"type": "urn:demeanor:problem:no-key", "title": "x", "status": 401, "detail": "expected a valid key"}

    def accept(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer mine":
            route.fulfill(status=202, json={"id": JOB, "state": "done", "progress": 1.0, "error": None})
        else:
            route.fulfill(status=401, json=refused)

    page.route("**/v1/jobs?explain=false", accept)
    files = [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"I love it"} for n in "ab"]
    page.set_input_files("[data-files]", files)
    page.click("[data-go]")
    page.locator("[data-key-dialog][open]").wait_for()
    page.fill("[data-key-dialog] [data-key]", "mine")
    page.locator("[data-key-dialog] button[value=ok]").click()
    page.wait_for_function("() => document.querySelectorAll('[data-list] .reading').length === 2")
    assert page.locator("[data-key-dialog][open]").count() == 0
    assert [t for t in page.trouble if "401" not in t] == []
    page.trouble.clear()  # the browser tells of what was refused


@pytest.fixture(autouse=True)
def _without_a_key(page: Any) -> Any:
    yield
    page.evaluate("sessionStorage.clear()")
