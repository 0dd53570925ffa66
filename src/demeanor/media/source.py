"""Any source as a seekable binary file that starts at 0, never touching where the caller's own file stands.

A source is a path, bytes, an open binary file or an array (`demeanor.types.Source`). It is never a URL:
whatever is read is opened here, by Python, so that nothing below (FFmpeg, Pillow) is ever given a name it
could resolve itself.
"""

from __future__ import annotations

import io
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from demeanor.errors import DecodeError, InputError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S*|(?:file|data|pipe|concat|rtp|udp):\S+")
_STREAM = re.compile(r"/dev/(?:stdout|stderr|fd/\d+)|/proc/\w+/fd/\d+")
_LOCK = threading.Lock()


def is_url(text: str) -> bool:
    """Whether the whole string is one URL (a sentence that contains one is a sentence)."""
    return _URL.fullmatch(text.strip()) is not None


def existing_file(text: str) -> bool:
    """Whether a string names something on disk; a sentence too long or too odd for a path names nothing."""
    try:
        return bool(text.strip()) and Path(text).exists()
    except PermissionError:
        return True  # there is a folder on the way that may not be looked into: said when it is opened
    except (OSError, ValueError):
        return False


def is_folder(path: str | Path) -> bool:
    """As `Path.is_dir`; False too where a folder on the way may not be looked into, which raises there."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def is_regular(path: str | Path) -> bool:
    """As `Path.is_file`; False too where a folder on the way may not be looked into, which raises there."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def is_device(path: str | Path) -> bool:
    """Whether something is there that is neither file nor folder: a device, a named pipe, an open stream by its name.

    `/dev/stdout` is one also where it leads to a file, which a shell has open and goes on to write.
    """
    try:
        return Path(path).exists() and (bool(_STREAM.fullmatch(str(path))) or not (is_regular(path) or is_folder(path)))
    except OSError:
        return False


def resolved(path: Path) -> Path:
    """As `Path.resolve`; of a link that leads back to itself, which raises there, the path as it is."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def name_of(source: object) -> str:
    """What to call a source in a message: its file name, or what it is and how large."""
    if isinstance(source, Path):
        return source.name or str(source)
    if isinstance(source, str):
        return Path(source).name if existing_file(source) else repr(source[:60])
    if isinstance(source, bytes | bytearray | memoryview):
        return f"<{len(source)} bytes>"
    if hasattr(source, "shape"):
        return f"<array {tuple(source.shape)}>"
    name = getattr(source, "name", None) or getattr(source, "filename", None)
    return Path(name).name if isinstance(name, str) and name else f"<{type(source).__name__}>"


def suffix_of(source: object) -> str:
    """The lower-case extension of a source's name (".mp4"), "" where it has none."""
    name = source if isinstance(source, str | Path) else getattr(source, "name", None)
    return Path(name).suffix.lower() if isinstance(name, str | Path) else ""


@contextmanager
def open_source(source: object, step: str) -> Iterator[BinaryIO]:
    """Open a source for reading from its first byte.

    Args:
        source: path, bytes or open binary file. A file of the caller's is read through a view with a place of
            its
            own: neither its position nor its being open changes, and several readers may share it.
        step: what is being done, for messages ("decode sound").

    Yields:
        A buffered, seekable binary file.

    Raises:
        InputError: there is no such file, it is not a regular file, may not be read, or is a URL.
        DecodeError: the file is empty.
    """
    file = _open(source, step)
    try:
        if file.seek(0, io.SEEK_END) == 0:
            raise DecodeError(
                f"{name_of(source)}: expected something to read, got an empty file (0 bytes); check how it came here"
            )
        file.seek(0)
        yield file
    finally:
        file.close()


def _open(source: object, step: str) -> BinaryIO:
    if isinstance(source, str | Path):
        return _open_path(source, step)
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if not hasattr(source, "read") or not hasattr(source, "seek"):
        raise InputError(f"cannot {step}: expected a path, bytes or an open binary file, got {type(source).__name__}")
    if isinstance(source, io.TextIOBase):
        raise InputError(f"{name_of(source)}: expected a file opened as binary, got text mode; open it with mode 'rb'")
    if not getattr(source, "seekable", lambda: True)():
        raise InputError(f"{name_of(source)}: expected a seekable file, got a stream; pass its bytes (read() it first)")
    return io.BufferedReader(_View(source), buffer_size=1 << 16)


def _open_path(source: str | Path, step: str) -> BinaryIO:
    if isinstance(source, str) and is_url(source):
        raise InputError(f"{source!r}: expected a local file, got a URL; URLs are never opened: download it first")
    path = Path(source)
    try:
        # A device or a named pipe may block or never end, so only regular files are read.
        if not stat.S_ISREG(path.stat().st_mode):
            if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
                raise InputError(f"{path}: expected a folder that may be read, got one that may not; check permissions")
            what = "a folder" if path.is_dir() else "a device or pipe"
            raise InputError(f"{path}: cannot {step}: expected a file, got {what}; name a file")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise InputError(f"{path}: no such file; cannot {step}: check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot {step}: {error.strerror or error}; check the path and permissions") from error


class _View(io.RawIOBase):
    """A caller's open file seen from 0, with a position of its own."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = 0
        if whence == io.SEEK_CUR:
            base = self._position
        elif whence == io.SEEK_END:
            with _LOCK:
                before = self._file.tell()
                base = self._file.seek(0, io.SEEK_END)
                self._file.seek(before)
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        with _LOCK:
            before = self._file.tell()
            self._file.seek(self._position)
            data = self._file.read(len(buffer)) or b""
            self._file.seek(before)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
