"""Named arrays from a .npz that may come from a stranger: nothing is unpickled, nothing is larger than it says."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from demeanor.errors import BundleError

LARGEST = 512 * 2**20
"""Bytes that all arrays of a file may have, unpacked."""

_KINDS = "biufU"
_MOST = 1000  # arrays in a file


def load_arrays(path: Path, largest: int = LARGEST) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz by name.

    Args:
        path: the file.
        largest: bytes that they may have in all, unpacked.

    Raises:
        BundleError: no .npz, objects in it, too large, or an array that is not as large as its header says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST or sum(m.file_size for m in members) > largest:
                raise BundleError(
                    f"{path}: expected at most {_MOST} arrays of {largest} bytes in all, got {len(members)} of "
                    f"{sum(m.file_size for m in members)}"
                )
            return {m.filename.removesuffix(".npy"): _array(archive, m, path) for m in members}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"{path}: expected plain arrays as numpy.savez writes them; {error}") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{member.filename}: format {version} is not read")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
        claimed = math.prod(shape) * dtype.itemsize
        if dtype.kind not in _KINDS or dtype.hasobject:
            raise BundleError(f"{path}: {member.filename}: expected numbers or strings, got {dtype}")
        if claimed != member.file_size - file.tell():
            raise BundleError(
                f"{path}: {member.filename}: its header says {claimed} bytes, it has {member.file_size - file.tell()}"
            )
    with archive.open(member) as file:
        return np.asarray(npy.read_array(file, allow_pickle=False))
