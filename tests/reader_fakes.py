"""Experts that read by plain rules, so that a test knows what must come out; and media to read."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.media.face_crop import FaceQuality, FoundFace
from demeanor.media.speech import Heard, detect_speech, voiced
from demeanor.media.vad import Interval, speech_intervals
from demeanor.media.windows import Window
from demeanor.reader.cues._legible import Doubt
from demeanor.reader.experts import Experts
from demeanor.reader.reader import Reader
from demeanor.reader.sound import follow
from demeanor.types import EMOTIONS, Evidence, Utterance

RATE = 16_000
GLAD = re.compile(r"love|great|happy|好|喜欢|开心", re.IGNORECASE)
CROSS = re.compile(r"hate|awful|terrible|讨厌|糟", re.IGNORECASE)


def said(score: float, emotion: str, reliability: float = 1.0, abstain: bool = False) -> Evidence:
    """Evidence whose score, classes and emotion agree."""
    negative, positive = max(0.05, -0.9 * score), max(0.05, 0.9 * score)
    polarity = np.array([negative, 1 - negative - positive, positive])
    emotions = np.full(7, 0.05)
    emotions[EMOTIONS.index(emotion)] = 0.7
    return Evidence(polarity, emotions, score, reliability, abstain, np.array([score, 1.0]))


class FakeWords:
    """Glad and cross words; what follows "but" counts for all."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.languages: list[str | None] = []

    def read(
        self,
        texts: Sequence[str],
        probabilities: Sequence[float | None] | None = None,
        language: Sequence[str | None] | None = None,
    ) -> list[Evidence]:
        self.calls.append(list(texts))
        self.languages += language or []
        sure = probabilities or [None] * len(texts)
        return [self._read(t, 1.0 if p is None else p) for t, p in zip(texts, sure, strict=True)]

    def variants(
        self, texts: Sequence[str], of: str, probability: float | None = None, language: str | None = None
    ) -> list[Evidence]:
        return [self._read(t, 1.0 if probability is None else probability) for t in texts]

    @staticmethod
    def pieces(text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in range(len(text))]

    def doubt(self, text: str, language: str | None = None) -> Doubt | None:
        return Doubt("it is mumbled", 0.2, True) if "mumble" in text else None

    @staticmethod
    def _read(text: str, reliability: float) -> Evidence:
        if "mumble" in text:
            return said(0.0, "neutral", 0.2, abstain=True)
        verdict = text.rpartition("but")[2]
        difference = len(GLAD.findall(verdict)) - len(CROSS.findall(verdict))
        if difference == 0:
            return said(0.0, "neutral", reliability)
        return said(0.8, "joy", reliability) if difference > 0 else said(-0.8, "anger", reliability)


class FakeVoice:
    """Loud is angry."""

    encoder = "fake"

    def __init__(self) -> None:
        self.largest = 0

    def read(self, heard: Sequence[Heard]) -> list[Evidence]:
        self.largest = max(self.largest, len(heard))
        loud = [float(np.sqrt(np.mean(np.square(h.samples)))) if len(h.samples) else 0.0 for h in heard]
        return [said(-0.7, "anger") if v > 0.15 else said(0.0, "neutral", abstain=v < 1e-3) for v in loud]

    @staticmethod
    def frames(piece: Heard) -> NDArray[np.float32]:
        return piece.samples[:, None]

    @staticmethod
    def variants(frames: Sequence[NDArray[np.float32]], of: NDArray[np.float32]) -> list[Evidence]:
        loud = [float(np.sqrt(np.mean(np.square(f)))) for f in frames]
        return [said(-0.7, "anger") if v > 0.15 else said(0.0, "neutral") for v in loud]


class FakeFace:
    """Bright is glad."""

    crop_size = 48

    def __init__(self) -> None:
        self.largest = 0

    def read(self, crops: Sequence[NDArray[np.uint8]], qualities: Sequence[FaceQuality]) -> list[Evidence]:
        assert all(c.shape == (48, 48) and c.dtype == np.uint8 for c in crops)
        assert len(crops) == len(qualities)
        self.largest = max(self.largest, len(crops))
        return [said(0.6, "joy") if c.mean() > 90 else said(-0.6, "sadness") for c in crops]


class FakeScene:
    """Blue is glad."""

    def __init__(self) -> None:
        self.pictures = 0

    def read(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
        self.pictures += len(pictures)
        blue = [float(p[..., 2].mean()) - float(p[..., 1].mean()) for p in pictures]
        return [said(0.4, "joy") if b > 20 else said(0.0, "neutral") for b in blue]

    def variants(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
        return self.read(pictures)


class FakeFinder:
    """Red rectangles are faces."""

    def find(self, image: NDArray[np.uint8], *, min_size: int = 40) -> list[FoundFace]:
        import cv2

        r, g, b = (image[..., i].astype(int) for i in range(3))
        mask = ((r > 90) & (r - g > 60) & (r - b > 60)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        found = []
        for x, y, w, h, area in stats[1:]:
            if area >= 100:
                points = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
                landmarks = points * np.array([w, h], np.float32) + np.array([x, y], np.float32)
                found.append(FoundFace((float(x), float(y), float(w), float(h)), landmarks, 0.99))
        return sorted(found, key=lambda f: -f.box[2] * f.box[3])


class FakeRecogniser:
    """Understands speech by its pitch: low is "I hate it", high "I love it"."""

    weights, sha256, languages = "fake-speech", "ab" * 32, ("en", "zh", "de")

    def __init__(self) -> None:
        self.heard = 0

    def detect(self, samples: NDArray[np.float32]) -> list[Interval]:
        return speech_intervals(samples)

    def hear(
        self,
        blocks: Iterable[NDArray[np.float32]],
        *,
        language: str | None = None,
        notes: list[str] | None = None,
        early: bool = False,
    ) -> Iterator[Heard]:
        for piece in detect_speech(blocks):
            self.heard += 1
            yield self._understood(piece, language)

    def overhear(self, window: Window, language: str | None = None) -> list[Heard]:
        return [self._understood(piece, language) for piece in voiced(window)]

    @staticmethod
    def _understood(piece: Heard, language: str | None) -> Heard:
        spectrum = np.abs(np.fft.rfft(piece.samples * np.hanning(len(piece.samples))))
        pitch = np.argmax(spectrum) * RATE / len(piece.samples)
        text = "I hate it." if pitch < 180 else "I love it."
        return replace(piece, utterance=replace(piece.utterance, text=text, probability=0.9, language=language or "en"))

    def listen(self, blocks: Iterable[NDArray[np.float32]], given: Sequence[Utterance]) -> Iterator[Heard]:
        return follow(blocks, given)


class FakeExperts(Experts):
    """All of the above; name the cues that the bundle has."""

    def __init__(self, cues: Sequence[str] = ("words", "voice", "face", "scene"), threads: int = 0) -> None:
        spec = {"fusion": {"pool": {"floor": 0.05, "kappa": 1.0}}}
        known: dict[str, Any] = {cue: {"max_tokens": 96} for cue in cues}
        super().__init__(SimpleNamespace(name="fake-1", cues=known, spec=spec), threads)  # type: ignore[arg-type]
        made = {"words": FakeWords(), "voice": FakeVoice(), "face": FakeFace(), "scene": FakeScene()}
        self._loaded = {**made, "finder": FakeFinder(), "recogniser": FakeRecogniser()}
        self._lock = threading.RLock()

    def deaf(self) -> FakeExperts:
        """The same without a recogniser."""
        self._loaded["recogniser"] = None
        self.why["speech"] = "speech was not recognised: the extra is not installed"
        return self


def fake_reader(*cues: str) -> Reader:
    return Reader(FakeExperts(cues or ("words", "voice", "face", "scene")))


def speech(seconds: float, pitch: float = 220.0, loud: float = 0.1) -> NDArray[np.float32]:
    """A voice-like hum that rises and falls four times a second."""
    t = np.arange(round(seconds * RATE)) / RATE
    hum = np.sin(2 * np.pi * pitch * t) + 0.4 * np.sin(4 * np.pi * pitch * t) + 0.2 * np.sin(6 * np.pi * pitch * t)
    envelope = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * t)
    return (loud * hum * envelope).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(1).normal(0, 1e-4, round(seconds * RATE))
    return noise.astype(np.float32)


def noise(seconds: float, loud: float = 0.1) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(0, loud, round(seconds * RATE)).astype(np.float32)


def write_wav(path: Path, samples: NDArray[np.float32], rate: int = RATE) -> Path:
    """(time,) or (time, channels) as 16-bit PCM."""
    import wave

    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def picture(faces: Sequence[tuple[int, int, int, str]] = (), width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """A green wall with red squares (x, y, side, "bright" or "dark") for faces."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = (60, 110, 70)
    for x, y, side, light in faces:
        image[y : y + side, x : x + side] = (255, 90, 90) if light == "bright" else (150, 20, 20)
    return image


def write_video(
    path: Path, frames: Sequence[NDArray[np.uint8]], fps: int = 10, sound: NDArray[np.float32] | None = None
) -> Path:
    """MP4 (or what the suffix says) with a lossless-enough picture and, if given, mono sound."""
    import av

    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=fps)
        video.width, video.height = frames[0].shape[1], frames[0].shape[0]
        video.pix_fmt, video.bit_rate = "yuv420p", 4_000_000
        audio = None
        if sound is not None:
            audio = out.add_stream("aac", rate=RATE)
            audio.layout = "mono"
        for image in frames:
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(video.encode())
        if audio is not None and sound is not None:
            for at in range(0, len(sound), 1024):
                piece = av.AudioFrame.from_ndarray(sound[None, at : at + 1024].copy(), format="fltp", layout="mono")
                piece.sample_rate, piece.pts = RATE, at
                out.mux(audio.encode(piece))
            out.mux(audio.encode())
    return path


def talking(path: Path, plan: Sequence[tuple[float, float | None, float]], light: str = "bright") -> Path:
    """A film of one face: (seconds, pitch or None for a pause, loudness) one after another."""
    sound = np.concatenate([silence(s) if pitch is None else speech(s, pitch, loud) for s, pitch, loud in plan])
    count = round(sum(s for s, _, _ in plan) * 10)
    frames = [picture([(100 + at % 20, 60, 90, light)]) for at in range(count)]
    return write_video(path, frames, 10, sound)
