"""Pictures with faces covered, and nothing of the file but its pixels: no EXIF, no place, no thumbnail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError
from demeanor.media.faces import FaceFinder
from demeanor.media.image import decode_image_with_warnings
from demeanor.privacy.veil import Box, Veil, cover
from demeanor.privacy.whole import written_whole

PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 92}),
    ".jpeg": ("JPEG", {"quality": 92}),
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"quality": 92}),
}
"""Extension to format, as Pillow calls it, and its options."""

_LONGEST = 16_383  # pixels written: WebP's limit
_TILE, _OVERLAP = 1600, 200  # pixels: a large picture is searched whole and in pieces, for the small faces in it
_SMALLEST = 24


@dataclass(frozen=True, slots=True)
class PictureDone:
    """What a copy came to: how many faces were covered, and what was damaged in the original."""

    path: Path
    faces: int
    warnings: tuple[str, ...]


def write_picture(
    source: Any,
    target: str | Path,
    *,
    faces: bool = True,
    veil: Veil = "blur",
    finder: FaceFinder | None = None,
) -> PictureDone:
    """Write a copy of a picture without its faces; of an animation the first frame that shows something.

    Args:
        source: path, bytes, binary file, array or PIL image.
        target: .jpg, .jpeg, .png or .webp.
        faces: whether faces are covered; metadata is left out either way.
        veil: "blur", or "fill" for a patch of one colour.
        finder: of faces; one is made where none is given.

    Raises:
        InputError: the source is no picture.
        WeightsError: the face finder's weights are missing.
        ConfigError: no such format, or the target cannot be written.
    """
    from PIL import Image

    path = Path(target)
    if path.suffix.lower() not in PICTURES:
        raise ConfigError(f"{path.name}: expected a name that ends in {', '.join(PICTURES)}; rename it")
    image, warnings = decode_image_with_warnings(source, _LONGEST)
    boxes = find_faces(image, finder or FaceFinder()) if faces else []
    cover([image], boxes, veil)
    form, options = PICTURES[path.suffix.lower()]
    with written_whole(path, source) as draft:
        Image.fromarray(image).save(draft, form, **options)
    return PictureDone(path, len(boxes), tuple(warnings))


def find_faces(image: NDArray[np.uint8], finder: FaceFinder) -> list[Box]:
    """Boxes of all faces of a picture (height, width, 3), as fractions of it."""
    height, width = image.shape[:2]
    found = [face.box for face in finder.find(image, min_size=_SMALLEST)]
    if max(height, width) > _TILE + _OVERLAP:
        step = _TILE - _OVERLAP
        for top in range(0, max(1, height - _OVERLAP), step):
            for left in range(0, max(1, width - _OVERLAP), step):
                tile = np.ascontiguousarray(image[top : top + _TILE, left : left + _TILE])
                found += [
                    (x + left, y + top, w, h) for x, y, w, h in (f.box for f in finder.find(tile, min_size=_SMALLEST))
                ]
    unique: list[tuple[float, float, float, float]] = []
    for box in sorted(found, key=lambda b: -b[2] * b[3]):
        if not any(_same(box, other) for other in unique):
            unique.append(box)
    return [(x / width, y / height, w / width, h / height) for x, y, w, h in unique]


def _same(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """Whether two boxes are of one face: their common part is over half of their union."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return False
    return across * down > 0.5 * (a[2] * a[3] + b[2] * b[3] - across * down)
