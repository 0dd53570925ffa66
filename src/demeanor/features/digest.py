"""What a stored feature hangs on, as a sha256: an encoder with its settings and files, and the content it reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder
from demeanor.errors import InputError
from demeanor.media.image import decode_image
from demeanor.media.source import open_source
from demeanor.media.waveform import Waveform
from demeanor.types import Sample

_BLOCK = 1 << 20
_FRESH = 2.0  # seconds: a file changed this lately may change again under the same time stamp


class Files:
    """sha256 of files, remembered by path, size and time of change in one table that is only ever appended to.

    Several processes may append at once: a line is written in one piece, and a torn one is passed over.
    """

    def __init__(self, table: Path) -> None:
        self._table = table
        self._known: dict[tuple[str, int, int], str] | None = None

    def digest(self, path: Path) -> str:
        """sha256 of a file's content; of a folder, that of its files and their names.

        Raises:
            InputError: there is no such file.
        """
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            return of([str(p.relative_to(path)), self.digest(p)] for p in inside)
        with open_source(path, "read") as file:
            stat = path.stat()
            key = (str(path.absolute()), stat.st_size, stat.st_mtime_ns)
            known = self._load()
            if key not in known:
                found = hashlib.sha256()
                while block := file.read(_BLOCK):
                    found.update(block)
                if time.time() - stat.st_mtime < _FRESH:
                    return found.hexdigest()
                known[key] = found.hexdigest()
                self._append(key, known[key])
            return known[key]

    def _load(self) -> dict[tuple[str, int, int], str]:
        if self._known is None:
            self._known = {}
            with contextlib.suppress(OSError):
                for line in self._table.read_text(encoding="utf-8", errors="surrogateescape").split("\n"):
                    cells = line.split("\t", 3)
                    if len(cells) == 4 and len(cells[0]) == 64 and cells[1].isdigit() and cells[2].isdigit():
                        self._known[cells[3], int(cells[1]), int(cells[2])] = cells[0]
        return self._known

    def _append(self, key: tuple[str, int, int], digest: str) -> None:
        path, size, changed = key
        if "\n" in path:
            return
        # The leading line end parts this line from one that a killed process left unfinished.
        line = f"\n{digest}\t{size}\t{changed}\t{path}\n".encode("utf-8", "surrogateescape")
        with contextlib.suppress(OSError):
            self._table.parent.mkdir(parents=True, exist_ok=True)
            with self._table.open("ab", buffering=0) as out:
                out.write(line)


def of(value: Any) -> str:
    """sha256 of plain data by its JSON."""
    text = json.dumps(list(value) if not isinstance(value, dict | str | list) else value, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_arrays(arrays: Mapping[str, NDArray[Any]]) -> str:
    """sha256 of named arrays: names, types, shapes, content."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        x = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {x.dtype.str} {x.shape} ".encode())
        found.update(x.tobytes())
    return found.hexdigest()


def of_ids(ids: Iterable[str]) -> str:
    """sha256 of the sorted ids an encoder was fitted on."""
    return of(sorted(ids))


def of_encoder(encoder: Encoder, files: Files) -> str:
    """sha256 of an encoder's name, version and settings; of a file that settings name, of its content.

    Settings that say only where and how it runs are left out.
    """
    settings = encoder.config.model_dump(exclude=set(encoder.config.running))
    plain = {key: files.digest(value) if isinstance(value, Path) else value for key, value in settings.items()}
    return of({"name": name_of(encoder), "version": encoder.version, "settings": plain})


def name_of(encoder: Encoder) -> str:
    """An encoder's public name: that of its file."""
    return type(encoder).__module__.removeprefix("demeanor.encoders.")


def of_sample(sample: Sample, encoder: Encoder, files: Files) -> str | None:
    """sha256 of the content that an encoder reads of a sample; None where the sample lacks it.

    Raises:
        InputError: a file is missing.
    """
    parts = encoder.reads(sample)
    return None if parts is None else of([_part(part, files) for part in parts])


def _part(part: Any, files: Files) -> Any:
    if part is None or isinstance(part, bool | int | float):
        return part
    if isinstance(part, Path):
        return f"file {files.digest(part)}"
    if isinstance(part, str):
        return f"text {part}"
    if isinstance(part, bytes):
        return f"file {hashlib.sha256(part).hexdigest()}"
    if isinstance(part, np.ndarray):
        return f"array {of_arrays({'': part})}"
    if isinstance(part, Waveform):
        return f"sound {part.rate} {of_arrays({'': part.samples})}"
    if hasattr(part, "tobytes") and hasattr(part, "mode"):  # a PIL image: its bytes alone may be places in a palette
        return f"image {of_arrays({'': decode_image(part, longest=max(part.size))})}"
    if hasattr(part, "read"):
        with open_source(part, "read") as file:
            return f"file {hashlib.sha256(file.read()).hexdigest()}"
    raise InputError(f"expected a path, text, bytes, an open file or an array, got {type(part).__name__}")
