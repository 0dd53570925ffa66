"""What the page does with a reading once it is there: corrections, keys, players, comparisons, where it was read."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import report_analyses as made

from demeanor.report.schema import validate
from demeanor.serve import problem
from serve_page import PHONES, accessible, answers, fits, give, saved

FOCUS = "document.activeElement"
STOPS = """[...document.querySelectorAll("[data-line] button")].filter((b) => b.tabIndex === 0)
    .map((b) => b.closest("[data-line]").dataset.line + b.className)"""


def test_a_long_film_is_one_stop_and_its_correction(page: Any) -> None:
    answers(page, made.long_film(600))
    give(page, "long.mp4", "video/mp4")
    for width in PHONES:
        fits(page, width)
    page.wait_for_function(f"() => {STOPS}.length === 2")
    number = int(page.evaluate(STOPS)[0])
    assert page.evaluate(STOPS) == [f"{number}", f"{number}edit"]
    page.locator(f'[data-line="{number}"] > button').focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function(f"(line) => {STOPS}.join() === line + ',' + line + 'edit'", arg=str(number - 1))
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUS}.getAttribute('aria-label')") == f"Correct {number}"
    passed_over = "getComputedStyle(document.querySelector('[data-lines]').lastElementChild).contentVisibility"
    assert page.evaluate(passed_over) == "visible", "else the next stop is found after minutes, in a film of two hours"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUS}.closest('[data-line]')") is None


def test_a_film_that_the_browser_cannot_play_is_told_as_that(page: Any) -> None:
    answers(page, made.video(), made.video_media())
    give(page, "old.mpg", "video/mpeg")
    page.locator("[data-gone]").wait_for()
    assert "browser cannot play" in page.inner_text("[data-gone]")
    assert "no longer" not in page.inner_text("article.analysis")
    assert page.locator("[data-frame] img").is_visible(), "its pictures stay"
    page.click('[data-line="8"] > button')
    assert "landlord" in page.inner_text("[data-chosen]")
    accessible(page)
    page.click("[data-language]")
    page.locator("[data-gone]").wait_for()
    assert "浏览器无法播放" in page.inner_text("[data-gone]")


def test_it_says_this_computer_only_where_that_is_so(page: Any, address: str) -> None:
    def told() -> str:
        page.click("[data-live]")
        text: str = page.inner_text("[data-consent]")
        page.click("[data-back]")
        return page.inner_text(".lead") + text + page.inner_text("[data-retention]")

    assert told().count("this computer") == 3
    page.click("[data-language]")
    assert told().count("这台电脑") == 3
    page.click("[data-language]")
    health = page.request.get(address + "health").json()
    page.route("**/health", lambda route: route.fulfill(json={**health, "local": False}))
    page.reload()
    host = address.split("/")[2]
    for ours, theirs in (("this computer", "European law"), ("这台电脑", "欧盟法律")):
        page.wait_for_function("() => document.querySelector('[data-retention]').textContent.includes('60')")
        text = told()
        assert ours not in text
        assert text.count(host) == 3
        assert theirs in text
        page.click("[data-language]")


def test_a_line_is_corrected_by_keys_alone(page: Any) -> None:
    answers(page, made.video(), made.video_media())
    page.set_input_files("[data-files]", {"name": "talk.mp4", "mimeType": "video/mp4", "buffer": b"nothing"})

    def tab_to(what: str, most: int) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            place = page.evaluate(f"""() => {{
                const e = {FOCUS}, box = e.matches("input[type=file]") ? e.nextElementSibling : e;
                return [e.matches({what!r}), getComputedStyle(box).outlineStyle, e.outerHTML.slice(0, 90)] }}""")
            assert place[1] != "none", f"where the focus is can be seen: {place[2]}"
            if place[0]:
                return
        raise AssertionError(f"{what} is not among the next {most} stops")

    tab_to("[data-go]", 15)
    page.keyboard.press("Enter")
    page.wait_for_selector("article.analysis [data-line]")
    page.wait_for_function(f"() => {FOCUS}.hasAttribute('data-result')")
    tab_to("[data-line] .edit", 40)
    index = page.evaluate(f"{FOCUS}.closest('[data-line]').dataset.line")
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUS}.name") == "text"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("They were kind.")
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUS}.matches('.edit')"), "back where it began"
    assert page.inner_text(f'[data-line="{index}"] p').startswith("They were kind.")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator("form.correct").count() == 0
    accessible(page)


def test_a_speaker_is_corrected_and_it_is_taken_back(page: Any) -> None:
    film = made.video()
    answers(page, film)
    give(page, "talk.mp4", "video/mp4")
    line = page.locator('[data-line="1"]')
    line.hover()
    line.locator(".edit").click()
    line.locator('input[name="speaker"]').fill("Ann")
    line.locator("select").select_option("negative")
    line.locator("form .main").click()
    assert line.locator(".who").inner_text() == "Ann"
    analysis = json.loads(saved(page, "JSON"))
    validate(analysis)
    told = {c["path"]: c["value"] for c in analysis["corrections"]}
    assert told == {"segments[1].speaker": "Ann", "segments[1].reading.sentiment.label": "negative"}
    assert analysis["segments"] == film["segments"], "what was read stays"
    page.click("[data-theme-button]")
    assert line.locator(".who").inner_text() == "Ann", "drawn anew, it stays corrected"
    line.hover()
    line.locator(".edit").click()
    assert line.locator('input[name="speaker"]').input_value() == "Ann"
    line.get_by_role("button", name="Take back").click()
    assert line.locator(".who").inner_text() == "S2"
    assert "corrections" not in json.loads(saved(page, "JSON"))


def test_what_is_saved_shows_the_correction(page: Any, tmp_path: Path) -> None:
    film = made.video()
    answers(page, film, made.video_media())
    give(page, "talk.mp4", "video/mp4")
    kept = saved(page, "HTML")
    line = page.locator('[data-line="7"]')
    line.hover()
    line.locator(".edit").click()
    line.locator('input[name="text"]').fill("That is <lawful>.")
    line.locator('input[name="speaker"]').fill("Ann")
    line.locator("select").select_option("neutral")
    line.locator("form .main").click()
    assert "Ann: That is ‹lawful›.\n[neutral]" in saved(page, "SRT")
    assert "<v Ann>That is &lt;lawful&gt;.</v>" in saved(page, "VTT")
    rows = list(csv.DictReader(io.StringIO(saved(page, "CSV").removeprefix("\ufeff"))))
    assert (rows[7]["text"], rows[7]["label"], rows[7]["corrected_label"]) == (
        "That is <lawful>.",
        "negative",
        "neutral",
    )
    html = saved(page, "HTML")
    assert html.count('class="corrected"') == 1
    assert html.count("data:image") == kept.count("data:image") > 0, "its pictures stay"
    report = tmp_path / "report.html"
    report.write_text(html, encoding="utf-8")
    other = page.context.new_page()
    told: list[str] = []
    other.on("console", lambda message: told.append(message.text))
    other.on("pageerror", lambda error: told.append(str(error)))
    other.goto(report.as_uri())
    assert other.inner_text('[data-line="7"] p') == "That is <lawful>."
    other.click('[data-line="7"] > button')
    assert "That is <lawful>." in other.inner_text("[data-chosen]"), "the report's own script has it too"
    assert "✎" in other.inner_text(".notes")
    assert told == []
    other.close()


def test_two_films_are_compared_on_a_phone(page: Any) -> None:
    answers(page, made.video(), made.video_media())
    give(page, "one.mp4", "video/mp4")
    give(page, "two.mp4", "video/mp4")
    for width in PHONES:
        fits(page, width)
    for box in page.locator("[data-list] input[type=checkbox]").all():
        box.check()
    page.click("[data-compare]")
    page.locator("[data-comparison] .tl").nth(1).wait_for()
    for width in PHONES:
        fits(page, width)


def sent_file(name: str, kind: str, content: str) -> str:
    """JavaScript of a DataTransfer that holds a file."""
    made_of = f"new File([{content!r}], {name!r}, {{ type: {kind!r} }})"
    return f"() => {{ const d = new DataTransfer(); d.items.add({made_of}); return d; }}"


def test_files_are_dropped_and_pasted_and_taken_out(page: Any) -> None:
    sent = answers(page, made.video())
    film = page.evaluate_handle(sent_file("talk.mp4", "video/mp4", "film"))
    page.dispatch_event("body", "dragover", {"dataTransfer": film})
    assert "over" in page.get_attribute("[data-drop]", "class").split()
    page.dispatch_event("body", "drop", {"dataTransfer": film})
    assert "over" not in page.get_attribute("[data-drop]", "class").split()
    for name in ("talk.srt", "other.srt"):
        clip = page.evaluate_handle(sent_file(name, "", "1\n00:00:00,000 --> 00:00:02,000\nHello.\n"))
        page.evaluate("""(clipboardData) => document.querySelector("[data-text]").dispatchEvent(
            new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))""", clip)  # fmt: skip
    assert page.locator("[data-parts] bdi").all_inner_texts() == ["talk.mp4", "talk.srt", "other.srt"]
    page.get_by_role("button", name="Remove other.srt").click()
    page.click("[data-go]")
    page.wait_for_selector("article.analysis")
    assert len(sent) == 1, "a film and its transcript are one thing"
    for part in (b'name="video"; filename="talk.mp4"', b'name="transcript"; filename="talk.srt"', b"Hello."):
        assert part in sent[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_all_its_words(language: str) -> None:
    """Every word that the page asks for is there, in each language."""
    folder = Path(problem.__file__).with_name("page")
    block = re.search(rf"^const {language} = \{{\n(.*?)^\}};", (folder / "words.js").read_text(), re.M | re.S)
    assert block is not None
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', block[1])
    known = set(re.findall(r'(\w+): ""', bare))
    asked = {key for path in folder.glob("*.js") for key in re.findall(r'say\("(\w+)"', path.read_text())}
    asked |= set(re.findall(r'data-(?:say|hint|name)="(\w+)"', (folder / "index.html").read_text()))
    assert len(asked) > 60
    assert asked - known == set()


def live_elsewhere(page: Any, *, held: bool, whole: dict[str, Any] | None = None) -> list[Any]:
    """Live sessions of a service that is restarted after it heard somebody; the list takes the connections.

    Where `held`, nobody answers the next connection, else it is told that its session is unknown. `whole` is
    what is read when it is over.
    """
    connections: list[Any] = []

    def hear(ws: Any, message: str | bytes) -> None:
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
        ws.on_message(lambda message: hear(ws, message))

    page.route_web_socket("**/v1/stream", accept)
    page.reload()  # only pages loaded from now on are routed
    page.evaluate("""() => {
        const link = document.querySelector("[data-link]");
        window.told = [];
        new MutationObserver(() => told.push(link.textContent)).observe(link, { childList: true }) }""")
    page.click("[data-live]")
    page.click("[data-agree]")
    page.locator("[data-said] .line", has_text="Good morning.").wait_for()
    page.evaluate("window.taken = document.querySelector('[data-preview]').srcObject.getTracks()")
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


def test_a_live_reading_whose_report_cannot_be_made_stays_in_view_and_says_why(page: Any) -> None:
    live_elsewhere(page, held=False, whole=made.video())
    told = {"type": "urn:demeanor:problem:busy", "title": "Busy", "status": 503, "detail": "there is no room"}
    page.route("**/v1/render*", lambda route: route.fulfill(status=503, json=told))
    page.click("[data-stop]")
    page.locator("[data-broken]", has_text="there is no room").wait_for()
    assert "Good morning." in page.inner_text("[data-said]")
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("[data-composer]").wait_for()
    assert [t for t in page.trouble if "503" not in t] == []
    page.trouble.clear()  # the browser itself tells of the refusal


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
