"""MTCNN (Zhang et al. 2016): a cascade of three small networks that finds faces with five landmarks.

P-Net proposes boxes on a pyramid of the picture, R-Net sorts them, O-Net settles box and landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor import weights
from demeanor.media import mtcnn_nets
from demeanor.media.mtcnn_nets import Floats

Picture = NDArray[np.uint8]

THRESHOLDS = (0.6, 0.7, 0.8)
"""Least probability of a face after P-, R- and O-Net (those of the paper's code, O-Net's a little higher)."""

_CELL, _STRIDE = 12, 2  # P-Net's field of view and stride, in pixels
_STEP = 0.709  # from one level of the pyramid to the next: half the area
_MOST = 160  # proposals handed to R-Net at most, best first: bounds the time on busy pictures


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes (n, 4) as left, top, right, bottom, scores (n,) and landmarks (n, 5, 2), in pixels."""

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: Any) -> Detections:
        """Only these rows (indices or a mask)."""
        return Detections(self.boxes[rows], self.scores[rows], self.landmarks[rows])


class Mtcnn:
    """The cascade. Safe to share between threads: it holds nothing but the three networks.

    Args:
        folder: where `pnet.lz4`, `rnet.lz4` and `onet.lz4` lie; searched by `demeanor.weights` if None.

    Raises:
        WeightsError: a file is missing or is not the one named.
    """

    def __init__(self, folder: Path | None = None) -> None:
        files = weights.find("mtcnn", path=folder).files
        self._nets = {name: mtcnn_nets.load(name, files[f"{name}.lz4"]) for name in ("pnet", "rnet", "onet")}

    def detect(self, image: Picture, min_size: float = 40, thresholds: Sequence[float] = THRESHOLDS) -> Detections:
        """All faces of a picture.

        Args:
            image: RGB (height, width, 3).
            min_size: side of the smallest face looked for, in pixels.
            thresholds: least probability after each of the three networks.

        Returns:
            Faces, best first.
        """
        boxes = self._propose(image, max(float(min_size), _CELL), thresholds[0])
        if not len(boxes):
            return _nothing()
        offsets, logits = self._run("rnet", crops(image, boxes, 24))
        scores = _probability(logits)
        keep = scores > thresholds[1]
        boxes, scores = _shift(boxes[keep], offsets[keep]), scores[keep]
        boxes = _square(boxes[suppress(boxes, scores, 0.7)])
        found = self.settle(image, boxes)
        found = found.take(found.scores > thresholds[2])
        found = found.take(suppress(found.boxes, found.scores, 0.6, smaller=True))
        return replace(found, landmarks=self._polished(image, found)) if len(found) else found

    def settle(self, image: Picture, boxes: Floats) -> Detections:
        """What O-Net says of given square boxes (n, 4), in their order: finer boxes, scores, landmarks."""
        if not len(boxes):
            return _nothing()
        offsets, points, logits = self._run("onet", crops(image, boxes, 48))
        size = boxes[:, 2:] - boxes[:, :2]
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] + boxes[:, None, :2]
        return Detections(_shift(boxes, offsets), _probability(logits), landmarks)

    def rank(self, image: Picture, boxes: Floats) -> Floats:
        """R-Net's probability (n,) that each of the given square boxes (n, 4) is a face."""
        return _probability(self._run("rnet", crops(image, boxes, 24))[1])

    def _polished(self, image: Picture, found: Detections) -> Floats:
        """Landmarks (n, 5, 2) read off once more in the final boxes, as they are and mirrored, and averaged.

        On FER2013 crops aligned by these a linear classifier of emotions on HOG gained 1.3 points.
        """
        boxes = _square(found.boxes)
        plain = crops(image, boxes, 48)
        points = self._run("onet", np.concatenate([plain, plain[:, :, ::-1]]))[1]
        straight, mirrored = np.split(points.reshape(-1, 2, 5).transpose(0, 2, 1), 2)
        mirrored = mirrored[:, [1, 0, 2, 4, 3]] * np.array([-1, 1], np.float32) + np.array([1, 0], np.float32)
        side = (boxes[:, 2:] - boxes[:, :2])[:, None]
        landmarks: Floats = (straight + mirrored) / 2 * side + boxes[:, None, :2]
        return landmarks

    def _propose(self, image: Picture, min_size: float, threshold: float) -> Floats:
        """Square boxes (n, 4) P-Net takes for faces, over all scales."""
        import cv2

        height, width = image.shape[:2]
        scale, all_boxes, all_scores = _CELL / min_size, [], []
        level = image
        while min(height, width) * scale >= _CELL:
            size = (max(_CELL, round(width * scale)), max(_CELL, round(height * scale)))
            shrinks = size[0] <= level.shape[1]
            level = cv2.resize(level, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
            offsets, logits = self._run("pnet", level[None])
            boxes, scores = _cells(offsets[0], _probability(logits[0], axis=0), threshold)
            keep = suppress(boxes, scores, 0.5)
            back = np.array([width / size[0], height / size[1]] * 2, np.float32)
            all_boxes.append(boxes[keep] * back)
            all_scores.append(scores[keep])
            scale *= _STEP
        if not all_boxes:
            return np.zeros((0, 4), np.float32)
        boxes, scores = np.concatenate(all_boxes), np.concatenate(all_scores)
        return _square(boxes[suppress(boxes, scores, 0.7)[:_MOST]])

    def _run(self, name: str, pictures: Picture) -> list[Floats]:
        """Outputs of one network for uint8 pictures (n, height, width, 3)."""
        x = (pictures.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 128
        outputs: list[Floats] = self._nets[name].run(None, {"x": np.ascontiguousarray(x)})
        return outputs


def crops(image: Picture, boxes: Floats, size: int) -> Picture:
    """The boxes (n, 4) cut out and resized, (n, size, size, 3); black where a box leaves the picture."""
    import cv2

    out = np.zeros((len(boxes), size, size, 3), np.uint8)
    height, width = image.shape[:2]
    for row, (left, top, right, bottom) in zip(out, np.rint(boxes).astype(int), strict=True):
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if x1 <= x0 or y1 <= y0:
            continue
        part = image[y0:y1, x0:x1]
        if (x0, y0, x1, y1) != (left, top, right, bottom):
            part = cv2.copyMakeBorder(
                part, y0 - top, bottom - y1, x0 - left, right - x1, cv2.BORDER_CONSTANT, value=(0, 0, 0)
            )
        how = cv2.INTER_AREA if part.shape[0] >= size else cv2.INTER_LINEAR
        row[:] = cv2.resize(part, (size, size), interpolation=how)
    return out


def suppress(boxes: Floats, scores: Floats, overlap: float, *, smaller: bool = False) -> NDArray[np.intp]:
    """Rows of the boxes (n, 4) that stay, best first, when each removes those that overlap it too much.

    Overlap is intersection over union, or over the smaller of both boxes with `smaller`.
    """
    order = np.argsort(-scores, kind="stable")
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    keep: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        keep.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        common = np.prod(np.maximum(high - low, 0), axis=1)
        whole = np.minimum(area[best], area[order]) if smaller else area[best] + area[order] - common
        order = order[common <= overlap * whole]
    return np.array(keep, np.intp)


def _nothing() -> Detections:
    return Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0,), (0, 5, 2))))


def _cells(offsets: Floats, probability: Floats, threshold: float) -> tuple[Floats, Floats]:
    """Boxes (n, 4) and scores (n,) of P-Net's cells over the threshold.

    Args:
        offsets: (4, height, width).
        probability: (height, width).
        threshold: least probability.
    """
    rows, columns = np.nonzero(probability > threshold)
    corner = np.stack([columns, rows], axis=1).astype(np.float32) * _STRIDE
    boxes = np.concatenate([corner, corner + _CELL], axis=1) + offsets[:, rows, columns].T * _CELL
    return boxes, probability[rows, columns]


def _shift(boxes: Floats, offsets: Floats) -> Floats:
    """Boxes moved by offsets (n, 4) that are fractions of their size."""
    return boxes + offsets * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def _square(boxes: Floats) -> Floats:
    """Boxes (n, 4) widened or heightened to squares round the same centres."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _probability(logits: Floats, axis: int = 1) -> Floats:
    """Probability of the second of two classes."""
    no, yes = np.moveaxis(logits, axis, 0)
    out: Floats = 1 / (1 + np.exp(np.clip(no - yes, -50, 50)))
    return out
