"""What the page does with a reading once it is there: corrections, keys, players, comparisons, where it was read."""

import csv
import io
import json
import re
import wave
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
    for _ in range(2):
        page.click("[data-language]")
    assert line.locator(".who").inner_text() == "Ann", "drawn anew, it stays corrected"
    line.hover()
    line.locator(".edit").click()
    assert line.locator('input[name="speaker"]').input_value() == "Ann"
    line.get_by_role("button", name="Take back").click()
    assert line.locator(".who").inner_text() == "S2"
    assert "corrections" not in json.loads(saved(page, "JSON"))


def test_a_post_is_corrected(page: Any) -> None:
    answers(page, made.post(), made.media(picture=made.picture(faces=False)))
    give(page, "sky.jpg", "image/jpeg")
    line = page.locator('.sample [data-line="0"]')
    line.hover()
    line.locator(".edit").click()
    line.locator("select").select_option("negative")
    line.get_by_role("button", name="Keep").click()
    line.locator(".edit").click()
    line.get_by_role("button", name="Take back").click()
    assert "corrections" not in json.loads(saved(page, "JSON"))


def tone() -> bytes:
    """Four seconds of sound that a browser plays."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(range(256)) * 250)
    return out.getvalue()


def played(page: Any) -> None:
    """Read a recording, and play it; `player` is what plays it then."""
    answers(page, made.chinese_audio())
    give(page, "talk.wav", "audio/wav", tone())
    page.evaluate("""() => {
        window.player = document.querySelector("[data-player]");
        Object.assign(player, { loop: true, muted: true });
        return player.play() }""")
    page.wait_for_function("() => player.currentTime > 0.2")


@pytest.mark.parametrize("changed", ["[data-theme-button]", "[data-language]", "dark system"])
def test_other_colours_and_words_interrupt_nothing(page: Any, changed: str) -> None:
    played(page)
    shown = "document.querySelector('.tl canvas').toDataURL()"
    before = page.evaluate(shown)
    line = page.locator('[data-line="1"]')
    line.hover()
    line.locator(".edit").click()
    line.locator('input[name="text"]').fill("说了别的")
    line.locator('input[name="speaker"]').fill("Ann")
    line.locator("select").select_option("negative")
    line.locator('input[name="speaker"]').focus()
    if changed == "dark system":
        page.emulate_media(color_scheme="dark")
    else:  # no mouse takes the focus away
        page.evaluate("(button) => document.querySelector(button).click()", changed)
    if changed == "[data-language]":
        assert line.get_by_role("button", name="保留").is_visible()
    else:
        page.wait_for_function(f"(before) => {shown} !== before", arg=before)
    assert line.locator('input[name="text"]').input_value() == "说了别的"
    assert page.evaluate(f"{FOCUS}.name") == "speaker"
    page.wait_for_function("""() => { const now = document.querySelector("[data-player]");
        return !now.paused && now.muted && now.currentTime > 0.2 && (now === player || player.paused) }""")
    line.locator("form .main").click()
    told = {c["path"]: c["value"] for c in json.loads(saved(page, "JSON"))["corrections"]}
    assert told == {
        "segments[1].text": "说了别的", "segments[1].speaker": "Ann", "segments[1].reading.sentiment.label": "negative",
    }  # fmt: skip


def test_what_is_put_aside_for_a_comparison_falls_silent(page: Any) -> None:
    played(page)
    give(page, "two.wav", "audio/wav", tone())
    page.locator("[data-list] .open", has_text="talk.wav").click()
    page.evaluate(
        "() => { window.player = document.querySelector('[data-player]'); player.loop = true; return player.play() }"
    )
    for box in page.locator("[data-list] input[type=checkbox]").all():
        box.check()
    page.click("[data-compare]")
    page.wait_for_function("() => player.paused")
    shown = "[...document.querySelectorAll('[data-comparison] .tl')].map((t) => t.firstChild.toDataURL()).join()"
    page.locator("[data-comparison] .tl").nth(1).wait_for()
    light = page.evaluate(shown)
    page.click("[data-theme-button]")
    page.wait_for_function(f"(light) => {shown} !== light", arg=light)
    page.locator("[data-list] .open", has_text="talk.wav").click()
    page.locator("[data-player]").wait_for()


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


def test_what_abstains_is_not_said_to_be_sure(page: Any) -> None:
    answers(page, made.analysis(overall=made.reading(0.6, "joy", abstain=True)))
    give(page, "one.txt", "text/plain")
    give(page, "two.txt", "text/plain")
    assert page.locator("[data-list] .reading").all_inner_texts() == 2 * ["? not sure enough to say"]
    for box in page.locator("[data-list] input[type=checkbox]").all():
        box.check()
    page.click("[data-compare]")
    told = page.inner_text("[data-comparison] .versus")
    assert told.count("? not sure enough to say") == 2
    assert "positive" not in told
    assert "Likely to be right" not in told


def test_a_line_that_was_emptied_is_still_a_line(page: Any, tmp_path: Path) -> None:
    answers(page, made.pure_text())
    give(page, "review.txt", "text/plain")
    page.locator('[data-line="0"] .edit').click()
    page.fill('[data-line="0"] input[name="text"]', "")
    page.click('[data-line="0"] form .main')
    assert page.inner_text('[data-line="0"] p').startswith("(no words)")
    report = tmp_path / "report.html"
    report.write_text(saved(page, "HTML"), encoding="utf-8")
    other = page.context.new_page()
    told: list[str] = []
    other.on("pageerror", lambda error: told.append(str(error)))
    other.goto(report.as_uri())
    assert other.inner_text('[data-line="0"] p') == "(no words)"
    other.locator(".tl").focus()
    other.keyboard.press("Home")
    other.locator('[data-line="0"][aria-current="true"]').wait_for()
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
    """Every word that the page asks for is there, in each language, and none is another's."""
    folder = Path(problem.__file__).with_name("page")
    block = re.search(rf"^const {language} = \{{\n(.*?)^\}};", (folder / "words.js").read_text(), re.M | re.S)
    assert block is not None
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', block[1])
    keys = re.findall(r'(\w+): ""', bare)
    known = set(keys)
    assert len(keys) == len(known)
    asked = {key for path in folder.glob("*.js") for key in re.findall(r'say\("(\w+)"', path.read_text())}
    asked |= set(re.findall(r'data-(?:say|hint|name)="(\w+)"', (folder / "index.html").read_text()))
    assert len(asked) > 60
    assert asked - known == set()
