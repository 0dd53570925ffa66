"""Pictures of the page: JPEG data URIs, face boxes, bars and the dial, all without a style attribute."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.report.figures import MARKS, Json, label_of
from demeanor.types import KeyFrame

MAX_KEYFRAMES = 48
_FRAME_SIDE = 384
_PICTURE_SIDE = 1280
_PEAKS = 1600


def data_uri(image: NDArray[np.uint8], side: int, quality: int = 76) -> tuple[str, int, int]:
    """JPEG data URI of an RGB array (height, width, 3), longest side at most `side`; its width and height."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image[..., :3]))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}", *picture.size


def thinned(frames: Sequence[KeyFrame], most: int = MAX_KEYFRAMES) -> list[KeyFrame]:
    """At most `most` key frames, evenly taken, in the order of time."""
    ordered = sorted(frames, key=lambda f: f.time)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (most - 1))] for i in range(most)]


def frames_data(frames: Sequence[KeyFrame], segments: Sequence[Json]) -> list[dict[str, Any]]:
    """Key frames for the page's data: time, picture, and the faces of the segment each one lies in."""
    out = []
    for frame in thinned(frames):
        src, width, height = data_uri(frame.image, _FRAME_SIDE)
        holder = next((s for s in segments if _holds(s, frame.time)), {})
        faces = [
            {"id": f["id"], "box": f["box"], "label": label_of(f.get("reading"))} for f in holder.get("faces") or ()
        ]
        entry = {"time": round(frame.time, 3), "src": src, "width": width, "height": height, "faces": faces}
        out.append(entry)
    return out


def peaks_data(peaks: NDArray[np.floating[Any]] | None) -> list[int] | None:
    """Waveform (n, 2) as min, max, min, max … in -100..100, at most 1600 pairs; the loudest is 100."""
    if peaks is None or len(peaks) == 0:
        return None
    pairs = np.nan_to_num(np.asarray(peaks, dtype=float).reshape(-1, 2))
    edges = np.linspace(0, len(pairs), min(_PEAKS, len(pairs)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(pairs[:, 0], edges), np.maximum.reduceat(pairs[:, 1], edges)
    loudest = max(float(np.abs(low).max()), float(np.abs(high).max()), 1e-3)
    scaled = np.round(np.stack([low, high], axis=1) / loudest * 100).astype(int)
    return [int(v) for v in scaled.ravel()]


def picture_with_faces(image: NDArray[np.uint8], faces: Sequence[Json], words: dict[str, str]) -> str:
    """`<figure>` of the picture, faces boxed and named."""
    src, width, height = data_uri(image, _PICTURE_SIDE, quality=84)
    return (
        f'<figure class="picture"><img src="{src}" width="{width}" height="{height}" '
        f'alt="{words["picture"]}">{face_boxes(faces, width, height, words)}</figure>'
    )


def face_boxes(faces: Sequence[Json], width: int, height: int, words: dict[str, str]) -> str:
    """SVG laid over a picture of that size: a box and `F1 ▲` per face, coloured by what the face says."""
    if not faces:
        return ""
    size = max(13, width / 36)
    parts = []
    for face in faces:
        x, y, w, h = (v * s for v, s in zip(face["box"], (width, height, width, height), strict=True))
        label = label_of(face.get("reading"))
        said = f"{face['id']} {MARKS.get(label or '', '')}".strip()
        parts.append(
            f'<g class="{label or "none"}"><title>{escape(said)} {words.get(label or "none", "")}</title>'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{size / 3:.1f}"/>'
            f'<text x="{x + size / 4:.1f}" y="{max(size, y - size / 2.5):.1f}" font-size="{size:.1f}">'
            f"{escape(said)}</text></g>"
        )
    return f'<svg class="boxes" viewBox="0 0 {width} {height}" aria-hidden="true">{"".join(parts)}</svg>'


def best_faces(frames: Iterable[KeyFrame], segments: Sequence[Json]) -> dict[str, str]:
    """Per face id a square JPEG data URI cut from the key frame where its box is largest."""
    best: dict[str, tuple[float, KeyFrame, Sequence[float]]] = {}
    for frame in frames:
        for segment in segments:
            if not _holds(segment, frame.time):
                continue
            for face in segment.get("faces") or ():
                area = face["box"][2] * face["box"][3]
                if area > best.get(face["id"], (0.0,))[0]:
                    best[face["id"]] = (area, frame, face["box"])
    return {name: data_uri(_cut(frame.image, box), 112)[0] for name, (_, frame, box) in best.items()}


def meter(value: float, name: str) -> str:
    """A bar from the left for a value in [0, 1]."""
    width = 100 * min(1.0, max(0.0, value))
    filled = f'<rect class="{name}" width="{width:.1f}" height="8"/>'
    return f'{_BAR}<rect class="rail" width="100" height="8"/>{filled}</svg>'


def signed_meter(value: float, name: str = "", full: float = 1.0) -> str:
    """A bar from the middle for a value in [-full, full], by default coloured by its sign."""
    half = 50 * min(1.0, abs(value) / full)
    start = 50 - half if value < 0 else 50
    name = name or ("negative" if value < 0 else "positive")
    return (
        f'{_BAR}<rect class="rail" width="100" height="8"/>'
        f'<rect class="{name}" x="{start:.1f}" width="{half:.1f}" height="8"/>'
        '<path class="zero" d="M50 0V8"/></svg>'
    )


def stacked(parts: Sequence[tuple[str, float]]) -> str:
    """One bar split by probability; `parts` are (class, probability)."""
    out, at = [_BAR], 0.0
    for name, value in parts:
        out.append(f'<rect class="{name}" x="{at:.1f}" width="{max(0.0, 100 * value - 0.6):.1f}" height="8"/>')
        at += 100 * value
    return "".join([*out, "</svg>"])


def dial(score: float | None) -> str:
    """A half circle from -1 (left) to +1 (right), with a pointer at the score."""
    ticks = "".join(
        f'<text x="{x}" y="118" text-anchor="{anchor}">{text}</text>'
        for x, anchor, text in ((8, "start", "−1"), (192, "end", "+1"))
    )
    pointer = ""
    if score is not None:
        angle = math.pi * (1 - min(1.0, max(-1.0, score))) / 2
        x, y = 100 + 84 * math.cos(angle), 100 - 84 * math.sin(angle)
        pointer = f'<circle class="pointer" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
    return (
        '<svg class="dial" viewBox="0 0 200 122" aria-hidden="true">'
        '<path class="arc" d="M16 100 A84 84 0 0 1 184 100" stroke="url(#dial-colours)"/>'
        f'<path class="top" d="M100 8 V14"/>{pointer}{ticks}</svg>'
    )


DEFINITIONS = (
    '<svg class="definitions" width="0" height="0" aria-hidden="true"><defs>'
    '<linearGradient id="dial-colours" gradientUnits="userSpaceOnUse" x1="16" y1="0" x2="184" y2="0">'
    '<stop class="stop-negative" offset="0"/><stop class="stop-neutral" offset=".5"/>'
    '<stop class="stop-positive" offset="1"/></linearGradient></defs></svg>'
)
"""The dial's colours, once per page."""

_BAR = '<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'


def _holds(segment: Json, time: float) -> bool:
    start, end = segment.get("start"), segment.get("end")
    return start is not None and end is not None and start <= time <= end


def _cut(image: NDArray[np.uint8], box: Sequence[float]) -> NDArray[np.uint8]:
    """A square around the box, a third larger, within the picture."""
    height, width = image.shape[:2]
    side = int(min(width, height, max(2.0, 1.35 * max(box[2] * width, box[3] * height))))
    x = min(max(0, round((box[0] + box[2] / 2) * width - side / 2)), width - side)
    y = min(max(0, round((box[1] + box[3] / 2) * height - side / 2)), height - side)
    return image[y : y + side, x : x + side]
