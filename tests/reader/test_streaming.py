"""Live reading: what it tells on the way, and that it ends where reading the whole file ends."""

import math
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PIL import Image

from demeanor.bundle import shipped
from demeanor.errors import ConfigError, InputError
from demeanor.media.audio import decode_audio
from demeanor.media.video import open_video
from demeanor.reader import intake, overhearing
from demeanor.reader.analysis import Analysis
from demeanor.reader.events import MOST_WAITING, Event, Outbox
from demeanor.reader.reader import Reader, load
from demeanor.reader.streaming import Stream
from demeanor.types import Evidence
from reader_fakes import RATE, FakeExperts, fake_reader, picture, silence, speech, talking

PLAN = [(0.5, None, 0.0), (2.0, 220.0, 0.1), (6.0, None, 0.0), (2.0, 120.0, 0.5), (0.5, None, 0.0)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talking(tmp_path_factory.mktemp("film") / "talk.mp4", PLAN)


def pushed(stream: Stream, path: Path, fps: float = 10.0, step: int = 1600) -> None:
    """A clip as fast as it is taken: sound in pieces of a tenth of a second, pictures when their time has come."""
    frames = list(open_video(path).frames(fps, 960))
    sound = decode_audio(path)
    for at in range(0, len(sound), step):
        stream.push_audio(sound[at : at + step])
        while frames and frames[0].time < (at + step) / RATE:
            stream.push_frame(frames[0].image, frames.pop(0).time, wait=True)
    for frame in frames:
        stream.push_frame(frame.image, frame.time, wait=True)


def plain(analysis: Analysis) -> dict[str, Any]:
    out = analysis.to_dict()
    out.pop("provenance")
    return {**out, "id": None, "source": None}


def shown(events: list[Event]) -> dict[str, Event]:
    """The segments that a client has on its screen after these events."""
    screen: dict[str, Event] = {}
    for event in events:
        for id in event.replaces:
            screen.pop(id, None)
        if event.type == "segment" and event.id is not None:
            screen[event.id] = event
    return screen


def test_it_ends_as_the_whole_file(film: Path) -> None:
    reader = fake_reader()
    with reader.stream() as stream:
        pushed(stream, film)
    assert stream.analysis is not None
    assert near(plain(stream.analysis), plain(reader.analyze(film)), 0.005)
    assert stream.left_out["dropped"] == 0


def near(one: Any, other: Any, within: float) -> bool:
    """Whether two JSON values have the same shape and numbers that differ by no more than that."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[k], other[k], within) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(near(a, b, within) for a, b in zip(one, other, strict=True))
    if isinstance(one, float):
        return isinstance(other, float) and abs(one - other) <= within
    return bool(one == other)


def test_what_is_told_on_the_way(film: Path) -> None:
    stream = fake_reader().stream()
    pushed(stream, film)
    analysis = stream.finish()
    events = list(stream.events())
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    times = [e.time for e in events]
    assert times == sorted(times)
    assert all(0 <= e.until <= e.time + 0.5 for e in events)
    assert [e.type for e in events].count("final") == 1
    assert events[-1].analysis is analysis
    partials = [e for e in events if e.type == "partial"]
    assert 5 <= len(partials) <= 12
    assert all("face" in e.cues and [f.id for f in e.faces] == ["F1"] for e in partials)
    beats = np.diff([0.0, *(e.until for e in partials)])
    assert all(0.7 <= beat <= 2.0 for beat in beats), beats  # a second, give or take a picture, of the clip's own clock
    screen = shown(events)
    said = [s for s in analysis.segments if s.text]
    assert [(e.segment.text, e.segment.start, e.state) for e in screen.values() if e.segment] == [
        (s.text, s.start, "final") for s in said
    ]
    for event in events:
        assert event.to_dict()["type"] == event.type


def test_speech_is_told_while_it_goes_on_and_corrected_under_the_same_id() -> None:
    told, heard = [], threading.Event()

    def note(event: Event) -> None:
        told.append(event)
        if event.state == "closed":
            heard.set()

    stream = fake_reader("words", "voice").stream(callback=note)
    sound = np.concatenate([silence(0.5), speech(3.0), silence(1.5)])
    for at in range(0, len(sound), 4000):
        stream.push_audio(sound[at : at + 4000])
    assert heard.wait(30)
    stream.finish()
    segments = [e for e in told if e.type == "segment"]
    assert {e.id for e in segments} == {"s1"}
    assert [e.state for e in segments][-2:] == ["closed", "final"]
    assert all(e.segment is not None and e.segment.text == "I love it." for e in segments)
    assert set(segments[-1].segment.cues) == {"words", "voice"}  # type: ignore[union-attr]


@pytest.mark.parametrize(("quick", "most"), [(np.inf, 1.5), (-1.0, 2.5)])
def test_what_is_said_is_told_every_second_or_two_where_nobody_pauses(
    monkeypatch: pytest.MonkeyPatch, quick: float, most: float
) -> None:
    """By the clock of the sound: more is pushed when all has been listened to. On a quick machine, and on another."""
    monkeypatch.setattr(overhearing, "_QUICK", quick)
    experts, told = FakeExperts(("words", "voice")), []
    heard, detect = threading.Semaphore(0), experts._loaded["recogniser"].detect

    def listens(samples: Any) -> Any:
        heard.release()
        return detect(samples)

    experts._loaded["recogniser"].detect = listens
    stream = Reader(experts).stream(callback=told.append)
    sound = np.concatenate([silence(0.5), speech(11.0), silence(1.5)])
    for at in range(0, len(sound), RATE // 4):
        stream.push_audio(sound[at : at + RATE // 4])
        while stream._quick.seconds >= 0.25 or not heard.acquire(timeout=0.01):
            sleep(0.001)
    stream.finish()
    spoken = [e for e in told if e.type == "segment" and e.state == "open"]
    assert all(e.segment and e.segment.text and {"words", "voice"} <= set(e.segment.cues) for e in spoken)
    times = [0.5, *(e.until for e in spoken)]
    assert times[-1] >= 9.5
    assert max(np.diff(times)) <= most, times
    partials = [e for e in told if e.type == "partial"]
    assert sum("words" in e.cues and bool(e.text) for e in partials) >= 5
    assert all(0.7 <= beat <= 1.5 for beat in np.diff([e.until for e in partials]))


def test_an_empty_stream() -> None:
    with fake_reader().stream() as stream:
        pass
    assert stream.analysis is not None
    assert stream.analysis.overall.abstain
    assert stream.analysis.segments == ()
    assert stream.analysis.duration is None
    assert "nothing came that could be read" in stream.analysis.warnings
    assert [e.type for e in stream.events()] == ["final"]


def test_silence_and_pictures_without_a_face() -> None:
    with fake_reader().stream() as stream:
        for at in range(40):
            stream.push_audio(silence(0.1))
            stream.push_frame(picture(), at / 10, wait=True)
    a = stream.analysis
    assert a is not None
    assert a.kind == "video"
    assert a.duration == pytest.approx(4.0, abs=0.01)
    assert {"words", "voice", "face"} <= set(a.missing)
    assert {"no speech found in the sound", "no face found"} <= set(a.warnings)


def test_cut_off_in_the_middle_of_speech() -> None:
    sound = np.concatenate([silence(0.5), speech(2.0)])
    with fake_reader("words", "voice").stream() as stream:
        stream.push_audio(sound)
    assert stream.analysis is not None
    assert plain(stream.analysis) == plain(fake_reader("words", "voice").analyze(audio=sound))
    assert [s.text for s in stream.analysis.segments] == ["I love it."]


def test_texts_alone_are_one_text() -> None:
    reader = fake_reader("words")
    with reader.stream() as stream:
        stream.push_text("I love it. The bus was late.")
        stream.push_text("  ")
        stream.push_text("I hate it \ud83d!")
    assert stream.analysis is not None
    assert plain(stream.analysis) == plain(reader.analyze(text="I love it. The bus was late.\nI hate it \ufffd!"))
    segments = [e for e in stream.events() if e.type == "segment"]
    assert [(e.id, e.segment.chars, e.state) for e in segments if e.segment] == [
        ("t1.1", (0, 10), "final"),
        ("t1.2", (11, 28), "final"),
        ("t2.1", (29, 41), "final"),
    ]


def test_text_beside_speech_counts_as_long_as_it_lasts() -> None:
    with fake_reader("words", "voice").stream() as stream:
        stream.push_text("I hate it.")
        stream.push_audio(np.concatenate([silence(0.5), speech(3.0), silence(0.5)]))
    a = stream.analysis
    assert a is not None
    assert a.kind == "mixed"
    assert [s.text for s in a.segments][:2] == ["I hate it.", "I love it."]
    (said,) = (s for s in a.segments if s.text == "I love it.")
    length = (said.end or 0) - (said.start or 0)
    words = a.cues["words"].sentiment
    assert words is not None
    assert words.score == pytest.approx((0.8 * 0.9 * length - 0.8) / (0.9 * length + 1), abs=1e-6)


def test_pictures_that_cannot_be_read_cost_themselves_only() -> None:
    with fake_reader().stream() as stream:
        for at in range(20):
            image = b"no picture" if at % 2 else picture([(100, 60, 90, "bright")])
            stream.push_frame(image, at / 2, wait=True)
        stream.push_frame(picture(), 3.0)
    assert stream.analysis is not None
    assert stream.left_out["damaged"] == 10
    assert stream.left_out["late"] == 1
    assert set(stream.analysis.cues) == {"face", "scene"}
    assert sum("picture" in w for w in stream.analysis.warnings) == 2
    assert sum(e.type == "warning" for e in stream.events()) == 3  # damaged: at the first and the tenth


def test_pictures_are_copied_as_they_are_pushed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture([(100, 60, 90, "bright")])).save(path)
    with fake_reader().stream() as stream:
        decode, seen = stream.decode, threading.Semaphore(0)
        stream.decode = lambda image: seen.acquire() and decode(image)
        with Image.open(path) as opened:
            stream.push_frame(opened, 0.0)
        data = bytearray(path.read_bytes())
        stream.push_frame(data, 0.5)
        data[:] = bytes(len(data))
        with Image.open(path) as closed:
            pass
        stream.push_frame(closed, 1.0)  # no more to be copied, and no error here
        for _ in range(3):
            seen.release()
    assert stream.left_out["damaged"] == 1
    assert stream.analysis is not None
    assert "face" in stream.analysis.cues


class Slow:
    """Finds faces only when it is let."""

    def __init__(self) -> None:
        self.inner, self.gate = FakeExperts()._loaded["finder"], threading.Semaphore(0)

    def find(self, image: Any, *, min_size: int = 40) -> Any:
        assert self.gate.acquire(timeout=30)
        return self.inner.find(image, min_size=min_size)  # type: ignore[attr-defined]


def test_pictures_that_come_too_fast_are_dropped_oldest_first_and_counted() -> None:
    experts = FakeExperts(("face",))
    slow = experts._loaded["finder"] = Slow()
    with Reader(experts).stream() as stream:
        for at in range(30):
            stream.push_frame(picture([(100, 60, 90, "bright")]), at / 3)
        slow.gate.release(30)
    left = stream.left_out["dropped"]
    assert 25 <= left <= 26  # three wait, one or none is being looked at, one is held for its tick
    assert stream.analysis is not None
    assert any(w.startswith(f"{left} pictures were left out") for w in stream.analysis.warnings)
    first = next(e.message for e in stream.events() if e.type == "warning")
    assert first is not None
    assert first.startswith("1 picture was left out: it came faster")


def test_what_fails_inside_is_raised_at_the_end_and_ends_the_events() -> None:
    class Broken:
        def read(self, *_: object) -> list[Evidence]:
            raise RuntimeError("no more memory")

    experts = FakeExperts(("words",))
    experts._loaded["words"] = Broken()
    stream = Reader(experts).stream()
    stream.push_text("I love it.")
    assert list(stream.events(timeout=30)) == []
    with pytest.raises(RuntimeError, match="no more memory"):
        stream.finish()
    with pytest.raises(RuntimeError, match="no more memory"):
        stream.push_text("more")


def test_a_stream_that_has_ended_takes_nothing() -> None:
    stream = fake_reader().stream(id="call-7")
    stream.push_text("I love it.")
    assert stream.finish() is stream.finish()
    assert stream.analysis is not None
    assert stream.analysis.id == "call-7"
    for push in (lambda: stream.push_text("x"), lambda: stream.push_audio(b""), lambda: stream.push_frame(b"", 1.0)):
        with pytest.raises(InputError, match="has ended"):
            push()


def test_an_error_in_the_block_cancels() -> None:
    stream = fake_reader().stream()

    def failing() -> None:
        with stream:
            stream.push_audio(speech(30.0))
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert stream.analysis is None
    assert "final" not in [e.type for e in stream.events(timeout=0)]
    assert not [t for t in threading.enumerate() if t.name.startswith("demeanor ")]


def test_a_stream_that_was_cancelled_stays_so() -> None:
    with fake_reader().stream() as stream:
        stream.push_text("I love it.")
        stream.cancel()
    assert stream.analysis is None
    assert "final" not in [e.type for e in stream.events(timeout=0)]
    with pytest.raises(InputError, match="cancelled"):
        stream.finish()
    done = fake_reader().stream()
    analysis = done.finish()
    done.cancel()
    assert done.finish() is analysis


def test_sound_and_pictures_without_times_are_on_one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(intake, "perf_counter", lambda: now)
    with fake_reader().stream(cues="voice,face") as heard:
        now += 5  # nothing has come yet
        heard.push_audio(silence(0.5))
        heard.push_frame(picture())
        assert heard._beat.last == pytest.approx(0.5)
        heard.cancel()
    with fake_reader().stream(cues="voice,face") as seen:
        now += 5
        seen.push_frame(picture())
        now += 2
        seen.push_audio(silence(0.5))
        assert (seen._beat.last, seen.seconds) == pytest.approx((0.0, 2.0))
        now += 0.5
        seen.push_audio(silence(0.5))
        assert seen.seconds == pytest.approx(2.5)
        seen.cancel()
    with fake_reader().stream(cues="voice,face") as timed:  # of a file: pictures first, then the sound
        timed.push_frame(picture(), 0.0)
        now += 2
        timed.push_audio(silence(0.5))
        assert timed.seconds == pytest.approx(0.5)
        timed.cancel()


def test_times_that_make_no_sense_are_refused() -> None:
    with fake_reader().stream() as stream:
        for time in (math.nan, math.inf, -math.inf, -1.0, 1e7):
            with pytest.raises(InputError, match="below 10000000, got"):
                stream.push_frame(picture(), time)
        for time in (math.nan, math.inf, -math.inf):
            with pytest.raises(InputError, match="expected the time of sound in seconds"):
                stream.push_audio(silence(1), time=time)


def test_what_is_said_after_a_long_gap_is_heard() -> None:
    """Silence stands in for the gap, and it is no sound that waits."""
    talk = np.concatenate([silence(0.5), speech(3.0), silence(1.5)])
    with fake_reader("words", "voice").stream(language="en") as stream:
        for time in (0.0, 900.0, 905.0):
            stream.push_audio(talk, time=time)
    assert stream.left_out["lost"] == 0
    assert stream.analysis is not None
    starts = [s.start for s in stream.analysis.segments if s.text]
    assert starts == pytest.approx([0.5, 900.5, 905.5], abs=0.5)
    assert not stream.analysis.warnings


def test_a_picture_far_ahead_follows_the_last_one() -> None:
    with fake_reader().stream() as stream:
        stream.push_audio(silence(2))
        for time in (0.0, 0.5, 1.0, 86_400.0, 86_400.5, 86_401.0):
            stream.push_frame(picture(), time)
    assert stream.analysis is not None
    assert stream.analysis.duration == pytest.approx(3.5)
    assert "the time of the pictures jumped ahead once" in " ".join(stream.analysis.warnings)
    assert stream.left_out["leaps"] == 1


@pytest.mark.parametrize("fps", [0, 31, float("nan")])
def test_fps_must_make_sense(fps: float) -> None:
    with pytest.raises(ConfigError, match="pictures per second"):
        fake_reader().stream(fps=fps)


def test_only_the_cues_wanted() -> None:
    with fake_reader().stream(cues="face") as stream:
        stream.push_audio(speech(2.0))
        for at in range(8):
            stream.push_frame(picture([(100, 60, 90, "bright")]), at / 4, wait=True)
    assert stream.analysis is not None
    assert set(stream.analysis.cues) == {"face"}


def test_events_nobody_takes_do_not_gather_without_end() -> None:
    outbox = Outbox(None)
    for at in range(5000):
        outbox.put("partial", at, at)
        if at % 100 == 0:
            outbox.put("segment", at, at, id=f"s{at}")
    outbox.close()
    left = list(iter(lambda: outbox.take(0.0), None))
    assert len(left) <= MOST_WAITING
    assert sum(e.type == "segment" for e in left) == 50


def test_memory_does_not_grow_with_sound_and_pictures() -> None:
    """What remains of a minute is readings, not media: its sound alone has 3.8 MB."""

    def held(minutes: int) -> float:
        stream = fake_reader().stream(callback=lambda _: None)
        block = np.concatenate([silence(28.0), speech(2.0)])
        face = picture([(20, 10, 40, "bright")], 80, 60)
        tracemalloc.start()
        for at in range(2 * minutes):
            stream.push_audio(block)
            while stream.behind > 40:
                sleep(0.005)
            for k in range(30):
                stream.push_frame(face, at * 30 + k + 0.5, wait=True)
        stream._desk.put(_Last(), wait=True)  # type: ignore[arg-type]
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        stream.cancel()
        return now / 1e6

    class _Last:
        image, time = b"", 0.0

    few, many = held(4), held(12)
    assert many - few < 4


@pytest.fixture(scope="module")
def real() -> Reader:
    if "base" not in shipped():
        pytest.skip("the bundle is not built yet: make model")
    reader = load(threads=2)
    if reader.experts.recogniser is None or reader.experts.finder is None:
        pytest.skip("the weights of speech or faces are not here")
    return reader


def bounded(reader: Reader, path: Path, fps: float, jpeg: bool) -> Iterator[tuple[str, float]]:
    """How far live and whole readings of a clip differ in P(positive) − P(negative).

    The score itself jumps where the label does, and labels can be tied.
    """
    import cv2

    whole = reader.analyze(path)
    with reader.stream() as stream:
        if jpeg:
            push, stream.push_frame = (
                stream.push_frame,
                lambda image, time, wait: push(  # type: ignore[method-assign]
                    cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes(), time, wait=wait
                ),
            )
        pushed(stream, path, fps)
    live = stream.analysis
    assert live is not None
    assert [(s.text, s.start, s.end) for s in live.segments] == [(s.text, s.start, s.end) for s in whole.segments]
    assert live.duration == pytest.approx(whole.duration, abs=0.1)
    assert (live.language, set(live.cues), live.missing) == (whole.language, set(whole.cues), whole.missing)
    readings = [("overall", live.overall, whole.overall)]
    readings += [(cue, live.cues[cue], reading) for cue, reading in whole.cues.items()]
    for one, other in zip(live.segments, whole.segments, strict=True):
        readings += [(f"segment {cue}", one.cues[cue], other.cues[cue]) for cue in other.cues]
    for name, one, other in readings:
        assert one.sentiment is not None
        assert other.sentiment is not None
        tilts = [s.probabilities["positive"] - s.probabilities["negative"] for s in (one.sentiment, other.sentiment)]
        yield name, abs(tilts[0] - tilts[1])


def test_the_demo_ends_as_the_whole_file_within_bounds(real: Reader) -> None:
    for name, difference in bounded(real, ROOT / "demo" / "clip.mp4", 15.0, jpeg=False):
        assert difference <= (1e-3 if name in ("words", "voice", "segment words", "segment voice") else 0.01), name


@pytest.mark.shared
def test_a_talking_head_ends_as_the_whole_file_within_bounds(real: Reader, shared: Path) -> None:
    for name, difference in bounded(real, shared / "data" / "talking_heads" / "bbaf2n.mpg", 25.0, jpeg=True):
        assert difference <= (1e-3 if name in ("words", "voice", "segment words", "segment voice") else 0.1), name
