"""What the page does while things go on: clicks that come twice or too early, and results that come at a bad moment."""

import json
import re
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
    page.click("[data-language]")
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


def chosen(page: Any, *names: str) -> None:
    """Choose files of these names."""
    kinds = {"mp4": "video/mp4", "jpg": "image/jpeg", "txt": "text/plain", "srt": ""}
    files = [{"name": n, "mimeType": kinds[n.rpartition(".")[2]], "buffer": n.encode()} for n in names]
    page.set_input_files("[data-files]", files)


def without(page: Any, *status: int | str) -> None:
    """Take out of what the browser says that it was refused so."""
    page.trouble[:] = [t for t in page.trouble if not any(str(s) in t for s in status)]


def test_over_plain_http_from_another_machine(page: Any) -> None:
    """Browsers leave out there what is for secure pages only."""
    page.add_init_script("""delete Crypto.prototype.randomUUID;
        Object.defineProperty(Navigator.prototype, "mediaDevices", { get: () => undefined })""")
    answers(page, made.pure_text())
    page.reload()
    with page.expect_request("**/v1/jobs?explain=false") as sent:
        read_text(page, "I love it.")
    assert len(sent.value.headers["idempotency-key"]) == 32
    for button in ('[data-record="audio"]', "[data-live]"):
        page.click(button)
        page.click("[data-agree]")
        page.locator("[data-fault]", has_text="only to pages over https").wait_for()


def test_who_is_busy_is_asked_again(page: Any) -> None:
    told = jobs(page)
    keys, asked_for = [], []

    def accept(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        full = {"type": "urn:demeanor:problem:queue-full", "title": "x", "status": 429, "detail": "wait for some jobs"}
        if len(keys) == 1:
            route.fulfill(status=429, json=full, headers={"Retry-After": "1"})
        elif len(keys) < 6:  # a proxy whose server is away for a moment, and a connection that is lost
            lost = (502, 503, 504, 0)[len(keys) - 2]
            route.fulfill(status=lost, body="<html>") if lost else route.abort()
        else:
            route.fulfill(status=202, json=told)

    def poll(route: Any) -> None:
        asked_for.append(route.request.method)
        if len(asked_for) < 4:  # a proxy whose server is away for a moment
            route.fulfill(status=(502, 503, 504)[len(asked_for) - 1], body="<html>")
        else:
            route.fulfill(json={**told, "state": "done"})

    page.route("**/v1/jobs?explain=false", accept)
    page.route(f"**/v1/jobs/{JOB}", poll)
    read_text(page, "The soup was cold.")
    assert len(keys) == 6
    assert len(set(keys)) == 1
    without(page, 429, 502, 503, 504, "ERR_FAILED")


def test_a_result_that_a_proxy_loses_is_fetched_again(page: Any) -> None:
    answers(page, made.pure_text())
    lost: list[str] = []

    def lose(route: Any) -> None:
        lost.append(route.request.url)
        return route.fulfill(status=502, body="<html>") if len(lost) == 1 else route.fallback()

    page.route("**/v1/jobs/*/result?format=csv*", lose)
    read_text(page, "The soup was cold.")
    assert len(lost) == 2
    without(page, 502)


def test_a_service_without_room_is_asked_again_and_what_is_given_up_is_forgotten(page: Any) -> None:
    told, keys = jobs(page), []
    busy = {"type": "urn:demeanor:problem:busy", "title": "x", "status": 503, "detail": "there is no room"}

    def accept(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 2:
            route.fulfill(status=202, json=told)
        else:
            route.fulfill(status=503 if len(keys) == 1 else 500, json=busy, headers={"Retry-After": "1"})

    def result(route: Any) -> None:
        gone = {"type": "urn:demeanor:problem:fault", "title": "x", "status": 500, "detail": "a fault"}
        route.fulfill(status=500, json=gone)

    page.route("**/v1/jobs?explain=false", accept)
    page.route("**/v1/jobs/*/result*", result)
    asked(page)
    with page.expect_request(lambda r: r.method == "DELETE" and r.url.endswith(JOB)):
        told["state"] = "done"
    page.locator("[data-list] .error", has_text="a fault").wait_for()
    page.click("[data-go]")
    page.locator("[data-list] .error", has_text="there is no room").wait_for()
    assert len(keys) == 3, "what does not pass by itself is not asked again"
    assert keys[0] == keys[1] != keys[2]
    without(page, 500, 503)


def test_a_few_samples_are_sent_at_a_time(page: Any) -> None:
    told, sent = jobs(page), []

    def accept(route: Any) -> None:
        sent.append(route.request.post_data_buffer)
        route.fulfill(status=202, json=told)

    page.route("**/v1/jobs?explain=false", accept)
    chosen(page, *(f"{n}.txt" for n in range(7)))
    page.click("[data-go]")
    page.locator("[data-list] small", has_text="10 %").nth(3).wait_for()
    assert len(sent) == 4
    page.locator("[data-list] .x").first.click()  # the last one, which waits: nothing of it is sent
    assert page.locator("[data-list] li").count() == 6
    told["state"] = "done"
    page.locator("[data-list] .reading").nth(5).wait_for()
    assert len(sent) == 6
    assert not [body for body in sent if b"6.txt" in body]


def test_transcripts_go_with_the_recording_of_their_name(page: Any) -> None:
    sent = answers(page, made.video())
    chosen(page, "a.mp4", "a.srt", "b.srt", "b.mp4", "c.mp4", "c.txt", "d.txt")
    page.click("[data-go]")
    page.locator("[data-list] .reading").nth(3).wait_for()
    told = [sorted(re.findall(rb'name="(\w+)"; filename="([^"]+)"', body)) for body in sent]
    assert told == [
        [(b"transcript", b"a.srt"), (b"video", b"a.mp4")],
        [(b"transcript", b"b.srt"), (b"video", b"b.mp4")],
        [(b"text", b"c.txt"), (b"video", b"c.mp4")],
        [(b"text", b"d.txt")],
    ]


@pytest.mark.parametrize(
    "names", [("a.mp4", "b.mp4", "x.srt"), ("sky.jpg", "x.srt"), ("a.mp4", "a.srt", "x.srt")], ids=len
)
def test_a_transcript_without_a_recording_is_told(page: Any, names: tuple[str, ...]) -> None:
    sent = answers(page, made.video())
    chosen(page, *names)
    page.click("[data-go]")
    page.locator("[data-fault]", has_text="No recording here belongs to x.srt.").wait_for()
    assert page.locator("[data-parts] bdi").all_inner_texts() == list(names)
    assert sent == []
    page.get_by_role("button", name="Remove x.srt").click()
    page.click("[data-go]")
    page.locator("article.analysis").wait_for()


def test_options_hold_for_recordings_too(page: Any) -> None:
    sent = answers(page, made.chinese_audio())
    page.click(".options summary")
    for cue in ("words", "voice", "face", "scene"):
        page.uncheck(f"[data-cue][value={cue}]")
    page.click('[data-record="audio"]')
    page.locator("[data-fault]", has_text="at least one").wait_for()
    page.check("[data-cue][value=voice]")
    page.select_option("[data-spoken]", "zh")
    page.click('[data-record="audio"]')
    page.click("[data-agree]")
    page.wait_for_function("() => Number(document.querySelector('[data-clock]').textContent.slice(-2)) >= 1")
    page.click("[data-stop]")
    page.locator("article.analysis").wait_for()
    assert re.search(rb'name="cues"\r\n\r\nvoice\r\n', sent[0])
    assert re.search(rb'name="language"\r\n\r\nzh\r\n', sent[0])


RECORDER = """window.MediaRecorder = class extends MediaRecorder {
    set ondataavailable(f) { super.ondataavailable = (e) => f({ data: window.silent ? new Blob([]) : e.data }); }
    constructor(stream, how) { super(stream, how); window.tracks = stream.getTracks(); } }; 0"""


def test_a_recording_that_is_empty_is_told_and_not_sent(page: Any) -> None:
    sent = answers(page, made.chinese_audio())
    page.evaluate(RECORDER)
    page.evaluate("window.silent = true")
    page.click('[data-record="audio"]')
    page.click("[data-agree]")
    page.click("[data-stop]")
    page.locator("[data-fault]", has_text="Nothing was recorded").wait_for()
    assert page.locator("[data-composer]").is_visible()
    assert sent == []


def test_a_recording_is_read_once_whatever_ended_it(page: Any) -> None:
    """A second click on the button, and a microphone that was taken away before the first."""
    sent = answers(page, made.chinese_audio())
    page.evaluate(RECORDER)
    for readings, end in enumerate(("", "tracks.forEach((t) => t.stop());")):
        page.click('[data-record="audio"]')
        page.click("[data-agree]")
        page.wait_for_function("() => Number(document.querySelector('[data-clock]').textContent.slice(-2)) >= 1")
        page.evaluate(end)
        page.evaluate("['click', 'click'].forEach((c) => document.querySelector('[data-stop]').click())")
        page.locator("[data-list] .reading").nth(readings).wait_for()
        page.locator("[data-composer]").wait_for()
    assert page.locator("[data-list] .reading").count() == len(sent) == 2


def test_text_that_is_dragged_or_pasted_stays_text(page: Any) -> None:
    """Cells of a spreadsheet come with a picture of themselves; a file that was copied with its name."""
    page.evaluate("""() => { window.given = (text, ...names) => {
        const data = new DataTransfer();
        if (text) data.setData("text/plain", text);
        names.forEach((name) => data.items.add(new File(["x"], name, { type: "image/png" })));
        return data } }""")
    dropped = """(name) => document.querySelector("[data-text]").dispatchEvent(
        new DragEvent(name, { dataTransfer: given("hello"), bubbles: true, cancelable: true }))"""
    for name in ("dragenter", "dragover", "drop"):
        assert page.evaluate(dropped, name), f"the browser's own {name} goes on"
    assert "over" not in page.get_attribute("[data-drop]", "class").split()
    pasted = """([text, name]) => document.querySelector("[data-text]").dispatchEvent(new ClipboardEvent("paste",
        { clipboardData: given(text, name), bubbles: true, cancelable: true }))"""
    assert page.evaluate(pasted, ["12\t13", "image.png"])
    assert page.locator("[data-parts] li").count() == 0
    assert not page.evaluate(pasted, ["", "shot.png"])
    assert not page.evaluate(pasted, ["sky.png", "sky.png"])
    assert page.locator("[data-parts] bdi").all_inner_texts() == ["shot.png", "sky.png"]


def test_leaving_asks_while_something_would_be_lost(page: Any) -> None:
    asks: list[str] = []
    page.on("dialog", lambda dialog: (asks.append(dialog.type), dialog.dismiss()))

    def stays() -> None:
        with page.expect_event("dialog", timeout=60_000):
            page.evaluate("location.reload()")

    told = jobs(page)
    asked(page)
    stays()
    told["state"] = "done"
    page.locator("article.analysis").wait_for()
    page.locator('[data-line="0"] .edit').click()
    page.select_option('[data-line="0"] select', "negative")
    page.click('[data-line="0"] form .main')
    stays()
    saved(page, "JSON")
    page.evaluate("window.before = true")
    page.evaluate("location.reload()")
    page.wait_for_function("window.before === undefined")
    assert asks == 2 * ["beforeunload"], "once saved, nothing is lost"


@pytest.fixture(autouse=True)
def _without_a_key(page: Any) -> Any:
    yield
    page.evaluate("sessionStorage.clear()")
