"""Live reading: sound, pictures and text pushed as they come – events out, and at the end one `Analysis`.

One engine with whole files, used twice. A quick ear hears each turn of speech while it is spoken, once a second or two;
a thorough one – the very one that hears files – hears each window of up to 30 s when it is full, and its segments take
the place of the quick ones. Pictures are looked at on the beat of a film. So the final analysis is what reading the
same sound and pictures as a file gives; docs/live.md says within which bounds.

Pushing copies and queues. Three threads work – the quick ear, the thorough ear, and one that looks and reads –, each
started by the first thing it is for. What they cannot keep up with is left out by rule: pictures first (the oldest
that wait), then turns of the quick ear; sound only when ten minutes of it wait. Each is counted and told.
"""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable, Iterator
from functools import partial
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError, InputError
from demeanor.media.encoding import whole_characters
from demeanor.media.image import decode_image, kept_image
from demeanor.media.vad import RATE
from demeanor.media.video import Frame
from demeanor.reader.analysis import Analysis
from demeanor.reader.clip import LONGEST, Eye, Seen
from demeanor.reader.draft import Draft
from demeanor.reader.events import Event, Outbox
from demeanor.reader.experts import reason
from demeanor.reader.film import lay_out
from demeanor.reader.inputs import Parts
from demeanor.reader.intake import Beat, Desk, Feed, Now, Picture, SoundClock, Text, rows_from
from demeanor.reader.overhearing import Overhearing, said
from demeanor.reader.sound import Ear, Sound
from demeanor.reader.telling import Teller
from demeanor.reader.text import plan, read
from demeanor.reader.timeline import Piece, spoken
from demeanor.reader.turns import Turns
from demeanor.types import Evidence, Kind, Utterance

if TYPE_CHECKING:
    from demeanor.reader.reader import Reader

__all__ = ["Event", "Stream"]

_WATCHED = 1.5  # seconds after which a picture is none of now
_LATEST = 1e7  # seconds, some 116 days, as in an analysis
_HOP = RATE // 4  # samples after which it is asked whether somebody speaks


class Stream:
    """One live reading. Push from any thread; take events by `events`, `poll` or the callback.

    Made by `Reader.stream`. As a context manager it finishes when left in peace, and is cancelled by an error.

    Attributes:
        analysis: of everything, once finished.
        decode: makes an RGB array (height, width, 3) of what `push_frame` was given, or raises an `InputError`; another
            may stand here before the first picture comes.
    """

    def __init__(
        self,
        reader: Reader,
        cues: frozenset[str],
        language: str | None,
        id: str | None,
        fps: float,
        callback: Callable[[Event], None] | None,
    ) -> None:
        if not 0.1 <= fps <= 30:
            raise ConfigError(f"expected 0.1 to 30 pictures per second, got fps={fps}; mend it")
        self._reader, self._experts, self._cues = reader, reader.experts, cues
        self._language, self._id = language, id or "stream"
        self.analysis: Analysis | None = None
        self.decode: Callable[[Any], NDArray[np.uint8]] = partial(decode_image, longest=LONGEST)
        self._outbox, self._seen = Outbox(callback), Seen(step=1 / fps)
        self._teller = Teller(self._experts, self._outbox, self._seen, lambda: self.seconds)
        self._began = clock.perf_counter()
        self._lock = threading.RLock()
        self._threads: dict[str, threading.Thread] = {}
        self._failure: BaseException | None = None
        self._closed = self._cancelled = False
        self._now, self._sound_clock, self._quick, self._thorough = Now(), SoundClock(), Feed(), Feed()
        self._language_heard: str | None = None
        self._sound: Sound | None = None
        self._beat, self._desk = Beat(fps), Desk()
        self._texts: list[str] = []
        self._written_so_far = 0

    def push_audio(self, samples: Any, rate: int = RATE, *, channels: int = 1, time: float | None = None) -> None:
        """Add sound; returns at once.

        Args:
            samples: array (time,), (time, channels) or (channels, time), floats in [-1, 1] or integers; or bytes of
                16-bit integers, little end first, channels interleaved. Channels are averaged.
            rate: samples per second.
            channels: of bytes.
            time: of the first sample, seconds from the start; None where it follows the last one (the first ends now,
                where pictures without a time came before). Silence stands in for gaps; what came before already is
                left out.

        Raises:
            InputError: no sound, or no such time; or the stream has ended.
        """
        if time is not None and not isfinite(time):
            raise InputError(
                f"expected the time of sound in seconds from the start, got {time}; leave it out or mend it"
            )
        rows = rows_from(samples, rate, channels)
        with self._lock:
            self._check_open()
            time = self._now.sound(time, rows.shape[1] / rate, not self._sound_clock.seconds)
            repeated, jumps = self._sound_clock.repeated, self._sound_clock.jumps
            self._feed(self._sound_clock.push(rows, rate, time))
            self._teller.missed("overlaps", self._sound_clock.repeated - repeated)
            self._teller.missed("jumps", self._sound_clock.jumps - jumps)

    def push_frame(self, image: Any, time: float | None = None, *, wait: bool = False) -> None:
        """Add a picture; returns at once. It is decoded when it is looked at, if it is.

        Args:
            image: JPEG or the like as bytes, array RGB (height, width, 3), or PIL image; it is copied.
            time: seconds from the start, after the last picture's; None takes those passed since the first sound or
                picture came. One that is more than half an hour ahead is taken for a fault: it follows the last one.
            wait: wait until there is room instead of letting an older picture go: for pictures that can wait, from a
                file.

        Raises:
            InputError: not such a time; or the stream has ended.
        """
        if time is not None and not 0 <= time < _LATEST:
            raise InputError(
                f"expected the time of a picture in seconds from the start, below {_LATEST:.0f}, got {time}; mend it"
            )
        held = kept_image(image)
        with self._lock:
            self._check_open()
            late, jumps = self._beat.late, self._beat.jumps
            chosen = self._beat.push(self._now.picture(time), held, self._sound_clock.seconds)
            self._teller.missed("late", self._beat.late - late)
            self._teller.missed("leaps", self._beat.jumps - jumps)
        self._look_at(chosen, wait)

    def push_text(self, text: str) -> None:
        """Add something written; returns at once. Its sentences are segments of their own, without times.

        Raises:
            InputError: the stream has ended.
        """
        with self._lock:
            self._check_open()
            if text.strip():
                text = whole_characters(text)
                self._texts.append(text)
                self._desk.put(Text(len(self._texts), self._written_so_far, text))
                self._written_so_far += len(text) + 1
                self._start("looking", self._look)

    @property
    def seconds(self) -> float:
        """Of input that have come."""
        return max(self._sound_clock.seconds, self._beat.last or 0.0)

    @property
    def left_out(self) -> dict[str, float]:
        """What had to be left out so far: counts of pictures and turns, seconds of sound (see `LeftOut`)."""
        return dict(self._teller.left_out.counts)

    @property
    def behind(self) -> float:
        """Seconds of sound that wait to be heard."""
        return max(self._quick.seconds, self._thorough.seconds)

    def warn(self, message: str) -> None:
        """Tell something about the input, as an event and in the final analysis."""
        self._teller.warn(message)

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """Events as they come, until the final one.

        Args:
            timeout: seconds to wait for each; the iteration ends where none comes. None waits.
        """
        while (event := self._outbox.take(timeout)) is not None:
            yield event

    def poll(self) -> list[Event]:
        """Events that have come and were not taken yet."""
        return list(self.events(timeout=0.0))

    def finish(self) -> Analysis:
        """End the stream: what was pushed is read to the end, and the final event told.

        Raises:
            DemeanorError: the reading failed.
            InputError: the stream was cancelled.
        """
        if self._cancelled and self.analysis is None:
            raise InputError("expected a stream that goes on, got one that was cancelled; begin another")
        with self._lock:
            if not self._closed:
                self._feed(self._sound_clock.flush())
                self._look_at(self._beat.flush(), wait=True)
                self._close()
        for thread in self._threads.values():
            thread.join()
        if self._failure is not None:
            raise self._failure
        if self.analysis is None:
            self._teller.rest()
            self.analysis = self._read()
            self._outbox.put("final", self.seconds, self.seconds, analysis=self.analysis)
            self._outbox.close()
        return self.analysis

    def cancel(self) -> None:
        """End the stream without reading the rest; no final event is told."""
        with self._lock:
            self._cancelled = True
            self._outbox.close()
            self._thorough.drop()
            self._desk.close(drop=True)
            self._close()
        for thread in self._threads.values():
            thread.join()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.cancel()
        elif not self._cancelled:
            self.finish()

    # What goes in is handed to the threads.

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise InputError("expected a stream that goes on, got one that has ended; begin another")

    def _feed(self, pieces: list[Any]) -> None:
        if not self._cues & {"words", "voice"}:
            return
        lost = self._thorough.lost
        for piece in pieces:
            self._quick.put(piece)
            self._thorough.put(piece)
            self._start("quick ear", self._overhear)
            self._start("thorough ear", self._listen)
        self._teller.missed("lost", self._thorough.lost - lost)

    def _look_at(self, chosen: list[tuple[float, Any]], wait: bool) -> None:
        if not self._cues & {"face", "scene"}:
            return
        for time, image in chosen:
            self._start("looking", self._look)
            self._teller.missed("dropped", self._desk.put(Picture(time, image), wait))

    def _start(self, name: str, work: Callable[[], None]) -> None:
        """A thread for a kind of work, unless there is one."""
        if name in self._threads:
            return

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._failure = self._failure or error
                self._quick.drop()
                self._thorough.drop()
                self._desk.close(drop=True)
                self._outbox.close()

        self._threads[name] = threading.Thread(target=run, name=f"demeanor {name}", daemon=True)
        self._threads[name].start()

    def _close(self) -> None:
        """No more comes in; the quick ear stops, for all it could tell is told by the thorough one."""
        self._closed = True
        self._quick.drop()
        self._thorough.close()
        self._desk.close()

    # The threads.

    def _overhear(self) -> None:
        """The quick ear: turns while they are spoken."""
        ear = Overhearing(self._experts, self._cues, self._language)
        turns, listened = Turns(ear.detect), 0
        while (block := self._quick.take(_HOP)) is not None:
            listened += len(block)
            for turn in turns.add(block):
                ear.language = self._language_heard or ear.language
                skipped = ear.skipped
                pieces = ear.hear(turn, self._quick.seconds)
                if pieces is not None and not self._closed:
                    self._teller.turn(turn.number, pieces, turn.closed, turn.until)
                self._teller.missed("unheard", ear.skipped - skipped)
            if not self._watched(listened / RATE):
                self._teller.partial(listened / RATE)

    def _watched(self, time: float) -> bool:
        """Whether pictures come about that time: partial readings are then told by the one who looks."""
        looks = bool(self._cues & {"face", "scene"})
        return looks and self._beat.last is not None and self._beat.last > time - _WATCHED

    def _listen(self) -> None:
        """The thorough ear: windows when they are full, as those of a file."""
        ear = Ear(self._experts, self._cues, self._language, told=self._heard)
        ear.listen(self._thorough.blocks())
        self._sound = ear.closed(transcribed=False)

    def _heard(self, utterance: Utterance, voice: Evidence | None) -> None:
        self._language_heard = utterance.language
        words = said([utterance], self._experts) if "words" in self._cues else {}
        (piece,) = spoken([utterance], words, {} if voice is None else {0: voice})
        self._teller.final(piece, utterance.end)

    def _look(self) -> None:
        """Pictures, and what is written."""
        eye = Eye(self._experts, self._cues, None, self._seen)
        while (item := self._desk.take()) is not None:
            if isinstance(item, Text):
                self._teller.written(item.number, self._written(item), self.seconds)
                continue
            try:
                image = self.decode(item.image)
            except InputError as error:
                self._teller.missed("damaged", 1, reason(error))
                continue
            eye.see(Frame(item.time, image))
            eye.read()
            eye.thin()
            self._teller.partial(item.time)
        eye.closed()

    def _written(self, item: Text) -> list[Piece]:
        """The sentences of a text; their places are those in all that was written, a line each."""
        if "words" not in self._cues or self._experts.words is None:
            return []
        text = plan(item.text, self._experts.window, self._language)
        (found,) = read([text], self._experts.words, self._experts.average)
        return [
            Piece(chars=(a + item.place, b + item.place), text=item.text[a:b], evidence={"words": e})
            for (a, b), e in zip(text.segments, found.segments, strict=True)
        ]

    # The end.

    def _read(self) -> Analysis:
        """The analysis of everything."""
        parts, draft = self._parts(), Draft(language=self._language)
        if self._beat.last is not None:
            self._seen.end = self._beat.last + self._beat.spacing
        seen = self._seen if parts.video is not None and self._cues & {"face", "scene"} else None
        draft.warnings = (
            self._teller.warnings + self._teller.left_out.warnings() + (self._sound.warnings if self._sound else [])
        )
        draft.duration = max(self._sound_clock.seconds, self._seen.end) or None
        if parts.timed:
            lay_out(parts, self._experts, self._cues, draft, seen, self._sound)
        if parts.text is not None:
            self._add_texts(parts, draft)
        if not self.seconds and parts.text is None:
            draft.warnings.append("nothing came that could be read")
        return self._reader.finished(parts, self._cues, draft, self._id, None, clock.perf_counter() - self._began)

    def _parts(self) -> Parts:
        """What came, as the parts of a sample; of sound and pictures only that they came."""
        audio = b"" if self._sound_clock.seconds else None
        video = b"" if self._beat.last is not None else None
        text = "\n".join(self._texts) or None
        kinds: list[Kind] = ["video"] if video is not None else ["audio"] if audio is not None else []
        kinds += ["text"] if text is not None else []
        kind: Kind = kinds[0] if len(kinds) == 1 else "mixed"
        return Parts(text, None, audio, video, None, None, None, kind, self._language)

    def _add_texts(self, parts: Parts, draft: Draft) -> None:
        """What was written, before what was said; each counts as its segments last."""
        spoken_words, talk = draft.whole.get("words"), [p for p in draft.pieces if "words" in p.evidence]
        self._reader.read_text([parts], self._cues, [draft])
        if spoken_words is not None:
            wrote = len(draft.pieces) - sum(p.start is not None for p in draft.pieces)
            draft.whole["words"] = self._experts.average(
                [spoken_words, draft.whole["words"]], [sum(p.length for p in talk), float(wrote)]
            )
