"""Decoded pictures of a film as arrays, the way they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_QUARTERS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # cosine and sine of turns to the left
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED


class Upright:
    """Decoded frames to RGB arrays as shown: turned by the display matrix, square pixels, scaled down."""

    def __init__(self, stream: VideoStream, longest: int = 1 << 30) -> None:
        from av.video.reformatter import VideoReformatter

        ratio = stream.sample_aspect_ratio or Fraction(1)
        self.ratio = ratio if 0.1 < ratio < 10 else Fraction(1)
        """Width of a decoded pixel over its height."""
        self._stretch = float(self.ratio)
        self._longest = longest
        self._reformatter = VideoReformatter()
        self._angle: int | None = None
        self._matrix = (1, 0, 0, 1)

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """(width, height) as shown, before scaling down."""
        a, b, _, _ = self._turn(frame)
        width, height = max(1, round(frame.width * self._stretch)), frame.height
        return (width, height) if abs(a) >= abs(b) else (height, width)

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """The picture (height, width, 3)."""
        from av.video.reformatter import Colorspace

        width, height = frame.width * self._stretch, float(frame.height)
        scale = min(1.0, self._longest / max(width, height))
        unlabelled_hd = frame.colorspace == _UNSPECIFIED and frame.height >= 720
        small: Any = self._reformatter.reformat(
            frame,
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            format="rgb24",
            src_colorspace=Colorspace.ITU709 if unlabelled_hd else None,
            interpolation="BILINEAR",
        )
        return self.planes([small.to_ndarray()], frame)[0]

    def turned(self, frame: VideoFrame) -> bool:
        """Whether rows become columns."""
        a, b, _, _ = self._turn(frame)
        return abs(a) < abs(b)

    def planes(self, planes: Sequence[NDArray[np.uint8]], frame: VideoFrame) -> list[NDArray[np.uint8]]:
        """Copies of a frame's planes, (rows, columns) or (rows, columns, channels) each, turned as it is shown."""
        a, b, c, d = self._turn(frame)
        turned = abs(a) < abs(b)
        out = []
        for plane in planes:
            plane = plane.swapaxes(0, 1) if turned else plane
            plane = plane[:, ::-1] if (c if turned else a) < 0 else plane
            plane = plane[::-1] if (b if turned else d) < 0 else plane
            out.append(np.array(plane, order="C"))
        return out

    def _turn(self, frame: VideoFrame) -> tuple[int, int, int, int]:
        """The matrix (a, b, c, d) taking (x, y) to (a x + c y, b x + d y)."""
        if frame.rotation == self._angle:
            return self._matrix  # asking for side data ties a frame to itself, and so keeps it in memory for long
        self._angle = frame.rotation
        cos, sin = _QUARTERS[round(self._angle / 90) % 4]
        self._matrix = (cos, -sin, sin, cos)
        try:
            side_data: Any = frame.side_data
        except ValueError:  # PyAV cannot list kinds of side data that it does not know; the angle must do
            return self._matrix
        for data in side_data:
            if data.type.name == "DISPLAYMATRIX":
                m = np.frombuffer(bytes(data), np.int32, 9)
                self._matrix = (int(m[0]), int(m[1]), int(m[3]), int(m[4]))
        return self._matrix
