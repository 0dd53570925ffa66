"""A face drawn by arithmetic alone: a height map lit from the upper left, with skin, eyes, brows, mouth and hair.

It shows nobody. Coordinates: the cheekbones are at x = ±1, the eyes at y = -0.2, the chin at y = 1.4 (y points down).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

_LIGHT = np.array([-0.38, -0.52, 0.77], np.float32)
_SKIN, _LIP, _HAIR = (0.86, 0.65, 0.53), (0.70, 0.36, 0.34), (0.17, 0.11, 0.08)
_SHIRT, _TEETH, _THROAT = (0.20, 0.33, 0.42), (0.93, 0.91, 0.86), (0.22, 0.07, 0.07)


@dataclass(frozen=True, slots=True)
class Expression:
    """What moves in a face, each from 0 to 1; `gaze` from -1 (left) to 1."""

    smile: float = 0.0
    anger: float = 0.0
    blink: float = 0.0
    speaks: float = 0.0
    gaze: float = 0.0


def draw(e: Expression, x: Map, y: Map, background: NDArray[np.float32], grain: Map) -> NDArray[np.uint8]:
    """The picture, (height, width, 3) uint8, of a face whose coordinates at each pixel are `x` and `y`.

    Args:
        e: how it looks.
        x: (height, width) across the face.
        y: (height, width) down the face.
        background: (height, width, 3) in [0, 1].
        grain: (height, width) around 0, the unevenness of skin.
    """
    picture = background.copy()
    _body(picture, x, y)
    head = _head(x, y)
    height = _relief(e, x, y)
    light = _lit(height)
    skin = np.asarray(_SKIN, np.float32) * (1 + 0.05 * grain[..., None])
    flush = 0.10 * (_spot(np.abs(x), y, 0.58, 0.28, 0.3, 0.25) + _spot(x, y, 0, 0.3, 0.16, 0.16))
    skin = skin * np.stack([1 + 0.3 * flush, 1 - flush, 1 - flush], axis=-1)
    for crease in _creases(e, x, y):
        skin *= 1 - crease[..., None]
    _mouth(skin, e, x, y)
    face = skin * light[..., None]
    _eyes(face, e, x, y)
    _brows(face, e, x, y)
    _over(picture, face, head)
    _hair(picture, x, y, light)
    return (np.clip(picture, 0, 1) ** 0.9 * 255).astype(np.uint8)


def _step(edge: Map, soft: float) -> Map:
    """0 where `edge` is far below 0, 1 far above."""
    return np.asarray(1 / (1 + np.exp(-np.clip(edge / soft, -30, 30))), np.float32)


def _spot(x: Map, y: Map, cx: float, cy: float, rx: float, ry: float) -> Map:
    return np.asarray(np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2), np.float32)


def _over(picture: NDArray[np.float32], colour: object, cover: Map) -> None:
    """Lay a colour over a picture, where `cover` is 1."""
    picture += (np.asarray(colour, np.float32) - picture) * cover[..., None]


def _width(y: Map) -> Map:
    """Half the width of the head: an egg with a jaw."""
    t = np.clip(np.abs(y - 0.02) / 1.42, 0, 1)
    egg = np.sqrt(np.clip(1 - t ** (2.0 + 0.7 * _step(y, 0.2)), 1e-4, 1))
    return np.asarray(egg * (1 - 0.20 * _step(y - 0.7, 0.25)), np.float32)


def _head(x: Map, y: Map) -> Map:
    inside = _step(_width(y) - np.abs(x), 0.012) * _step(1.43 - np.abs(y - 0.02), 0.012)
    ears = _step(1 - ((np.abs(x) - 0.99) / 0.11) ** 2 - ((y - 0.02) / 0.26) ** 2, 0.06)
    return np.maximum(inside, ears)


def _relief(e: Expression, x: Map, y: Map) -> Map:
    """How far each point stands out."""
    side = np.abs(x)
    around = (_width(y) ** 6 + 0.62**6) ** (1 / 6)  # a chin is blunt
    round_ = np.clip(1 - (side / around) ** 2.3, 0.004, 1) ** 0.48
    z = 0.92 * round_ * np.clip(1 - (np.abs(y - 0.02) / 1.46) ** 5, 0.01, 1) ** 0.5
    bridge = _step(y + 0.35, 0.07) * _step(0.3 - y, 0.05)
    z = z + 0.20 * np.exp(-((x / 0.12) ** 2)) * bridge * (0.35 + 0.9 * np.clip(y + 0.35, 0, 0.7))
    z = z + 0.22 * _spot(x, y, 0, 0.27, 0.13, 0.12) + 0.10 * _spot(side, y, 0.15, 0.32, 0.07, 0.07)
    z = z - 0.16 * _spot(side, y, 0.40, -0.17, 0.25, 0.15) + 0.07 * _spot(side, y, 0.40, -0.46, 0.34, 0.1)
    z = z + (0.07 + 0.09 * e.smile) * _spot(side, y, 0.54, 0.24 - 0.06 * e.smile, 0.25, 0.2)
    z = z + 0.06 * _spot(x, y, 0, 0.74, 0.38, 0.16) + 0.10 * _spot(x, y, 0, 1.16, 0.26, 0.16)
    z = z - 0.05 * _spot(x, y, 0, 0.93, 0.26, 0.06) - 0.03 * _spot(x, y, 0, 0.49, 0.05, 0.09)
    z = z + 0.05 * e.anger * _spot(side, y, 0.2, -0.36, 0.1, 0.06)
    return np.asarray(z, np.float32)


def _lit(height: Map) -> Map:
    """Lambert's cosine, a little light from all sides, and a shine."""
    scale = height.shape[0] / 4.2
    dy, dx = np.gradient(height)
    normal = np.stack([-dx * scale, -dy * scale, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    facing = np.clip(normal @ _LIGHT, 0, 1)
    half = (_LIGHT + np.array([0, 0, 1])) / np.linalg.norm(_LIGHT + np.array([0, 0, 1]))
    return np.asarray(0.34 + 0.78 * facing + 0.10 * np.clip(normal @ half, 0, 1) ** 24, np.float32)


def _creases(e: Expression, x: Map, y: Map) -> list[Map]:
    """Shadows: beside the nose when smiling, between the brows when angry, nostrils, under the lip."""
    side = np.abs(x)
    fold_x = 0.22 + (0.34 + 0.10 * e.smile) * np.clip((y - 0.3) / 0.42, 0, 1.3) ** 0.8
    fold = np.exp(-(((side - fold_x) / 0.05) ** 2)) * _step(y - 0.36, 0.05) * _step(0.66 - y, 0.07)
    between = np.exp(-(((side - 0.075) / 0.02) ** 2)) * _spot(x, y, 0, -0.42, 1, 0.12)
    across = np.exp(-(((y + 0.24) / 0.025) ** 2)) * np.exp(-((x / 0.09) ** 2))
    nostrils = _spot(side, y, 0.085, 0.375, 0.045, 0.025)
    under = _spot(x, y, 0, 0.42, 0.16, 0.03)
    crow = np.exp(-(((y + 0.13) / 0.03) ** 2)) * _spot(side, y, 0.68, -0.13, 0.06, 0.2)
    bags = np.exp(-(((y + 0.03 - 0.12 * (side - 0.4) ** 2) / 0.03) ** 2)) * _spot(side, y, 0.4, 0, 0.2, 1)
    amounts = (0.08 + 0.22 * e.smile + 0.16 * e.anger, 0.6 * e.anger, 0.35 * e.anger, 0.62, 0.2, 0.2 * e.smile)
    shadows = [a * m for a, m in zip(amounts, (fold, between, across, nostrils, under, crow), strict=True)]
    return [np.asarray(s, np.float32) for s in (*shadows, (0.10 + 0.12 * e.smile) * bags)]


def _mouth(skin: NDArray[np.float32], e: Expression, x: Map, y: Map) -> None:
    half = 0.36 + 0.15 * e.smile - 0.02 * e.anger - 0.05 * e.speaks * (1 - e.smile)
    t = np.clip(x / half, -1.2, 1.2)
    bend = -0.17 * e.smile + 0.13 * e.anger
    middle = 0.74 + 0.05 * e.smile - 0.03 * e.anger + bend * t**2
    arch = np.clip(1 - t**2, 0, 1)
    gap = (0.13 * e.smile + 0.05 * e.anger * e.speaks + (0.10 - 0.05 * e.smile) * e.speaks) * arch**0.7
    upper, lower = (1 - 0.35 * e.anger) * 0.075, (1 - 0.30 * e.anger) * 0.095
    bow = 1 - 0.22 * np.exp(-((x / 0.05) ** 2))
    top, bottom = middle - gap * 0.45, middle + gap * 0.75
    inside = _step(half - np.abs(x), 0.012)
    lips = _step(y - (top - upper * bow * arch**0.6), 0.012) * _step(bottom + lower * arch**0.7 - y, 0.014)
    shade = 1 + 0.22 * np.clip((y - bottom) / 0.1, -0.6, 1)
    _over(skin, np.asarray(_LIP) * shade[..., None], lips * inside * 0.9)
    line = np.exp(-(((y - middle) / 0.016) ** 2)) * inside
    skin *= 1 - 0.55 * line[..., None]
    opened = _step(y - top, 0.008) * _step(bottom - y, 0.008) * inside * _step(gap - 0.012, 0.004)
    _over(skin, _THROAT, opened)
    teeth = _step(top + 0.075 + 0.045 * e.smile - y, 0.008) * opened * (0.55 + 0.45 * max(e.smile, e.anger))
    _over(skin, _TEETH, teeth * (1 - 0.25 * np.abs(t) ** 2))
    corners = _spot(np.abs(x), y, half, 0.74 + 0.05 * e.smile - 0.03 * e.anger + bend, 0.04, 0.035)
    skin *= 1 - 0.35 * corners[..., None]


def _eyes(face: NDArray[np.float32], e: Expression, x: Map, y: Map) -> None:
    side = np.abs(x) - 0.40
    open_ = (1 - e.blink) * (1 - 0.52 * e.smile) * (1 - 0.38 * e.anger)
    arch = np.clip(1 - (side / 0.19) ** 2, 0, 1)
    slant = 0.06 * e.anger * np.clip(-side / 0.19, -1, 1)
    upper = -0.17 - 0.074 * open_ * arch**0.65 + slant + 0.04 * e.blink
    lower = -0.15 + (0.05 - 0.035 * e.smile) * (1 - 0.5 * e.blink) * arch**0.8
    opened = _step(y - upper, 0.01) * _step(lower - y, 0.01) * _step(0.19 - np.abs(side), 0.012)
    opened *= float(np.clip(1.6 * open_, 0, 1))
    white = np.array([0.88, 0.87, 0.85], np.float32) * (0.72 + 0.28 * np.clip((y - upper) / 0.06, 0, 1))[..., None]
    _over(face, white, opened)
    for centre in (-0.40, 0.40):
        distance = np.hypot(x - centre - 0.05 * e.gaze, y + 0.17)
        _over(face, (0.25, 0.17, 0.11), _step(0.088 - distance, 0.01) * opened)
        _over(face, (0.03, 0.02, 0.02), _step(0.042 - distance, 0.008) * opened)
        glint = np.hypot(x - centre - 0.05 * e.gaze + 0.03, y + 0.20)
        _over(face, (1.0, 1.0, 1.0), _step(0.017 - glint, 0.005) * opened)
    lash = np.exp(-(((y - upper) / 0.02) ** 2)) * _step(0.2 - np.abs(side), 0.015)
    _over(face, (0.10, 0.06, 0.05), lash * 0.85)
    fold = np.exp(-(((y - upper + 0.06) / 0.018) ** 2)) * _step(0.19 - np.abs(side), 0.03)
    face *= 1 - 0.28 * fold[..., None]
    below = np.exp(-(((y - lower) / 0.014) ** 2)) * _step(0.18 - np.abs(side), 0.02)
    face *= 1 - 0.30 * below[..., None]


def _brows(face: NDArray[np.float32], e: Expression, x: Map, y: Map) -> None:
    side = np.abs(x)
    inner, outer = 0.17 - 0.07 * e.anger, 0.66
    t = np.clip((side - inner) / (outer - inner), 0, 1)
    arc = -0.385 + 0.01 * e.smile - 0.055 * np.sin(np.pi * np.clip(t * 0.8 + 0.12, 0, 1)) * (1 - 0.5 * e.anger)
    line = arc + 0.05 * t + e.anger * (0.17 * (1 - t) ** 1.3 + 0.02)
    thick = (0.052 + 0.012 * e.anger) * (1 - 0.6 * t**2)
    within = _step(side - inner, 0.02) * _step(outer - side, 0.03)
    _over(face, _HAIR, np.exp(-(((y - line) / thick) ** 4)) * within * 0.88)


def _hair(picture: NDArray[np.float32], x: Map, y: Map, light: Map) -> None:
    cap = _step(1 - (x / 1.10) ** 2 - ((y + 0.22) / 1.34) ** 2, 0.03) * _step(0.05 - y, 0.05)
    line = -0.86 - 0.05 * x + 0.42 * np.abs(x) ** 4
    cap = cap * np.maximum(_step(line - y, 0.03), _step(np.abs(x) - 0.90, 0.02) * _step(-0.1 - y, 0.05))
    strands = 1 + 0.35 * np.sin(38 * x + 5 * np.sin(3 * y)) * 0.5 + 0.25 * (light - 0.8)
    _over(picture, np.asarray(_HAIR) * strands[..., None], cap)


def _body(picture: NDArray[np.float32], x: Map, y: Map) -> None:
    shoulders = _step(y - 1.75 - 0.30 * np.abs(x / 1.3) ** 2.2, 0.03)
    fade = 1 - 0.25 * np.clip(np.abs(x) / 2, 0, 1)
    neck = _step(0.52 + 0.08 * (y - 1.2) - np.abs(x), 0.02) * _step(y - 0.9, 0.02)
    shadow = 0.62 + 0.3 * np.clip((y - 1.35) / 0.6, 0, 1)
    _over(picture, np.asarray(_SKIN) * (shadow * (1 - 0.2 * np.abs(x)))[..., None], neck)
    collar = _step(y - 1.95 + 0.55 * np.abs(x), 0.02)
    _over(picture, np.asarray(_SHIRT) * fade[..., None], np.minimum(shoulders, collar))
