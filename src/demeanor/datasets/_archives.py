"""Files in a folder or in zip files there: a path may be `archive.zip!member`."""

from __future__ import annotations

import fnmatch
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from demeanor.errors import DataError


class Archives:
    """Zip files opened once."""

    def __init__(self) -> None:
        self._open: dict[Path, zipfile.ZipFile] = {}

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._open.values():
            archive.close()

    def archive(self, path: Path) -> zipfile.ZipFile:
        """The archive at a path.

        Raises:
            DataError: there is none, or it is no zip file.
        """
        if path not in self._open:
            if not path.is_file():
                raise DataError(f"expected an archive at {path}; found nothing there")
            try:
                self._open[path] = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError) as error:
                raise DataError(f"{path}: expected a zip file, found {error}; fetch or pack it anew") from error
        return self._open[path]

    def bytes(self, root: Path, path: str) -> bytes:
        """The contents of a file or member below a folder.

        Raises:
            DataError: it is not there, or cannot be unpacked.
        """
        if not in_archive(root, path):
            if not (root / path).is_file():
                raise DataError(f"expected a file at {root / path}; found nothing there")
            return (root / path).read_bytes()
        archive, _, member = path.partition("!")
        try:
            return self.archive(root / archive).read(member)
        except KeyError as error:
            raise DataError(f"expected '{member}' in {root / archive}; it is not there") from error
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:  # damaged, encrypted, other packing
            raise DataError(
                f"expected '{member}' in {root / archive} to be unpacked, found {error}; fetch or pack it anew"
            ) from error

    def matching(self, root: Path, glob: str) -> list[str]:
        """Paths of files below a folder, or of members of an archive, that fit a pattern; not what macOS adds.

        Raises:
            DataError: no such archive, or a pattern that leads out of the folder.
        """
        archive, _, members = glob.partition("!")
        if members:
            names = sorted(self.archive(root / archive).namelist())
            found = [(n, f"{archive}!{n}") for n in names if fnmatch.fnmatch(n, members)]
        else:
            try:
                found = [(n, n) for n in (str(p.relative_to(root)) for p in sorted(root.glob(glob)))]
            except (ValueError, NotImplementedError) as error:
                raise DataError(f"files: expected a pattern of paths in {root}, found '{glob}': {error}") from error
        return [path for name, path in found if not _is_of_macos(PurePosixPath(name))]


def in_archive(root: Path, path: str) -> bool:
    """Whether a path leads into an archive; a file may well be called `wow!.wav`."""
    return "!" in path and not (root / path).is_file()


def _is_of_macos(path: PurePosixPath) -> bool:
    return "__MACOSX" in path.parts or path.name.startswith("._")
