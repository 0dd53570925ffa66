"""The picture of a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import DecodeError, LimitError
from demeanor.media.image import decode_image_with_warnings
from demeanor.reader.draft import Draft
from demeanor.reader.experts import Experts, reason
from demeanor.reader.inputs import Parts
from demeanor.reader.picture import LONGEST, look
from demeanor.reader.timeline import Piece
from demeanor.types import CUES

_SHOWN = 800  # pixels of the longer side that are kept for the report


def read_image(parts: Parts, experts: Experts, cues: frozenset[str], draft: Draft) -> None:
    """Add what the picture shows to the draft.

    A damaged picture costs its own cues only, if the sample has other parts.

    Raises:
        InputError: there is no such file; or it cannot be read and is all there is.
    """
    image = show_image(parts, draft)
    if image is None:
        return
    shown = look(image, experts, cues)
    draft.warnings += shown.warnings
    piece = Piece(faces=list(shown.faces))
    if shown.faces:
        piece.evidence["face"] = experts.average([f.evidence for f in shown.faces], [1.0] * len(shown.faces))
    elif "face" in cues and cues != frozenset(CUES) and experts.face is not None:
        draft.warnings.append("face was asked for, and none was found in the picture")
    if shown.scene is not None:
        piece.evidence["scene"] = shown.scene
    draft.pieces.append(piece)


def show_image(parts: Parts, draft: Draft) -> NDArray[np.uint8] | None:
    """The decoded picture, kept for the report; None with a warning if it is damaged and not all there is.

    Raises:
        InputError: there is no such file; or it cannot be read and is all there is.
    """
    try:
        image, warnings = decode_image_with_warnings(parts.image, LONGEST)
    except (DecodeError, LimitError) as error:
        if parts.text is None and not parts.timed:
            raise
        draft.warnings.append(reason(error))
        return None
    draft.warnings += warnings
    draft.picture = _shrunk(image)
    return image


def _shrunk(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    scale = _SHOWN / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small
