"""Live readings on the page while the service, the network or the reader gets in the way."""

import json
import struct
from typing import Any

import pytest
import report_analyses as made

from serve_page import accessible, saved


def live_elsewhere(
    page: Any,
    *,
    held: bool,
    whole: dict[str, Any] | None = None,
    without: tuple[str, ...] = (),
    names: str | None = None,
) -> list[Any]:
    """Live sessions of a service that is restarted after it heard somebody; the list takes the connections.

    Where `held`, nobody answers the next connection, else it is told that its session is unknown. `whole` is
    what is read when it is over, `without` names cues that are not to be read. The page's messages are in `heard` of
    the list's first connection.
    """
    connections: list[Any] = []

    def hear(ws: Any, message: str | bytes) -> None:
        connections[0].heard.append(message)
        if whole is not None and isinstance(message, str) and json.loads(message)["type"] == "end":
            ws.send(json.dumps({"type": "final", "seq": 2, "analysis": whole}))
        first = isinstance(message, str) and json.loads(message)["type"] == "hello"
        if not first or (held and len(connections) > 1):
            return
        if len(connections) > 1:
            detail = "expected the token of a session that is kept, got another; begin anew"
            told = {"type": "urn:demeanor:problem:no-session", "title": "Not Found", "status": 404, "detail": detail}
            ws.send(json.dumps({"type": "error", "problem": told}))
            ws.close(code=1008)
            return
        reading = {"sentiment": {"label": "positive", "score": 0.5}, "abstain": False}
        segment = {"start": 0.0, "text": "Good morning.", "reading": reading}
        ws.send(json.dumps({"type": "hello", "session": "one", "received": 0}))
        ws.send(json.dumps({"type": "segment", "seq": 1, "id": "a1", "state": "closed", "segment": segment}))

    def accept(ws: Any) -> None:
        connections.append(ws)
        ws.heard = []
        ws.on_message(lambda message: hear(ws, message))

    page.route_web_socket("**/v1/stream", accept)
    page.reload()  # only pages loaded from now on are routed
    page.evaluate("""() => {
        const link = document.querySelector("[data-link]");
        window.told = [];
        new MutationObserver(() => told.push(link.textContent)).observe(link, { childList: true }) }""")
    if without or names:
        page.click(".options summary")
    if names:
        page.check("[data-redact]")
        page.fill("[data-names]", names)
    for cue in without:
        page.uncheck(f"[data-cue][value={cue}]")
    page.click("[data-live]")
    page.click("[data-agree]")
    page.locator("[data-said] .line", has_text="Good morning.").wait_for()
    page.evaluate("window.taken = document.querySelector('[data-preview]').srcObject?.getTracks() ?? []")
    return connections


@pytest.mark.parametrize("stopped", [False, True])
def test_a_live_session_that_is_refused_ends_the_capture_and_says_why(page: Any, stopped: bool) -> None:
    connections = live_elsewhere(page, held=False)
    if stopped:  # the rest is still being read when the service goes
        page.click("[data-stop]")
    connections[0].close(code=1012)
    page.locator("[data-broken]", has_text="begin anew").wait_for()
    assert "microphone and camera are off" in page.inner_text("[data-broken]")
    assert page.evaluate("taken.length === 2 && taken.every((track) => track.readyState === 'ended')")
    assert page.evaluate("document.querySelector('[data-preview]').srcObject") is None
    assert page.inner_text("[data-link]") == ""
    assert "Good morning." in page.inner_text("[data-said]"), "what was read stays"
    assert not page.locator("[data-discard]").is_visible()
    accessible(page)
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("[data-composer]").wait_for()
    page.click("[data-live]")
    page.click("[data-agree]")
    page.locator("[data-broken]", has_text="begin anew").wait_for()  # as everything here is by now
    assert len(connections) == 3
    assert page.inner_text("[data-said]") == ""


def test_what_is_heard_again_stands_where_it_begins(page: Any) -> None:
    connection = live_elsewhere(page, held=False)[0]
    reading = {"sentiment": None, "abstain": False}

    def hear(seq: int, id: str, start: float, text: str) -> None:
        segment = {"start": start, "text": text, "reading": reading}
        connection.send(
            json.dumps({"type": "segment", "seq": seq, "id": id, "state": "final", "segment": segment, "replaces": []})
        )

    hear(2, "a2", 12.6, "two")
    hear(3, "a1", 0.0, "one a")
    hear(4, "a3", 5.8, "one b")
    page.locator("[data-said] .line").nth(2).wait_for()
    assert page.locator("[data-said] .line p").all_inner_texts() == ["one a", "one b", "two"]
    hear(5, "a3", 13.0, "three")
    page.locator("[data-said] .line", has_text="three").wait_for()
    assert page.locator("[data-said] .line p").all_inner_texts() == ["one a", "two", "three"]
    page.click("[data-discard]")


def test_buttons_say_what_they_do_in_both_languages(page: Any) -> None:
    connection = live_elsewhere(page, held=False)[0]
    for title, stop in (("实时读取中", "停止"), ("Reading live", "Stop")):
        page.click("[data-language]")
        assert (page.inner_text("[data-capture-title]"), page.inner_text("[data-stop]")) == (title, stop)
    connection.send(json.dumps({"type": "error", "problem": {"detail": "gone"}}))
    page.locator("[data-broken]", has_text="gone").wait_for()
    for stop in ("关闭", "Close"):
        page.click("[data-language]")
        assert page.inner_text("[data-stop]") == stop
    page.click("[data-stop]")


def test_what_is_not_to_be_read_is_not_read_live_either(page: Any) -> None:
    heard = live_elsewhere(page, held=False, without=("face", "scene"))[0].heard
    assert page.evaluate("taken") == [], "nor is the camera asked for"
    hello = json.loads(heard[0])
    assert (hello["cues"], hello["language"]) == (["words", "voice"], "auto")
    assert (hello["redact"], hello["names"]) == (False, None)
    page.click("[data-discard]")


def test_personal_data_are_left_out_live_too_where_that_is_chosen(page: Any) -> None:
    hello = json.loads(live_elsewhere(page, held=False, names="Maya Okafor, 小梅")[0].heard[0])
    assert (hello["redact"], hello["names"]) == (True, ["Maya Okafor, 小梅"])
    page.click("[data-discard]")


def test_live_pictures_have_the_clock_of_the_sound(page: Any) -> None:
    """What passes before the first sound, while a key is asked for, say, counts for neither."""
    page.add_init_script("""const real = AudioWorklet.prototype.addModule, now = performance.now.bind(performance);
        let late = 0;
        performance.now = () => now() + late;
        AudioWorklet.prototype.addModule = function (name) { late += 1e6; return real.call(this, name); }""")
    heard = live_elsewhere(page, held=False)[0].heard
    pictures: list[bytes] = []
    while not pictures:
        page.wait_for_timeout(50)
        pictures = [m for m in heard if isinstance(m, bytes) and m[0] == 2]
    assert struct.unpack_from("<d", pictures[0], 8)[0] < 1000
    assert next(m for m in heard if isinstance(m, bytes))[0] == 1, "sound comes first"
    page.click("[data-discard]")


def test_a_live_reading_whose_report_cannot_be_made_is_kept_and_tried_again(page: Any) -> None:
    live_elsewhere(page, held=False, whole=made.video())
    told = {"type": "urn:demeanor:problem:fault", "title": "Fault", "status": 500, "detail": "there is no room"}
    page.route("**/v1/render*", lambda route: route.fulfill(status=500, json=told))
    page.click("[data-stop]")
    page.locator("[data-broken]", has_text="there is no room").wait_for()
    for words in ("重试", "Try again"):
        page.click("[data-language]")
        assert page.inner_text("[data-stop]") == words
    assert "Good morning." in page.inner_text("[data-said]")
    accessible(page)
    assert json.loads(saved(page, "Save as JSON")) == made.video()
    page.get_by_role("button", name="Try again").click()
    page.locator("[data-broken]", has_text="there is no room").wait_for()
    page.unroute("**/v1/render*")
    page.get_by_role("button", name="Try again").click()
    page.locator("article.analysis").wait_for()
    assert page.locator("[data-composer]").is_visible()
    assert [t for t in page.trouble if "500" not in t] == []
    page.trouble.clear()  # the browser itself tells of the refusal


def test_a_live_reading_that_the_service_ends_is_shown(page: Any) -> None:
    """Because it is as long as one may be: microphone and camera go off, and nobody need stop it."""
    connections = live_elsewhere(page, held=False)
    connections[0].send(json.dumps({"type": "final", "seq": 2, "analysis": made.video()}))
    page.locator("article.analysis").wait_for()
    assert page.evaluate("taken.length === 2 && taken.every((track) => track.readyState === 'ended')")
    assert page.locator("[data-composer]").is_visible()


def test_a_live_reading_that_was_not_saved_is_not_lost_by_accident(page: Any) -> None:
    asks: list[str] = []

    def refuse(dialog: Any) -> None:
        asks.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", refuse)
    live_elsewhere(page, held=False, whole=made.video())
    page.click("[data-stop]")
    page.locator("article.analysis").wait_for()
    with page.expect_event("dialog"):
        page.evaluate("location.reload()")
    page.click("[data-list] .x")
    assert asks == ["beforeunload", "confirm"]
    assert page.locator("[data-list] li").count() == 1
    saved(page, "CSV")
    page.click("[data-list] .x")
    assert page.locator("[data-list] li").count() == 0
    assert len(asks) == 2


def test_what_is_discarded_while_its_report_is_made_is_not_shown(page: Any) -> None:
    live_elsewhere(page, held=False, whole=made.video())
    held: list[Any] = []
    page.route("**/v1/render*", lambda route: held.append(route))
    page.click("[data-stop]")
    page.wait_for_function("taken.every((track) => track.readyState === 'ended')")  # at once, not after the report
    page.click("[data-discard]")
    page.locator("[data-composer]").wait_for()
    with page.expect_response("**/v1/render*"):
        held[0].fulfill(body="")
    page.unroute("**/v1/render*")
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    assert page.locator("[data-list] li").count() == 0


def test_a_lost_live_connection_is_said_as_long_as_it_lasts(page: Any) -> None:
    connections = live_elsewhere(page, held=True)
    page.locator("[data-link]", has_text="pictures were passed over").wait_for()  # nothing is acknowledged there
    assert "1 picture was passed over because reading could not keep up." in page.evaluate("told")
    connections[0].close(code=1012)
    page.locator("[data-link]", has_text="Connection lost").wait_for()
    shots = """new Promise((done) => {
        let shots = 0;
        const timer = setInterval(() => { if (++shots > 8) { clearInterval(timer); done(); } }, 250) })"""
    page.evaluate(shots)  # while pictures are passed over
    assert "Connection lost" in page.inner_text("[data-link]")
    page.click("[data-discard]")
    page.locator("[data-composer]").wait_for()
