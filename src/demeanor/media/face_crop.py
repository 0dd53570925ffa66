"""What is made of a found face: an upright grey crop of it, and how well it shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

CANONICAL: Floats = np.array(
    [[0.318, 0.382], [0.682, 0.382], [0.500, 0.592], [0.346, 0.782], [0.654, 0.782]], np.float32
)
"""Left eye, right eye, nose, left and right corner of the mouth (as seen in the picture) of the mean FER2013
face, as fractions of the picture's side: the mean over the 1 270 of 1 500 training pictures in which the
finder is sure (score over 0.97), averaged with their mirror images. Made by recipes/face_geometry.py."""

_TYPICAL_DETAIL = 0.2  # variance of the Laplacian over that of the crop: median of the GRID clips
_FULL_CONTRAST = 40.0  # grey levels, standard deviation


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """A face in a picture, in pixels of that picture.

    Attributes:
        box: left, top, width, height; within the picture.
        landmarks: (5, 2), x and y of left eye, right eye, nose, left and right corner of the mouth, left and
            right as seen in the picture.
        score: how sure the finder is, in [0, 1].
        landmarks_measured: False where the landmarks are those of a mean face that fills the box.
    """

    box: tuple[float, float, float, float]
    landmarks: Floats
    score: float
    landmarks_measured: bool = True


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How well a face shows; what the reliability of the face cue is made from.

    Attributes:
        size_px: geometric mean of the box's sides, in pixels of the picture.
        sharpness: in [0, 1): share of fine detail in the grey 64 px crop; towards 0 when out of focus,
            enlarged or smooth, 0.5 for the median face of the GRID clips.
        illumination: in [0, 1]: 1 for a face with good contrast, towards 0 for one that is black, washed out
            or flat.
        frontality: in [0, 1]: 1 seen from the front, 0 in profile or turned far up or down; 0.5 where the
            landmarks were not measured.
    """

    size_px: float
    sharpness: float
    illumination: float
    frontality: float


def align(image: Picture, face: FoundFace, size: int = 64, margin: float = 0.0) -> Picture:
    """The face upright and grey, its landmarks where they are in a FER2013 picture.

    A similarity transform (Umeyama 1991) takes the five landmarks to `CANONICAL`. Beyond the picture's
    edge its last pixels are repeated.

    Args:
        image: the picture the face was found in, RGB or grey, uint8.
        face: one found by `FaceFinder`.
        size: side of the crop, in pixels.
        margin: what is added on every side, as a fraction of the FER2013 framing.

    Returns:
        Grey crop (size, size).
    """
    import cv2

    image = as_rgb(image)
    target = (CANONICAL.astype(np.float64) + margin) / (1 + 2 * margin) * size
    matrix = _similarity(face.landmarks, target)
    if not _plausible(matrix, face, size / (1 + 2 * margin)):
        matrix = _similarity(mean_landmarks(face.box), target)
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ _inverse(matrix).T
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 2, 0, np.array(image.shape[1::-1]) - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 2, low + 1, image.shape[1::-1])
    part = cv2.cvtColor(image[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    shrink = min(1.0, float(np.sqrt(np.linalg.det(matrix[:, :2]))))
    if shrink < 1:  # the warp below reads four pixels only and would skip the others
        width, height = np.maximum(1, np.rint(np.array(part.shape[::-1]) * shrink)).astype(int)
        part = cv2.resize(part, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    scale = (high - low) / np.array(part.shape[::-1])
    linear = matrix[:, :2] * scale
    # warpAffine counts from the centre of the first pixel, the landmarks from its corner
    shift = matrix[:, 2] + matrix[:, :2] @ low + linear @ (0.5, 0.5) - 0.5
    warped: Picture = cv2.warpAffine(
        part,
        np.column_stack([linear, shift]),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return warped


def quality(image: Picture, face: FoundFace) -> FaceQuality:
    """How well the face shows in its picture (RGB or grey, uint8)."""
    import cv2

    crop = align(image, face, 64).astype(np.float32)
    detail = float(cv2.Laplacian(crop, cv2.CV_32F).var()) / (float(crop.var()) + 25)
    lit = float(np.mean((crop > 8) & (crop < 247)))
    return FaceQuality(
        size_px=float(np.sqrt(face.box[2] * face.box[3])),
        sharpness=detail / (detail + _TYPICAL_DETAIL),
        illumination=min(1.0, float(crop.std()) / _FULL_CONTRAST) * lit,
        frontality=_frontality(face.landmarks) if face.landmarks_measured else 0.5,
    )


def _frontality(landmarks: Floats) -> float:
    """1 seen from the front, 0 in profile or turned far up or down; rolling the head costs nothing."""
    left, right, nose, *mouth = landmarks.astype(np.float64)
    across, down = right - left, np.mean(mouth, axis=0) - (left + right) / 2
    frame = np.column_stack([across, down])
    if abs(np.linalg.det(frame)) < 1e-6:
        return 0.0
    turn, nod = np.linalg.solve(frame, nose - (left + right) / 2)
    return float(np.clip(1 - 2 * abs(turn), 0, 1) * np.clip(1.5 - 3 * abs(nod - 0.53), 0, 1))


def as_rgb(image: Picture) -> Picture:
    """The picture as RGB.

    Raises:
        InputError: not an uint8 array of shape (height, width, 3) or (height, width).
    """
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise InputError(
            f"expected a picture as uint8 array, (height, width, 3) in RGB or (height, width) in grey, got "
            f"{image.dtype} {image.shape}; convert it first"
        )
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def mean_landmarks(box: tuple[float, float, float, float]) -> Floats:
    """Landmarks (5, 2) of a mean face that fills the box (left, top, width, height)."""
    return CANONICAL * np.array(box[2:], np.float32) + np.array(box[:2], np.float32)


def _similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Matrix (2, 3) of the rotation, scale and shift that best takes points (n, 2) to others."""
    a, b = source.astype(np.float64), target.astype(np.float64)
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    a, b = a - centre_a, b - centre_b
    u, d, vt = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(flip) @ vt
    linear = rotation * ((d * flip).sum() / max(float((a**2).sum()), 1e-12))
    return np.column_stack([linear, centre_b - linear @ centre_a])


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def _plausible(matrix: NDArray[np.float64], face: FoundFace, size: float) -> bool:
    """Whether the framing that follows from the landmarks is about as large as the box."""
    scale = np.sqrt(max(float(np.linalg.det(matrix[:, :2])), 0.0))
    framed = scale * np.sqrt(face.box[2] * face.box[3]) / size
    return bool(np.isfinite(matrix).all() and 0.4 < framed < 2.0)
