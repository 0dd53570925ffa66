"""Faces in pictures: where they are and their five landmarks; crop and quality come from `face_crop`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanor.media.face_crop import FaceQuality, FoundFace, Picture, align, as_rgb, mean_landmarks, quality
from demeanor.media.mtcnn import Detections, Mtcnn

__all__ = ["FaceFinder", "FaceQuality", "FoundFace", "align", "quality"]

_SMALL = 128  # px, longest side: pictures up to this may be nothing but a face
_LARGE = 1920  # px, longest side: larger pictures are shrunk to this before the search
_SIDE, _FRAME = 96, 29  # px: size of a whole picture under test, width of the frame round it
_VIEWS = (0.85, 1.0, 1.15, 1.3)  # sides of the squares that are judged when the whole picture is under test


class FaceFinder:
    """Finds faces with MTCNN. May be shared between threads.

    Args:
        weights: folder of MTCNN's weights; searched by `demeanor.weights` if None.

    Raises:
        WeightsError: the weights are missing or not the ones named.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._net = Mtcnn(weights)

    def find(self, image: Picture, *, min_size: int = 40) -> list[FoundFace]:
        """All faces of a picture, largest first.

        A picture that is nothing but a face is found too, also a small grey one: where no face was found the
        picture as a whole is tested, and the smaller and greyer it is, the less it takes to be seen as one.

        Args:
            image: RGB (height, width, 3) or grey (height, width), uint8.
            min_size: side of the smallest face looked for, in pixels. Pictures up to 128 px are searched for
                faces of a third of their side, whatever this says. Pictures over 1 920 px are shrunk to that
                first, and no face under 20 px of the shrunk picture is looked for.

        Raises:
            InputError: not such an array.
        """
        image = as_rgb(image)
        height, width = image.shape[:2]
        if min(height, width) < 12:
            return []
        if max(height, width) <= _SMALL:
            found = self._whole(image)
        else:
            shrunk, scale = _fit(image, _LARGE) if max(height, width) > _LARGE else (image, 1.0)
            net = self._net.detect(shrunk, max(20.0, min_size * scale))
            found = _faces(net, 0, scale, image) or self._whole(image)
        return sorted(found, key=lambda face: -face.box[2] * face.box[3])

    def _whole(self, image: Picture) -> list[FoundFace]:
        """Faces found only with a frame round the picture, else the whole picture if it looks like one."""
        import cv2

        enlarged, scale = _fit(image, _SIDE)
        framed = cv2.copyMakeBorder(enlarged, _FRAME, _FRAME, _FRAME, _FRAME, cv2.BORDER_REPLICATE)
        net = self._net.detect(framed, _SIDE / 3, (0.3, 0.05, 0.0))
        large = net.take((net.boxes[:, 3] - net.boxes[:, 1]) > 0.6 * _SIDE)
        small_picture = max(image.shape[:2]) <= _SMALL  # a larger one has been searched for smaller faces already
        sure = net.take(net.scores > 0.8) if small_picture else large.take(large.scores > 0.95)
        if faces := _faces(sure, _FRAME, scale, image):
            return faces
        evidence = self._evidence(framed, float(large.scores.max(initial=0)))
        if evidence < _least_evidence(image):
            return []
        best = large.take(slice(1))
        found = _faces(best.take(best.scores > 0.5), _FRAME, scale, image)
        return found or [_filling(image, float(1 / (1 + np.exp(-evidence))))]

    def _evidence(self, framed: Picture, cascade: float) -> float:
        """Mean log-odds that the framed picture is a face, by O-Net, R-Net and the whole cascade."""
        centre = np.array(framed.shape[1::-1]) / 2
        corners = [np.concatenate([centre - side, centre + side]) for side in np.array(_VIEWS) * _SIDE / 2]
        boxes = np.array(corners, np.float32)
        mirrored = np.ascontiguousarray(framed[:, ::-1])
        settled = [_log_odds(self._net.settle(p, boxes[:3]).scores).mean() for p in (framed, mirrored)]
        ranked = _log_odds(self._net.rank(framed, boxes)).mean()
        return float(np.mean([np.mean(settled), ranked, _log_odds(np.array([cascade])).mean()]))


def _fit(image: Picture, longest: int) -> tuple[Picture, float]:
    """The picture resized so that its longest side is `longest`, and the factor."""
    import cv2

    scale = longest / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), scale


def _faces(net: Detections, frame: int, scale: float, image: Picture) -> list[FoundFace]:
    """Detections in a resized and framed picture as faces of the picture itself."""
    height, width = image.shape[:2]
    limit = np.array([width, height] * 2, np.float32)
    found = []
    boxes, landmarks = (net.boxes - frame) / scale, (net.landmarks - frame) / scale
    for box, score, points in zip(boxes, net.scores, landmarks, strict=True):
        left, top, right, bottom = (float(v) for v in np.clip(box, 0, limit))
        if right - left >= 1 and bottom - top >= 1:
            found.append(FoundFace((left, top, right - left, bottom - top), points, float(score)))
    return found


def _filling(image: Picture, score: float) -> FoundFace:
    """A face that fills the picture, with the landmarks of a mean face."""
    box = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    return FoundFace(box, mean_landmarks(box), score, landmarks_measured=False)


def _least_evidence(image: Picture) -> float:
    """Mean log-odds from which a picture as a whole is taken for a face.

    Chosen on FER2013 training pictures against pieces of photographs without faces: hardly any small, square,
    grey picture is anything but a face crop, while a large photograph must look like one.
    """
    longest, shortest = max(image.shape[:2]), min(image.shape[:2])
    if longest > _SMALL or longest > 1.6 * shortest:
        return 1.0
    grey = bool((np.ptp(image, axis=2) <= 2).all())
    return -3.2 if grey and longest <= 64 and longest <= 1.25 * shortest else -2.2


def _log_odds(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    p = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))
