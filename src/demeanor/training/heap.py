"""Memory that a training step frees and the next one asks for again: kept, not handed back to the system in between.

glibc returns large blocks to the kernel as soon as they are free, and gets fresh pages for the next one, each of which
the kernel clears first. On a CPU that is a seventh of a training epoch of LMF and TFN (docs/speed.md).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
_USUAL = {_MMAP_MAX: 65_536, _TRIM_THRESHOLD: 128 * 1024}


@contextmanager
def kept() -> Iterator[None]:
    """While this lasts freed blocks stay with the process; afterwards they go back. Without glibc nothing happens."""
    library = _glibc()
    if library is None:
        yield
        return
    for option, value in _KEEP.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in _USUAL.items():
            library.mallopt(option, value)
        library.malloc_trim(0)


def _glibc() -> Any:
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no name for "this program"
        return None
    return library
