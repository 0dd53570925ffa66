"""The labelling page: what the server lets through, and the page in a real browser."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import av
import numpy as np
import pytest

from browsers import chromium
from demeanor.errors import ConfigError
from demeanor.label.agree import settled
from demeanor.label.items import find_items
from demeanor.label.page import Page
from demeanor.label.playable import convert
from demeanor.label.store import LabelStore
from demeanor.label.task import Task, create_task
from demeanor.label.work import Work
from reader_fakes import speech, write_wav

Serve = Callable[..., Page]


@pytest.fixture
def serve() -> Iterator[Serve]:
    pages: list[Page] = []

    def start(task: Task, **more: Any) -> Page:
        page = Page(Work(task, task.store(), **more))
        pages.append(page)
        threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return page

    yield start
    for page in pages:
        page.shutdown()
        page.server_close()


class Answer:
    def __init__(self, page: Page, path: str, method: str = "GET", body: Any = None, **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=60)
        data = None if body is None else json.dumps(body)
        given = {"Content-Type": "application/json"} if body is not None else {}
        address = path if path.startswith("/") else urlsplit(page.url).path + path
        connection.request(method, address, data, {**given, **{k.replace("_", "-"): v for k, v in headers.items()}})
        response = connection.getresponse()
        self.status, self.headers, self.data = response.status, response.headers, response.read()
        connection.close()

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def film(path: Path, seconds: float = 3, codec: str = "libvpx", pixels: str = "yuv420p") -> Path:
    """Grey that grows lighter: 20 levels a second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, pixels
        stream.codec_context.thread_count = 1
        for k in range(round(10 * seconds)):
            frame = av.VideoFrame.from_ndarray(np.full((96, 160, 3), 2 * k % 256, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture
def clips(media: Path, tmp_path: Path) -> Task:
    """A stretch of a film, a post, a sound, sentences, a film browsers cannot play, one nobody can."""
    film(media / "film.webm")
    film(media / "old.avi", codec="mpeg4")
    (media / "torn.webm").write_bytes(b"\0\1\2\3" * 100)
    rows = [
        {"id": "f", "video": "film.webm", "start": 1, "end": 1.5, "text": "Nice.", "language": "en", "speaker": "S1"},
        {"id": "p", "image": "sky.jpg", "text": "今天的天气真好 <b>&amp;</b>", "language": "zh"},
        {"id": "s", "audio": "sub/talk.wav"},
        {"id": "t#0", "text": "It rained."},
        {"id": "t#1", "text": "We were glad of it."},
        {"id": "o", "video": "old.avi", "start": 1, "end": 2},
        {"id": "x", "video": "torn.webm"},
    ]
    manifest = media / "m.jsonl"
    manifest.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return create_task(tmp_path / "度假 task", find_items(manifest).items, ["score", "emotions"], "What is shown?")


# --- the server ------------------------------------------------------------------------------------------------------


def test_a_rater_sees_only_the_own_labels(task: Task, serve: Serve) -> None:
    page = serve(task)
    for name, score in (("Ann", 1), ("Bob", -1)):
        said = {"rater": name, "number": 0, "values": {"score": score, "emotions": ["joy"]}}
        assert Answer(page, "api/label", "POST", said).json == {"saved": True}
    work = Answer(page, "api/work?rater=Bob").json
    assert work["marks"] == {"0": {"values": {"score": -1, "emotions": ["joy"]}, "skipped": False}}
    everything = [Answer(page, p).data for p in ("api/work?rater=Bob", "api/item?number=0", "api/task")]
    assert b"Ann" not in b"".join(everything)
    assert "others" not in Answer(page, "api/item?number=0").json
    assert Answer(page, "api/undo", "POST", {"rater": "Bob"}).json == {"number": 0}
    assert Answer(page, "api/work?rater=Bob").json["marks"] == {}
    assert set(task.store().marks("Ann")) == {"a1"}


def test_nothing_without_the_token_the_host_or_the_origin(task: Task, serve: Serve) -> None:
    page = serve(task)
    assert page.server_address[0] == "127.0.0.1"
    assert len(page.token) >= 20
    assert Answer(page, "").status == 200
    for path in ("/", "/api/task", "/wrong/api/task", f"/{page.token[:-1]}/api/task"):
        assert Answer(page, path).status == 404, path
    assert Answer(page, "api/task", Host="evil.example").status == 404
    assert Answer(page, "api/task", Origin="http://evil.example").status == 404
    said = {"rater": "Ann", "number": 0, "values": {"score": 1}}
    assert Answer(page, "api/label", "POST", said, Origin="http://evil.example").status == 404
    assert Answer(page, "api/label", "POST", said, Content_Type="text/plain").status == 400
    assert Answer(page, "api/label", "POST", said, Origin=f"http://127.0.0.1:{page.server_port}").status == 200


def test_headers_keep_the_page_to_itself(task: Task, serve: Serve) -> None:
    headers = Answer(serve(task), "").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer", "the token does not travel"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("api/label", {"rater": "Ann", "number": 99, "values": {}}, 404),
        ("api/label", {"rater": "Ann", "number": -1, "values": {}}, 404),
        ("api/label", {"rater": "Ann", "number": 0, "values": {"score": 3}}, 400),
        ("api/label", {"rater": "", "number": 0, "values": {"score": 1}}, 400),
        ("api/label", {"rater": "Ann", "number": "x", "values": {"score": 1}}, 400),
        ("api/label", {"rater": "Ann", "number": 0, "values": [1]}, 400),
        ("api/label", {}, 400),
        ("api/label", [], 400),
        ("api/label", {"rater": "A" * 70_000}, 400),
        ("api/nothing", {}, 404),
    ],
)
def test_a_wrong_request_costs_itself(task: Task, serve: Serve, path: str, body: Any, status: int) -> None:
    page = serve(task)
    answer = Answer(page, path, "POST", body)
    assert (answer.status, set(answer.json)) == (status, {"error"})
    assert not (task.folder / "labels.jsonl").exists()
    assert Answer(page, "api/task").status == 200


@pytest.mark.parametrize(
    "path",
    ["api/item?number=99", "api/item?number=x", "api/item", "api/work", "media/0/image", "media/9/video",
     "media/0/text", "../task.json", "label.js/..", "page.py"],
)  # fmt: skip
def test_what_is_not_there_is_an_error(clips: Task, serve: Serve, path: str) -> None:
    assert Answer(serve(clips), path).status in (400, 404)


def test_media_come_in_the_ranges_a_player_asks_for(clips: Task, serve: Serve, media: Path) -> None:
    page, data = serve(clips), (media / "film.webm").read_bytes()
    whole = Answer(page, "media/0/video")
    assert (whole.status, whole.data, whole.headers["Content-Type"]) == (200, data, "video/webm")
    assert whole.headers["Accept-Ranges"] == "bytes"
    size = len(data)
    for asked, first, last in (
        ("bytes=0-99", 0, 99), ("bytes=100-", 100, size - 1), ("bytes=-50", size - 50, size - 1),
        (f"bytes=10-{size + 5}", 10, size - 1), (f"bytes=-{2 * size}", 0, size - 1),
    ):  # fmt: skip
        part = Answer(page, "media/0/video", Range=asked)
        assert (part.status, part.data) == (206, data[first : last + 1]), asked
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    beyond = Answer(page, "media/0/video", Range=f"bytes={size}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    head = Answer(page, "media/0/video", "HEAD")
    assert (head.status, head.data, head.headers["Content-Length"]) == (200, b"", str(size))
    assert Answer(page, "media/1/image").headers["Content-Type"] == "image/jpeg"
    assert Answer(page, "media/2/audio").headers["Content-Type"] == "audio/wav"


def test_what_browsers_cannot_play_is_converted(clips: Task, serve: Serve, tmp_path: Path) -> None:
    page = serve(clips)
    answer = Answer(page, "media/5/video")
    assert answer.headers["Content-Type"] == "video/webm"
    copy = tmp_path / "copy.webm"
    copy.write_bytes(answer.data)
    with av.open(str(copy)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 10, "one second of ten frames, from second 1"
    assert frames[0].time < 0.05
    grey = [float(f.to_ndarray(format="gray").mean()) for f in (frames[0], frames[-1])]
    assert grey == pytest.approx([20, 38], abs=4)
    torn = Answer(page, "media/6/video/plain")
    assert (torn.status, set(torn.json)) == (404, {"error"})
    copies = list(Path(page._copies.name).iterdir())
    assert [c.name for c in copies if not c.name.startswith("half")] == ["5-video.webm"]
    page.shutdown()
    page.server_close()
    assert not copies[0].exists()


def test_a_stretch_of_sound_is_converted(tmp_path: Path) -> None:
    write_wav(tmp_path / "talk.wav", speech(3.0))
    convert(tmp_path / "talk.wav", "audio", tmp_path / "out.webm", 1.0, 2.0)
    with av.open(str(tmp_path / "out.webm")) as container:
        seconds = sum(f.samples for f in container.decode(audio=0)) / 48_000
    assert seconds == pytest.approx(1.0, abs=0.05)


def test_a_port_that_is_taken_is_named(task: Task, serve: Serve) -> None:
    page = serve(task)
    with pytest.raises(ConfigError, match="leave --port out"):
        Page(Work(task, task.store()), page.server_port)


# --- the browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium("--autoplay-policy=no-user-gesture-required") as started:
        yield started


class Visit:
    """An open page with everything it said, asked for or broke."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en", **options})
        self.page = self.context.new_page()
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.trouble.append(m.text))
        self.page.on("pageerror", lambda e: self.trouble.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.set_default_timeout(120_000)  # a machine that trains beside the tests is slow, not wrong
        self.page.goto(url)
        self.press = self.page.keyboard.press

    def enter(self, name: str) -> None:
        self.page.fill("#rater", name)
        self.press("Enter")
        self.page.wait_for_selector("#work:not([hidden]), #finished:not([hidden])")

    def next(self) -> None:
        """Press Enter and wait for another item."""
        before = self.page.locator("#heading").inner_text()
        self.press("Enter")
        self.until("(t) => document.getElementById('heading').textContent !== t", before)

    def status(self, text: str) -> None:
        self.until("(t) => document.getElementById('status').textContent.includes(t)", text)

    def saved(self) -> None:
        self.until("unsaved === 0")

    def until(self, expression: str, argument: Any = None) -> None:
        """Wait for something on the page, whose own rules forbid playwright to wait inside it."""
        end = time.monotonic() + 120
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(30)


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def go(page: Page, **options: Any) -> Visit:
        visits.append(Visit(browser, page.url, **options))
        return visits[-1]

    yield go
    for one in visits:
        one.context.close()


def values(store: LabelStore, item: str, rater: str = "Ann") -> Any:
    return store.marks(rater)[item].values


def test_labelling_with_the_keyboard_alone(task: Task, serve: Serve, visit: Any) -> None:
    page, store = serve(task), task.store()
    v = visit(page)
    v.until("document.activeElement.id === 'rater'")
    assert "Label what is said." in v.page.locator("#instructions").inner_text()
    v.enter("Ann")
    for key in ("ArrowRight", "ArrowRight", "4", "6", "6"):
        v.press(key)
    v.saved()
    assert values(store, "a1") == {"score": 0.667, "emotions": ["joy"]}
    assert v.page.locator("#count").inner_text() == "1 of 6 labelled"
    v.next()
    assert "I hate it" in v.page.locator("#item").inner_text()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "7", "1"):
        v.press(key)
    v.saved()
    assert values(store, "a2") == {"score": -1, "emotions": ["anger"]}, "none and a feeling exclude one another"
    v.next()
    v.press("x")
    v.saved()
    assert store.marks("Ann")["b1"].skipped
    v.next()
    v.press("0")
    v.press("Enter")
    v.status("One answer is still missing")
    assert "So, so" in v.page.locator("#item").inner_text(), "Next waits once"
    v.next()
    v.status("Left for later")
    v.press("b")
    v.until("document.getElementById('item').innerText.includes('So, so')")
    assert v.page.locator("#steps input:checked").get_attribute("aria-label") == "0 neutral"
    assert values(store, "b2") == {"score": 0}
    assert v.trouble == []
    assert all(r.startswith((page.url, "data:")) for r in v.requests), "nothing from elsewhere"


def test_undo_goes_back_to_what_it_undoes(task: Task, serve: Serve, visit: Any) -> None:
    store, v = task.store(), visit(serve(task))
    v.enter("Ann")
    v.press("u")
    v.status("nothing to take back")
    for key in ("ArrowRight", "4"):
        v.press(key)
    v.next()
    v.press("u")
    v.status("Taken back")
    assert "I love it" in v.page.locator("#item").inner_text()
    assert values(store, "a1") == {"score": 0.333}
    assert v.page.locator("#feelings input:checked").count() == 0
    v.press("Control+z")
    v.until("document.querySelectorAll('#steps input:checked').length === 0")
    assert store.marks("Ann") == {}
    assert len((task.folder / "labels.jsonl").read_text().splitlines()) == 4


def test_with_the_mouse_and_to_the_end(task: Task, serve: Serve, visit: Any) -> None:
    store, v = task.store(), visit(serve(task))
    v.enter("Ann")
    for place in range(6):
        v.page.locator("#steps label").nth(place).click()
        v.page.locator("#feelings label").nth(place).click()
        last = place == 5
        v.saved()
        assert v.page.locator("#next").inner_text().startswith("Finish" if last else "Next")
        v.page.locator("#next").click()
        if not last:
            v.until("(n) => document.getElementById('heading').textContent.startsWith('Item ' + n)",
                                     place + 2)  # fmt: skip
    v.page.wait_for_selector("#finished:not([hidden])")
    assert "6 of 6 items have your label" in v.page.locator("#finished").inner_text()
    assert [store.marks("Ann")[i.id].score for i in task.items] == [-1, -0.667, -0.333, 0, 0.333, 0.667]
    assert store.marks("Ann")["a2"].emotions == {"disgust"}


def test_what_is_finished_can_be_looked_through_and_changed(task: Task, serve: Serve, visit: Any) -> None:
    store = task.store()
    for item in task.items:
        store.add("Ann", item.id, {"score": 1, "emotions": ["joy"]})
    v = visit(serve(task))
    v.enter("Ann")
    v.page.wait_for_selector("#finished:not([hidden])")
    assert v.page.locator("#back").is_disabled(), "nothing was shown yet"
    v.page.get_by_role("button", name="Look through them").click()
    for n in range(1, 7):
        v.until("(n) => document.getElementById('heading').textContent.startsWith('Item ' + n)", n)
        v.press("Enter")
    v.page.wait_for_selector("#finished:not([hidden])")
    v.page.locator("#back").click()
    v.page.wait_for_selector("#work:not([hidden])")  # keys count from here; the words stood there, hidden, before
    v.until("document.getElementById('item').innerText.includes('Great and awful')")
    v.press("0")
    v.saved()
    v.press("Enter")
    v.page.wait_for_selector("#finished:not([hidden])")
    v.press("0")
    v.press("u")
    v.status("Taken back")
    v.until("document.getElementById('item').innerText.includes('Great and awful')")
    assert values(store, "c2") == {"score": 1, "emotions": ["joy"]}
    assert v.trouble == []


def test_raters_begin_where_they_stopped_and_know_nothing_of_one_another(task: Task, serve: Serve, visit: Any) -> None:
    store = task.store()
    for item in ("a1", "a2"):
        store.add("Ann", item, {"score": 1, "emotions": ["joy"]})
    task.set_order(["c1", "a1"])
    v = visit(serve(task))
    v.enter("Ann")
    assert "Terrible" in v.page.locator("#item").inner_text(), "in the order that was suggested"
    assert v.page.locator("#count").inner_text() == "2 of 6 labelled"
    v.page.locator("#who").click()
    v.enter("Bob")
    assert v.page.locator("#count").inner_text() == "0 of 6 labelled"
    v.next()
    assert "I love it" in v.page.locator("#item").inner_text()
    assert v.page.locator("input:checked").count() == 0, "Ann's label does not show"
    assert v.trouble == []


def test_clips_pictures_posts_and_sounds(clips: Task, serve: Serve, visit: Any) -> None:
    v = visit(serve(clips))
    v.enter("Ann")
    v.until("document.querySelector('video').currentTime >= 1.45 && document.querySelector('video').paused")
    assert v.page.evaluate("document.querySelector('video').currentTime") < 2, "it stops where the segment ends"
    assert "Speaker S1" in v.page.locator("#item").inner_text()
    v.press("Space")
    v.until("!document.querySelector('video').paused")
    v.until("document.querySelector('video').paused")
    v.next()
    v.until("document.querySelector('img').naturalWidth > 0")
    assert v.page.locator("blockquote").inner_text() == "今天的天气真好 <b>&amp;</b>"
    assert v.page.locator("blockquote").get_attribute("lang") == "zh"
    v.next()
    v.until("document.querySelector('audio').duration > 1.9")
    v.next()
    assert v.page.locator(".before").count() == 0
    v.next()
    assert "Just before\nIt rained." in v.page.locator("#item").inner_text()
    v.next()
    v.until("document.querySelector('video').readyState >= 2")
    assert v.page.evaluate("document.querySelector('video').duration") == pytest.approx(1.0, abs=0.15)
    assert v.trouble == []
    v.next()
    v.page.wait_for_selector(".broken")
    assert "cannot play" in v.page.locator(".broken").inner_text()


def test_deciding(task: Task, serve: Serve, visit: Any) -> None:
    store = task.store()
    for name, score, emotion in (("Ann", 1, "joy"), ("Bob", -1, "anger")):
        store.add(name, "a1", {"score": 1, "emotions": ["joy"]})
        store.add(name, "c2", {"score": score, "emotions": [emotion]})
    v = visit(serve(task, rater="Eve", decides=True))
    v.page.wait_for_selector("#others:not([hidden])")
    said = v.page.locator("#others").inner_text()
    assert "+3 very positive, joy" in said
    assert "−3 very negative, anger" in said
    assert "Ann" not in v.page.locator("body").inner_text()
    assert v.page.locator("#count").inner_text() == "0 of 1 labelled"
    v.page.get_by_role("button", name="Take: Rater B").click()
    v.press("5")
    v.saved()
    assert store.decisions()["c2"].values == {"score": -1, "emotions": ["anger", "sadness"]}
    assert store.raters() == ["Ann", "Bob"]


def test_when_the_program_stops_nothing_is_dropped(task: Task, serve: Serve, visit: Any) -> None:
    page, store = serve(task), task.store()
    v = visit(page)
    v.enter("Ann")
    v.page.route("**/api/label", lambda route: route.abort())
    v.press("ArrowRight")
    v.status("Not saved")
    assert v.page.evaluate("document.querySelector('#status').classList.contains('trouble')")
    v.press("4")
    v.page.unroute("**/api/label")
    v.saved()
    v.status("Saved")
    assert values(store, "a1") == {"score": 0.333, "emotions": ["joy"]}
    assert len((task.folder / "labels.jsonl").read_text().splitlines()) == 2, "each once, in order"


@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(1280, "light", "en"), (390, "dark", "zh-CN"), (320, "light", "en")]
)
def test_it_fits_and_everything_has_a_name(
    clips: Task, serve: Serve, visit: Any, width: int, scheme: str, locale: str
) -> None:
    v = visit(serve(clips), viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale)
    chinese = locale == "zh-CN"
    v.enter("Ann")
    assert v.page.locator("html").get_attribute("lang") == ("zh-CN" if chinese else "en")
    assert v.page.locator("#emotions legend").inner_text() == ("有哪些情绪？" if chinese else "Which feelings?")
    ground = v.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(p) for p in ground.strip("rgb()").split(",")) < 120) == (scheme == "dark")
    for _ in range(3):
        assert v.page.evaluate("document.documentElement.scrollWidth") <= width
        small = """[...document.querySelectorAll('button, #steps label, #feelings label')]
          .filter((n) => n.offsetParent && n.getBoundingClientRect().height < 36).length"""
        assert v.page.evaluate(small) == 0, "large enough for a finger"
        v.next()
    nameless = """[...document.querySelectorAll('button, input')].filter((n) => n.offsetParent &&
      !(n.ariaLabel || n.textContent.trim() || [...(n.labels || [])].some((l) => l.textContent.trim()))).length"""
    assert v.page.evaluate(nameless) == 0
    steps = v.page.get_by_role("radio")
    assert steps.first.get_attribute("aria-label") == ("−3 非常消极" if chinese else "−3 very negative")
    assert v.trouble == []


def test_language_and_theme_change_in_place(task: Task, serve: Serve, visit: Any) -> None:
    v = visit(serve(task))
    v.enter("Ann")
    v.press("ArrowRight")
    v.page.locator("#language").click()
    assert v.page.locator("#next").inner_text().startswith("下一条")
    assert v.page.locator("#step").inner_text() == "略积极", "what was chosen stays chosen"
    assert "喜悦" in v.page.locator("#feelings").inner_text()
    v.page.locator("#theme").click()
    assert v.page.locator("html").get_attribute("data-theme") == "dark"
    v.page.reload()
    v.page.wait_for_selector("#rater")
    assert v.page.locator("html").get_attribute("data-theme") == "dark"
    assert v.page.locator("h1").first.inner_text() == "为所见、所闻、所读标注情感"


def test_both_languages_have_the_same_words(task: Task, serve: Serve, visit: Any) -> None:
    v = visit(serve(task))
    assert v.page.evaluate("Object.keys(WORDS.en).filter((k) => !(k in WORDS.zh)).concat("
                           "Object.keys(WORDS.zh).filter((k) => !(k in WORDS.en)))") == []  # fmt: skip


def test_names_with_odd_characters(task: Task, serve: Serve, visit: Any) -> None:
    v = visit(serve(task))
    v.enter("小王 & <Zoë>?")
    v.press("4")
    v.saved()
    assert task.store().raters() == ["小王 & <Zoë>?"]
    assert quote("小王 & <Zoë>?", safe="") in v.requests[-2] + v.requests[-3] + "".join(v.requests)


def test_polarity_only(task: Task, serve: Serve, visit: Any) -> None:
    other = create_task(task.folder.parent / "other", task.items, ["polarity"])
    v = visit(serve(other))
    v.enter("Ann")
    assert v.page.locator("#score").is_hidden()
    assert v.page.locator("#emotions").is_hidden()
    v.press("ArrowLeft")
    v.press("4")
    v.saved()
    assert values(other.store(), "a1") == {"polarity": "negative"}
    v.page.locator("#classes").get_by_role("radio", name="positive").check()
    v.saved()
    assert values(other.store(), "a1") == {"polarity": "positive"}


def test_of_a_class_from_elsewhere_and_a_score_given_here_the_later_one_stays(
    task: Task, serve: Serve, visit: Any
) -> None:
    store = task.store()
    store.add("Ann", "a1", {"polarity": "negative", "emotions": ["joy"]})  # a correction that was taken in
    store.add("Bob", "a1", {"score": 0.667, "emotions": ["joy"]})
    v = visit(serve(task))
    v.enter("Ann")
    v.page.locator("#steps input[value='3']").check()
    v.saved()
    assert values(store, "a1") == {"score": 1, "emotions": ["joy"]}
    store.add("Ann", "a1", {"polarity": "negative", "emotions": ["joy"]})
    v = visit(serve(task, rater="Eve", decides=True))
    v.page.get_by_role("button", name="Take: Rater A").click()
    v.page.locator("#steps input[value='3']").check()
    v.saved()
    assert settled([], store.decisions()["a1"]) == {"score": 1, "polarity": "positive", "emotions": ["joy"]}


def test_of_a_score_from_elsewhere_and_a_class_given_here_the_later_one_stays(
    task: Task, serve: Serve, visit: Any
) -> None:
    other = create_task(task.folder.parent / "other", task.items, ["polarity"])
    other.store().add("Ann", "a1", {"score": 0.667})
    v = visit(serve(other))
    v.enter("Ann")
    v.page.locator("#classes").get_by_role("radio", name="negative").check()
    v.saved()
    assert values(other.store(), "a1") == {"polarity": "negative"}
