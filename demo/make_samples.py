"""Makes the sample media of this folder from nothing: clip.mp4, sky.jpg.

    python demo/make_samples.py        needs espeak-ng (a Debian package) for the voice

Nobody is shown and nobody is heard: the face is drawn by arithmetic (drawn_face.py), the sky by noise, and the voice is
a formant synthesiser's. The results are committed, so that only those who change them need to run this.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from drawn_face import Expression, draw
from numpy.typing import NDArray

HERE = Path(__file__).parent
WIDTH, HEIGHT, FPS = 480, 360, 15
RATE = 22_050
_SUPER = 1.5  # pixels drawn per pixel shown, along each side


@dataclass(frozen=True)
class Line:
    """One sentence: how it is said, how the face looks meanwhile, and the pause before it (seconds)."""

    text: str
    smile: float
    anger: float
    pitch: int
    speed: int
    loud: float
    pause: float


LINES = (
    Line("What a lovely morning!", 1.0, 0.0, 56, 145, 0.45, 0.6),
    Line("Our team has won, and all of us are so happy.", 1.0, 0.0, 54, 145, 0.45, 0.5),
    Line("But today they lost my suitcase again.", 0.0, 0.9, 46, 147, 0.8, 0.9),
    Line("This is awful, and I am furious!", 0.0, 1.0, 48, 147, 0.95, 0.5),
)


def main() -> None:
    """Write both files."""
    write_clip(HERE / "clip.mp4")
    write_sky(HERE / "sky.jpg")


def write_clip(path: Path) -> None:
    """A face that smiles, frowns, blinks, moves and speaks; H.264 and AAC."""
    sound, spans = speech()
    seconds = len(sound) / RATE
    loudness = np.array([_loudness(sound, at / FPS) for at in range(round(seconds * FPS))])
    with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
        video = out.add_stream("libx264", rate=FPS, options={"crf": "24", "preset": "slow"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = out.add_stream("aac", rate=RATE)
        audio.layout, audio.bit_rate = "mono", 64_000
        stage = Stage()
        for number, loud in enumerate(loudness):
            image = stage.show(number / FPS, spans, float(loud))
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(video.encode())
        for at in range(0, len(sound), 1024):
            frame = av.AudioFrame.from_ndarray(sound[None, at : at + 1024].copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            out.mux(audio.encode(frame))
        out.mux(audio.encode())


def speech() -> tuple[NDArray[np.float32], list[tuple[float, float, Line]]]:
    """The sound, and when each line is said: (start, end, line) in seconds."""
    parts, spans, at = [], [], 0
    for line in LINES:
        said = _said(line)
        parts += [np.zeros(round(line.pause * RATE), np.float32), said]
        start = at + len(parts[-2])
        at = start + len(said)
        spans.append((start / RATE, at / RATE, line))
    sound = np.concatenate([*parts, np.zeros(round(0.8 * RATE), np.float32)])
    room = np.random.default_rng(7).normal(0, 4e-4, len(sound))
    return (sound + room).astype(np.float32), spans


def _said(line: Line) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        voice = ["-v", "en-us+m3", "-p", str(line.pitch), "-s", str(line.speed)]
        subprocess.run(["espeak-ng", *voice, "-w", str(path), line.text], check=True)
        with wave.open(str(path)) as file:
            raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            assert file.getframerate() == RATE, f"expected {RATE} Hz from espeak-ng, got {file.getframerate()}"
    loud = np.flatnonzero(np.abs(raw) > 200)
    raw = raw[loud[0] : loud[-1] + 1]
    return (raw / np.abs(raw).max() * line.loud).astype(np.float32)


def _loudness(sound: NDArray[np.float32], time: float) -> float:
    """0 to 1, over the 70 ms around a time."""
    at = round(time * RATE)
    piece = sound[max(0, at - RATE // 28) : at + RATE // 28]
    return float(np.clip(np.sqrt(np.mean(np.square(piece))) / 0.16, 0, 1)) if len(piece) else 0.0


class Stage:
    """The room, and the face in it."""

    def __init__(self) -> None:
        rows = np.linspace(1.0, 0.72, HEIGHT, dtype=np.float32)[:, None, None]
        wall = np.array([0.60, 0.64, 0.66], np.float32) * rows * np.ones((1, WIDTH, 1), np.float32)
        noise = np.random.default_rng(3).normal(size=(900, 900)).astype(np.float32)
        self._grain = cv2.GaussianBlur(noise, (0, 0), 3) * 6
        self._wall = wall
        self._mouth = 0.0

    def show(self, time: float, spans: list[tuple[float, float, Line]], loud: float) -> NDArray[np.uint8]:
        """The picture at a time."""
        self._mouth += 0.7 * (loud - self._mouth)
        smile, anger = (_mood(time, spans, which) for which in ("smile", "anger"))
        blink = max(0.0, 1 - abs((time % 3.1) - 1.9) / 0.12)
        gaze = 0.35 * np.sin(0.9 * time)
        face = Expression(smile, anger, blink, self._mouth, float(gaze))
        size = 80 + 5 * anger + 2 * np.sin(0.7 * time)
        across = WIDTH / 2 + 26 * np.sin(0.8 * time) - 10 * anger
        down = 158 + 4 * np.sin(1.7 * time) + 3 * self._mouth
        tilt = 0.05 * np.sin(1.1 * time) + 0.03 * smile
        return self._frame(face, float(across), float(down), float(size), float(tilt))

    def _frame(self, face: Expression, across: float, down: float, size: float, tilt: float) -> NDArray[np.uint8]:
        left, right = max(0, int(across - 2.8 * size)), min(WIDTH, int(across + 2.8 * size))
        top = max(0, int(down - 1.75 * size))
        shape = round((HEIGHT - top) * _SUPER), round((right - left) * _SUPER)
        y, x = (grid.astype(np.float32) / np.float32(_SUPER) for grid in np.mgrid[: shape[0], : shape[1]])
        x, y = (x + left - across) / size, (y + top - down) / size
        cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        wall = cv2.resize(self._wall[top:, left:right], shape[::-1])
        drawn = draw(face, cos * x + sin * y, cos * y - sin * x, wall, self._grain[: shape[0], : shape[1]])
        picture = (np.clip(self._wall, 0, 1) ** 0.9 * 255).astype(np.uint8)
        picture[top:, left:right] = cv2.resize(drawn, (right - left, HEIGHT - top), interpolation=cv2.INTER_AREA)
        return picture


def _mood(time: float, spans: list[tuple[float, float, Line]], which: str) -> float:
    """A mood rises in the pause before its first line and lasts until another takes its place."""
    knots = [(start - 0.3, getattr(line, which)) for start, _, line in spans]
    times = [t for knot, _ in knots for t in (knot - 0.35, knot)]
    levels = [
        v for before, (_, now) in zip([knots[0][1], *[v for _, v in knots]], knots, strict=False) for v in (before, now)
    ]
    return float(np.interp(time, times, levels))


def write_sky(path: Path, width: int = 640, height: int = 427) -> None:
    """A sunny sky over a green hill."""
    y, x = (grid.astype(np.float32) for grid in np.mgrid[:height, :width])
    y, x = y / height, x / width
    depth = np.clip(y / 0.8, 0, 1)[..., None]
    sky = np.array([0.16, 0.45, 0.86]) * (1 - depth) + np.array([0.70, 0.86, 0.98]) * depth
    far = np.hypot((x - 0.78) * width / height, y - 0.2)
    sky += np.array([1.0, 0.93, 0.70]) * (0.9 * np.exp(-((far / 0.10) ** 2)) + 0.35 * np.exp(-far / 0.22))[..., None]
    sky = np.where((far < 0.062)[..., None], np.array([1.0, 0.99, 0.90]), sky)
    rng = np.random.default_rng(11)
    puffs = sum(_clouds(rng, width, height, cell) * cell for cell in (96, 48, 24, 12, 6)) / 186
    cover = np.clip((puffs - 0.53 - 0.25 * np.clip(0.25 - far, 0, 1)) / 0.13, 0, 1) * np.clip(1.15 - y, 0, 1)
    white = np.array([1.0, 1.0, 1.0]) - 0.22 * np.clip(puffs - 0.6, 0, 0.4)[..., None]
    sky += (white - sky) * cover[..., None]
    hill = 0.80 + 0.05 * np.sin(4.2 * x + 0.6) + 0.012 * np.sin(17 * x)
    grass = np.array([0.36, 0.62, 0.18]) * (1.12 - 0.7 * np.clip(y - hill, 0, 1))[..., None]
    grass = grass * (0.85 + 0.3 * _clouds(rng, width, height, 5))[..., None]
    cover = 1 / (1 + np.exp(-np.clip((y - hill) * height / 1.2, -30, 30)))
    picture = sky + (grass - sky) * cover[..., None]
    pixels = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
    cv2.imwrite(str(path), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _clouds(rng: np.random.Generator, width: int, height: int, cell: int) -> NDArray[np.float32]:
    """Smooth noise in [0, 1] with lumps of about `cell` pixels, stretched across."""
    coarse = rng.random((height // cell + 3, width // (2 * cell) + 3)).astype(np.float32)
    smooth: NDArray[np.float32] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return smooth


if __name__ == "__main__":
    main()
