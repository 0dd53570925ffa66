"""The page in a real browser against a real service: what a person without a terminal meets."""

import csv
import io
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

from demeanor.report.schema import validate
from demeanor.serve import problem
from serve_calls import until
from serve_page import CLIP, PATIENCE, PHONES, SKY, accessible, fits, read_text, saved


def test_empty_and_what_is_missing_is_said(page: Any) -> None:
    accessible(page)
    page.click("[data-go]")
    assert "nothing to read" in page.inner_text("[data-fault]")
    assert "deleted" in page.inner_text("[data-retention]")


def test_a_text_is_read_corrected_and_saved(page: Any) -> None:
    read_text(page, "I love this phone. The battery, though, is a disappointment.")
    page.wait_for_selector("article.analysis [data-line]")
    accessible(page)
    assert "positive" in page.inner_text('[data-line="0"]') or "▲" in page.inner_text('[data-line="0"]')
    page.hover('[data-line="1"]')
    page.click('[data-line="1"] .edit')
    page.fill('[data-line="1"] input[name="text"]', "The battery is fine.")
    page.select_option('[data-line="1"] select', "positive")
    page.click('[data-line="1"] form .main')
    assert page.inner_text('[data-line="1"] p').startswith("The battery is fine.")
    with page.expect_download() as caught:
        page.click(".result-tools button:has-text('JSON')")
    analysis = json.loads(Path(caught.value.path()).read_text(encoding="utf-8"))
    told = {c["path"]: c["value"] for c in analysis["corrections"]}
    assert told == {
        "segments[1].text": "The battery is fine.",
        "segments[1].reading.sentiment.label": "positive",
    }
    assert analysis["segments"][1]["text"] == "The battery, though, is a disappointment."
    validate(analysis)


def test_a_text_says_why(page: Any) -> None:
    read_text(page, "I love this phone. The battery, though, is a disappointment.")
    page.wait_for_selector("article.analysis [data-line]")
    page.click("[data-why]")
    page.wait_for_selector(".why-asked progress")
    assert page.evaluate("document.querySelector('.why-slot').contains(document.activeElement)")
    accessible(page)
    page.wait_for_selector(".why .marked mark")
    assert page.evaluate("document.activeElement === document.querySelector('.why h3')")
    accessible(page)
    told = page.inner_text(".why")
    assert "Without the last sentence" in told
    word = page.locator(".why mark", has_text="love")
    word.hover()
    assert page.inner_text(".why-tip").startswith("+0.")
    for _ in range(2):
        page.click("[data-language]")
        page.wait_for_selector(".why .marked mark")  # drawn anew with the reasons in it, and not asked for again
    page.click("[data-theme-button]")
    accessible(page)
    with page.expect_download() as caught:
        page.click(".result-tools button:has-text('Reasons')")
    validate(json.loads(Path(caught.value.path()).read_text(encoding="utf-8")), "explanation")
    with page.expect_download() as caught:
        page.click(".result-tools button:has-text('HTML')")
    assert 'class="card why"' in Path(caught.value.path()).read_text(encoding="utf-8")


def test_a_film_says_why_in_seconds_and_regions(page: Any) -> None:
    page.set_input_files("[data-files]", str(CLIP))
    page.click("[data-go]")
    page.wait_for_selector(".stage video")
    page.click("[data-why]")
    page.wait_for_selector(".why .shaded")
    assert page.locator(".why .heat").count() >= 1
    assert "Seconds of the voice" in page.inner_text(".tl-legend")
    late = page.locator(".shaded").last.locator("g").last
    late.click()
    page.wait_for_function("(t) => Math.abs(document.querySelector('.stage video').currentTime - t) < 0.1",
                           arg=float(late.get_attribute("data-start")))  # fmt: skip
    accessible(page)


def test_asking_why_is_called_off_and_fails_and_is_tried_again(page: Any, address: str) -> None:
    read_text(page, "The soup was cold, and nobody said sorry.")
    page.wait_for_selector("article.analysis")
    page.route("**/v1/jobs/*", lambda route: route.abort() if route.request.method == "GET" else route.continue_())
    page.click("[data-why]")
    page.wait_for_selector(".why-asked progress")
    with page.expect_response(lambda r: r.request.method == "DELETE") as gone:
        page.click(".why-asked button")
    assert gone.value.status == 204
    assert page.locator(".why-asked").count() == 0
    assert page.evaluate("document.activeElement.hasAttribute('data-why')")
    page.unroute("**/v1/jobs/*")
    problem = {"type": "urn:demeanor:problem:queue-full", "title": "x", "status": 429, "detail": "wait for some jobs"}
    page.route("**/v1/jobs?explain=true", lambda route: route.fulfill(status=429, json=problem))
    page.click("[data-why]")
    page.wait_for_selector(".why-asked [role=alert]")
    assert page.inner_text(".why-asked [role=alert]") == "wait for some jobs"
    accessible(page)
    page.unroute("**/v1/jobs?explain=true")
    page.click(".why-asked button")
    page.wait_for_selector(".why .marked mark")
    quiet = [m for m in page.trouble if "Failed to load resource" in m]  # the browser tells of what was made to fail
    for told in quiet:
        page.trouble.remove(told)


def test_the_labelling_task_is_a_click_away(page: Any, task: Path) -> None:
    with page.expect_popup() as opened:
        page.click("[data-label]")
    label = opened.value
    label.set_default_timeout(PATIENCE)
    label.fill("#rater", "Ann")
    label.click("#welcome button")
    label.locator("#item", has_text="soup").wait_for()
    label.keyboard.press("ArrowLeft")
    label.wait_for_function("() => document.querySelector('#count').textContent.startsWith('1')")
    assert "negative" in (task / "labels.jsonl").read_text(encoding="utf-8")


def test_two_readings_are_compared(page: Any) -> None:
    read_text(page, "I love it.")
    read_text(page, "I hate it.")
    for box in page.locator("[data-list] input[type=checkbox]").all():
        box.check()
    page.click("[data-compare]")
    rows = page.inner_text("[data-comparison] table")
    assert "+" in rows
    assert "−" in rows
    page.click("[data-language]")
    assert "得分" in page.inner_text("[data-comparison] table")
    page.click("[data-language]")
    accessible(page)


def test_chinese_dark_and_on_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.click("[data-language]")
    page.click("[data-theme-button]")
    assert page.inner_text("h1") == "它表达了什么？"
    assert page.get_attribute("html", "data-theme") == "dark"
    read_text(page, "今天的天气真好。可是手机坏了。")
    page.wait_for_selector("article.analysis")
    assert "积极" in page.inner_text("[data-result]")
    assert page.locator("[data-list] .reading").bounding_box()["height"] < 40, "one line, however long the name"
    page.click("[data-why]")
    page.wait_for_selector(".why .marked mark")
    assert "起作用的词" in page.inner_text(".why")
    page.click("[data-language]")
    assert "Words that count" in page.inner_text(".why")
    assert "joy" in page.inner_text("article.analysis")
    page.click("[data-language]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    accessible(page)


def test_a_film_plays_beside_its_timeline(page: Any) -> None:
    page.set_input_files("[data-files]", str(CLIP))
    page.click("[data-go]")
    page.wait_for_selector("progress")
    page.wait_for_selector(".stage video")
    accessible(page)
    page.wait_for_function("() => document.querySelector('.stage video').readyState >= 1")
    page.click('[data-line="3"] button')
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 5")
    timeline, where = page.locator(".tl"), "document.querySelector('.stage video').currentTime"
    timeline.click(position={"x": 100, "y": 30})
    page.wait_for_selector('[data-line="0"][aria-current="true"]')
    assert page.evaluate(where) < 2, "the timeline moves the player"
    timeline.click(position={"x": timeline.bounding_box()["width"] - 8, "y": 30})
    page.wait_for_selector('[data-line="3"][aria-current="true"]')
    assert page.evaluate(where) > 5
    page.evaluate("document.querySelector('.stage video').currentTime = 0.8")
    page.evaluate("document.querySelector('.stage video').play()")
    page.wait_for_selector('[data-line="0"][aria-current="true"]')
    assert page.get_attribute(".tl", "aria-valuenow") == "1", "the player moves the timeline"
    page.evaluate("document.querySelector('.stage video').pause()")
    for width in PHONES:
        fits(page, width)
    analysis = json.loads(saved(page, "JSON"))
    validate(analysis)
    said = [s["text"].strip() for s in analysis["segments"]]
    table = saved(page, "CSV")
    assert table.startswith("\ufeff"), "spreadsheets know the encoding by this mark"
    rows = list(csv.DictReader(io.StringIO(table[1:])))
    assert [row["text"].strip() for row in rows] == said
    srt, vtt = saved(page, "SRT"), saved(page, "VTT")
    assert vtt.startswith("WEBVTT")
    for subtitles in (srt, vtt):
        assert subtitles.count(" --> ") == len(said)
        assert said[-1] in subtitles.replace("\n", " ")
    html = saved(page, "HTML")
    assert "<video" not in html.partition("<script")[0], "the film itself stays with who has it"
    assert said[0] in html


def test_what_cannot_be_read_is_told(page: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(CLIP.read_bytes()[:300])
    page.set_input_files("[data-files]", str(broken))
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.click("[data-go]")
    assert deleted.value.status == 204, "it was held, and was deleted"
    page.wait_for_selector("[data-list] .error")
    told = page.inner_text("[data-list] .error")
    assert "broken.mp4" in page.inner_text("[data-list]")
    assert page.locator("[data-list] .open").bounding_box()["width"] > 90, "the name is seen beside a long reason"
    assert "Traceback" not in told
    assert "/" not in told.replace("and/or", "")
    held = "fetch('v1/jobs').then((answer) => answer.json()).then((found) => found.jobs.map((job) => job.id))"
    assert deleted.value.url.rpartition("/")[2] not in page.evaluate(held)
    page.click("[data-language]")
    page.set_input_files("[data-files]", str(broken))
    page.click("[data-go]")
    page.wait_for_function("() => document.querySelectorAll('[data-list] .error').length === 2")
    assert "内容无法读取。（" in page.inner_text("[data-list]")


def test_a_text_that_could_not_be_read_is_still_there(page: Any) -> None:
    page.fill("[data-text]", "too long. " * 10_001)
    page.click("[data-go]")
    page.wait_for_selector("[data-list] .error")
    assert page.input_value("[data-text]").startswith("too long. ")
    page.trouble.clear()  # the browser tells of the refusal


def test_who_leaves_the_page_leaves_nothing_behind(page: Any, address: str) -> None:
    page.set_input_files("[data-files]", str(CLIP))
    with page.expect_response("**/v1/jobs?explain=false") as accepted:
        page.click("[data-go]")
    assert accepted.value.status == 202
    mine = accepted.value.json()["id"]

    def held() -> set[str]:
        with urllib.request.urlopen(f"{address.rstrip('/')}/v1/jobs") as answer:
            return {job["id"] for job in json.load(answer)["jobs"]}

    assert mine in held()
    page.goto("about:blank")
    until(lambda: mine not in held(), "the job to be forgotten")


def test_every_problem_of_the_server_has_chinese_words() -> None:
    folder = Path(problem.__file__).parent
    sources = [p.read_text() for p in folder.glob("*.py")]
    kinds = {k for text in sources for k in re.findall(r'Problem\(\s*\d{3},\s*"([a-z-]+)"', text)}
    kinds |= {kind for _, kind in problem._STATUS.values()}
    words = (folder / "page" / "words.js").read_text().partition("const problems")[2].partition("};")[0]
    assert len(kinds) > 20
    assert not [kind for kind in sorted(kinds) if not re.search(rf'(^|[ "]){kind}"?: "', words, re.M)]


def test_live_asks_first_then_reads(page: Any) -> None:
    page.click("[data-live]")
    assert "European law" in page.inner_text("[data-consent]")
    accessible(page)
    page.click("[data-agree]")
    page.wait_for_selector("[data-said] .line p:has-text('morning')")
    page.locator("[data-now] dt", has_text="face").wait_for()
    accessible(page)
    for width in PHONES:
        fits(page, width)
    page.click("[data-stop]")
    page.wait_for_selector("article.analysis [data-line]")
    assert "morning" in page.inner_text("article.analysis")
    analysis = json.loads(saved(page, "JSON"))
    validate(analysis)
    assert analysis["cues"]["face"]["sentiment"] is not None, "the camera's face was read"
    page.click("[data-why]")
    page.wait_for_selector(".why .said")
    assert "read the input again" in page.inner_text(".why")
    assert page.evaluate("document.querySelector('[data-preview]').srcObject") is None


def test_a_recording_is_made_and_read(page: Any) -> None:
    page.click('[data-record="audio"]')
    page.click("[data-back]")
    page.click('[data-record="audio"]')
    page.click("[data-agree]")
    page.wait_for_function("() => Number(document.querySelector('[data-clock]').textContent.slice(-2)) >= 5")
    page.click("[data-stop]")
    page.wait_for_selector(".stage audio")


def test_the_camera_is_recorded_and_its_face_read(page: Any) -> None:
    page.click('[data-record="video"]')
    page.click("[data-agree]")
    page.wait_for_function("() => document.querySelector('[data-preview]').videoWidth === 480")
    page.wait_for_function("() => Number(document.querySelector('[data-clock]').textContent.slice(-2)) >= 4")
    page.click("[data-stop]")
    page.wait_for_selector(".stage video")
    analysis = json.loads(saved(page, "JSON"))
    assert analysis["kind"] == "video"
    assert analysis["cues"]["face"]["sentiment"] is not None
    assert analysis["people"], "a face is a person"


def test_a_picture_and_a_text_are_one_post(page: Any) -> None:
    page.set_input_files("[data-files]", str(SKY))
    page.fill("[data-text]", SKY.with_name("post.txt").read_text(encoding="utf-8"))
    page.locator("[data-parts]", has_text="read together, as a post").wait_for()
    page.click("[data-go]")
    page.wait_for_selector("article.analysis")
    assert page.locator("[data-list] li").count() == 1
    analysis = json.loads(saved(page, "JSON"))
    assert {"words", "scene"} <= set(analysis["cues"])
    assert analysis["overall"]["sentiment"]["label"] == "positive"
