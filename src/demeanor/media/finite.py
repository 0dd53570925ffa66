"""Arrays that hold NaN or infinity: a calculation went wrong before they came here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError


def check_finite(array: NDArray[Any], step: str) -> list[str]:
    """What is to be said of an array in which some numbers are not finite; nothing where all are.

    Args:
        array: of any shape and type.
        step: what is being done, for messages ("decode sound").

    Raises:
        InputError: it has numbers, and none is finite: zeros in their place would be read as silence or black.
    """
    lost = int(np.count_nonzero(~np.isfinite(array))) if array.dtype.kind == "f" else 0
    if not lost:
        return []
    told = f"cannot {step}" if lost == array.size else f"while trying to {step}"
    got = f"{told}: expected finite numbers, got {lost} of {array.size} that are NaN or infinite"
    if lost == array.size:
        raise InputError(f"{got}; check how the array was made")
    return [f"{got}; they were replaced, so check how the array was made"]
