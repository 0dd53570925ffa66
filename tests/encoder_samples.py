"""Samples for the encoders' tests, made by rule: a sung vowel, textured pictures, a short film, texts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from demeanor.types import Sample

RATE = 16_000
CLIP = Path(__file__).parents[1] / "demo" / "clip.mp4"
"""A drawn face that speaks: it has a sound track."""

TEXTS = (
    "I love this movie, it is not bad at all! 😀",
    "This movie is terrible :( I don't want to see it again",
    "今天的天气真好，我很喜欢！",
    "the plot was thin but the music was good, really good",
    "味道不错，就是服务太差了",
    "I love the music and I hate the plot",
)

SETTINGS: dict[str, dict[str, Any]] = {
    "series": {"key": "sensor"},
    "text_bag": {"min_count": 1},
    "text_tfidf": {"min_count": 1, "characters": (2, 4)},
    "text_vectors": {"min_count": 1, "dim": 4},
    "text_words": {"min_count": 1},
    "visual_sift": {"words": 5, "details": 60},
    "visual_faces": {"fps": 1.0, "most": 2},
    "visual_geometry": {"fps": 1.0, "most": 2},
    "visual_face": {"most": 2},
}
"""What the tests give an encoder that its defaults do not suit."""

NEED_TORCH = ("audio_hf", "text_hf", "visual_efficientnet", "visual_resnet18", "visual_vit")
"""Checked in tests/lab."""

NEED_GRAPH = ("audio_onnx", "text_onnx", "visual_onnx")
"""Run what an export makes of those; checked beside them."""


def vowel(
    seconds: float = 1.0,
    pitch: float = 120.0,
    formants: tuple[float, ...] = (700.0, 1220.0, 2600.0),
    glide: float = 0.0,
) -> NDArray[np.float32]:
    """Glottal pulses (`pitch` Hz, rising by `glide` Hz a second) through resonances 80 Hz wide: (time,) at `RATE`."""
    from scipy.signal import lfilter

    time = np.arange(round(seconds * RATE)) / RATE
    phase = pitch * time + glide * time**2 / 2
    pulses = np.diff(np.floor(phase), prepend=0.0)
    x = lfilter([1.0], [1.0, -0.97], pulses)
    for f in formants:
        radius = np.exp(-np.pi * 80 / RATE)
        x = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * f / RATE), radius**2], x)
    x = x + 1e-4 * np.random.default_rng(0).standard_normal(len(x)) * np.abs(x).max()
    return (0.5 * x / np.abs(x).max()).astype(np.float32)


def picture(seed: int = 0, height: int = 150, width: int = 200) -> NDArray[np.uint8]:
    """Blobs of many sizes, RGB."""
    import cv2

    random = np.random.default_rng(seed)
    x = np.zeros((height, width, 3))
    for size in (4, 11, 29):
        x += size * cv2.GaussianBlur(random.standard_normal((height, width, 3)), (0, 0), size / 2)
    return np.uint8(np.clip(128 + 60 * x / x.std(), 0, 255))


def write_film(
    path: Path, pictures: list[NDArray[np.uint8]], fps: int = 5, sound: NDArray[np.float32] | None = None
) -> Path:
    """Pictures without loss (FFV1), and 16 kHz sound."""
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("ffv1", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0"
        heard = None if sound is None else out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for index, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if heard is not None and sound is not None:
            block = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts = RATE, 0
            out.mux(heard.encode(block))
            out.mux(heard.encode(None))
    return path


def samples() -> list[Sample]:
    """Six samples that have every part."""
    return [
        Sample(
            f"s{i}", text=text, audio=vowel(0.6, 100 + 20 * i), image=picture(i),
            series={"sensor": np.random.default_rng(i).standard_normal((4 + i, 3)).astype(np.float32)},
        )
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip


def face_sample() -> Sample:
    """The drawn face."""
    return Sample("face", video=CLIP)
