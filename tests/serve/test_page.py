"""The page in a real browser against a real service: what a person without a terminal meets."""

import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("uvicorn", reason="the serve extra is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

CHROMIUM = Path("/usr/bin/chromium")
CLIP = Path(__file__).parents[2] / "demo" / "clip.mp4"
PATIENCE = 300_000


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound of the demo's clip as the microphone of a fake device, with silence after it."""
    from demeanor.media.audio import decode_audio

    sound = (decode_audio(CLIP) * 32767).astype("<i2")
    path = tmp_path_factory.mktemp("devices") / "microphone.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(sound.tobytes() + bytes(2 * 16_000 * 30))
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelling task of two sentences."""
    from demeanor.label.task import create_task
    from demeanor.types import Sample

    items = [Sample("a", text="The soup was cold."), Sample("b", text="I love it.")]
    return create_task(tmp_path_factory.mktemp("label") / "soup", items, ["polarity"]).folder


@pytest.fixture(scope="module")
def address(task: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "demeanor", "serve", "--port", "0", "--label", str(task)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        assert service.stdout is not None
        line = service.stdout.readline()
        while line and not line.startswith("http"):
            line = service.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        yield line.strip()
        service.terminate()
        service.wait(30)


@pytest.fixture(scope="module")
def browser(microphone: Path) -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; install it with: apt-get install chromium")
    arguments = [
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop", "--autoplay-policy=no-user-gesture-required",
    ]  # fmt: skip
    with playwright_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """An open page that must not say anything on its console, nor ask anybody but the service."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    trouble: list[str] = []
    opened.on("console", lambda m: trouble.append(m.text))
    opened.on("pageerror", lambda e: trouble.append(str(e)))
    opened.on("request", lambda r: trouble.append(r.url) if not r.url.startswith((address, "blob:", "data:")) else None)
    opened.trouble = trouble
    opened.goto(address)
    opened.locator("[data-go]", has_text="Read").wait_for()
    yield opened
    context.close()
    assert trouble == []


def accessible(page: Any) -> None:
    """Without a single violation that axe knows."""
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def read_text(page: Any, text: str) -> None:
    before = page.locator("[data-list] .reading").count()
    page.fill("[data-text]", text)
    page.click("[data-go]")
    page.locator("[data-list] .reading").nth(before).wait_for()


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
    from demeanor.report.schema import validate

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
    page.click("[data-theme]")
    page.wait_for_selector(".why .marked mark")  # drawn anew with the reasons in it, and not asked for again
    accessible(page)
    with page.expect_download() as caught:
        page.click(".result-tools button:has-text('Reasons')")
    from demeanor.report.schema import validate

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
    page.click("[data-theme]")
    assert page.inner_text("h1") == "它表达了什么？"
    assert page.get_attribute("html", "data-theme") == "dark"
    read_text(page, "今天的天气真好。可是手机坏了。")
    page.wait_for_selector("article.analysis")
    assert "积极" in page.inner_text("[data-result]")
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
    page.evaluate("document.querySelector('.stage video').currentTime = 0.8")
    page.evaluate("document.querySelector('.stage video').play()")
    page.wait_for_selector('[data-line="0"][aria-current="true"]')


def test_what_cannot_be_read_is_told(page: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(CLIP.read_bytes()[:300])
    page.set_input_files("[data-files]", str(broken))
    page.click("[data-go]")
    page.wait_for_selector("[data-list] .error")
    told = page.inner_text("[data-list] .error")
    assert "broken.mp4" in page.inner_text("[data-list]")
    assert "Traceback" not in told
    assert "/" not in told.replace("and/or", "")


def test_live_asks_first_then_reads(page: Any) -> None:
    page.click("[data-live]")
    assert "European law" in page.inner_text("[data-consent]")
    accessible(page)
    page.click("[data-agree]")
    page.wait_for_selector("[data-said] .line p:has-text('morning')")
    page.wait_for_selector("[data-now] .reading")
    accessible(page)
    page.click("[data-stop]")
    page.wait_for_selector("article.analysis [data-line]")
    assert "morning" in page.inner_text("article.analysis")
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
