"""Encoded samples on disk, found again by what they hang on: encoder, version, settings, weights, content, fitted ids.

A value is one `.npy` below `<root>/<encoder>/`, a fitted encoder one `.npz` below `<root>/<encoder>/fitted/`; each is
written whole under another name and renamed, so a killed process leaves nothing half-made, and several may fill one
store at once, several users too. A damaged file counts as absent, and so does one that cannot be opened: its value is
computed again, and takes its place where the folder may be written. What cannot be stored is used all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError, InputError, MissingExtraError, WeightsError
from demeanor.features import digest
from demeanor.features.encode import Encoded, EncodeWarning, encode_all
from demeanor.types import Sample
from demeanor.weights import cache_folder, expanded

__all__ = ["Encoded", "Status", "Store", "encode_all", "fitted", "refuse_leak", "stored_fit"]

_T = TypeVar("_T")
_STALE = 3600.0  # seconds after which a part file was left by a killed process


@dataclass(frozen=True, slots=True)
class Status:
    """One encoder's share of a store: `fitted` of its `entries` are encoders that have learned."""

    encoder: str
    entries: int
    fitted: int
    bytes: int


class Store:
    """A folder of encoded samples.

    Args:
        root: default DEMEANOR_FEATURES, else `features` in the user's cache.
        required: whether what cannot be stored is an error; else it is told once, and used without being kept.
    """

    def __init__(self, root: str | Path | None = None, required: bool = False) -> None:
        self.required, self._told = required, False
        given = root or os.environ.get("DEMEANOR_FEATURES")
        self.root = expanded(given, "DEMEANOR_FEATURES") if given else cache_folder() / "features"

    @cached_property
    def files(self) -> digest.Files:
        """Digests of files seen before."""
        return digest.Files(self.root / "files.tsv")

    def key(self, encoder: Encoder, sample: Sample, fitted_ids: Collection[str] = ()) -> str | None:
        """Under which a sample's value stands: its digest; None where the sample lacks what the encoder reads.

        Raises:
            InputError: the sample's file is missing.
        """
        return self.keys(encoder, fitted_ids).of(sample)

    def keys(self, encoder: Encoder, fitted_ids: Collection[str] = ()) -> Keys:
        """The same for many samples of one encoder, whose own part is worked out once."""
        return Keys(self, encoder, fitted_ids)

    def of_encoder(self, encoder: Encoder) -> str:
        """sha256 of an encoder, its settings and the editions of the weights it runs on.

        Where those are not on this machine, they are the editions of `remember`, so that stored values are found.
        """
        plain = digest.of_encoder(encoder, self.files)
        try:
            needs = dict(encoder.needs())
        except (WeightsError, MissingExtraError):
            needs = self._remembered(encoder)
        return digest.of([plain, needs]) if needs else plain

    def remember(self, encoder: Encoder) -> None:
        """Note the editions of the weights that values are now made with, if they are on this machine."""
        with contextlib.suppress(WeightsError, MissingExtraError):
            needs = dict(encoder.needs())
            if needs != self._remembered(encoder):
                self._write(self._note(encoder), lambda out: out.write(json.dumps(needs).encode()))

    def _remembered(self, encoder: Encoder) -> dict[str, str]:
        try:
            return {str(k): str(v) for k, v in json.loads(self._note(encoder).read_bytes()).items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def _note(self, encoder: Encoder) -> Path:
        return self.root / digest.name_of(encoder) / "weights" / f"{digest.of_encoder(encoder, self.files)}.json"

    def read(self, encoder: str, key: str) -> NDArray[Any] | None:
        """A stored value; None is one too (a picture without a face).

        Raises:
            KeyError: there is none, it cannot be opened, or it is damaged (it is removed then).
        """
        value: NDArray[Any] = _opened(self._path(encoder, key), lambda file: np.load(file, allow_pickle=False))
        return None if value.dtype == bool else value

    def has(self, encoder: str, key: str) -> bool:
        """Whether there is a file for it that can be opened; whether it is damaged is found when it is read."""
        try:
            with self._path(encoder, key).open("rb"):
                return True
        except OSError:
            return False

    def write(self, encoder: str, key: str, value: NDArray[Any] | None) -> None:
        """Store a value; None as an empty array of truth values, which no encoder gives.

        Raises:
            ConfigError: the store cannot be written.
        """
        plain = np.zeros(0, bool) if value is None else np.asarray(value)
        self._write(self._path(encoder, key), lambda out: np.save(out, plain, allow_pickle=False))

    def go_on(self, error: ConfigError) -> None:
        """Go on without having stored something, and say so once.

        Raises:
            ConfigError: this very one, where storing is `required`.
        """
        if self.required:
            raise error
        if not self._told:
            self._told = True
            warnings.warn(f"{error}; until then values are used and not kept", EncodeWarning, stacklevel=3)

    def read_fitted(self, encoder: str, key: str) -> dict[str, NDArray[Any]]:
        """What an encoder learned, and `ids` it was fitted on.

        Raises:
            KeyError: there is none, it cannot be opened, or it is damaged (it is removed then).
        """

        def load(file: BinaryIO) -> dict[str, NDArray[Any]]:
            with np.load(file, allow_pickle=False) as found:
                return {name: found[name] for name in dict.fromkeys([*found.files, "ids"])}

        return _opened(self._path(encoder, key, fitted=True), load)

    def write_fitted(self, encoder: str, key: str, state: Mapping[str, NDArray[Any]], ids: Sequence[str]) -> None:
        """Store what an encoder learned with the ids it was fitted on.

        Raises:
            ConfigError: the store cannot be written.
        """
        arrays = {f"state/{name}": value for name, value in state.items()} | {"ids": np.array(list(ids), str)}
        self._write(self._path(encoder, key, fitted=True), lambda out: np.savez(out, allow_pickle=False, **arrays))

    def status(self) -> list[Status]:
        """Entries and bytes per encoder, by name."""
        found = []
        for folder in sorted(self.root.iterdir()) if self.root.is_dir() else ():
            files = [p for p in folder.rglob("*.np[yz]") if not p.name.startswith(".part-")] if folder.is_dir() else []
            if files:
                sizes = [p.stat().st_size for p in files]
                learned = sum(p.suffix == ".npz" for p in files)
                found.append(Status(folder.name, len(files), learned, sum(sizes)))
        return found

    def _path(self, encoder: str, key: str, fitted: bool = False) -> Path:
        return self.root / encoder / (f"fitted/{key}.npz" if fitted else f"{key[:2]}/{key}.npy")

    def _write(self, path: Path, save: Any) -> None:
        part = path.with_name(f".part-{uuid4().hex}")  # not of `tempfile`, whose files are their owner's alone
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path.parent)
            try:
                with part.open("xb") as out:
                    save(out)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the store at {self.root} cannot be written: expected a folder of one's own with room in it, got "
                f"'{error.strerror or error}'; make room, or set DEMEANOR_FEATURES to another folder"
            ) from error


class Keys:
    """Keys of one encoder's values."""

    def __init__(self, store: Store, encoder: Encoder, fitted_ids: Collection[str] = ()) -> None:
        self._files, self._encoder = store.files, encoder
        state = encoder.state()
        self._own = [
            store.of_encoder(encoder),
            digest.of_ids(fitted_ids) if fitted_ids else "",
            digest.of_arrays(state) if state else "",  # two data sets may share their ids
        ]

    def of(self, sample: Sample) -> str | None:
        """One sample's key; None where it lacks what the encoder reads."""
        content = digest.of_sample(sample, self._encoder, self._files)
        return None if content is None else digest.of([*self._own, content])


def _opened(path: Path, load: Callable[[BinaryIO], _T]) -> _T:
    """What a file of the store holds.

    Raises:
        KeyError: there is none, it cannot be opened (and is left), or it is damaged (and is removed).
    """
    try:
        with path.open("rb") as file:
            return load(file)
    except (OSError, MemoryError):  # another user's, too many files open, a share that is gone: it may be good
        raise KeyError(path.stem) from None
    except Exception:  # of numpy, tokenize, zipfile, zlib …: damaged bytes raise whatever they meet
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise KeyError(path.stem) from None


def _sweep(folder: Path) -> None:
    """Remove what killed processes left."""
    for old in folder.glob(".part-*"):
        with contextlib.suppress(OSError):  # another process may be sweeping too
            if time.time() - old.stat().st_mtime > _STALE:
                old.unlink()


def fitted(encoder: Encoder, samples: Sequence[Sample], store: Store | None = None) -> tuple[Encoder, tuple[str, ...]]:
    """The encoder fitted on these samples, from the store if it has been before, and their sorted ids.

    Raises:
        ConfigError: none of the samples has what it learns from, or what it learned cannot be stored and must be.
    """
    if not encoder.learns:
        return encoder, ()
    store = store or Store()
    found = stored_fit(encoder, samples, store)
    if found is not None:
        return found
    name, key = digest.name_of(encoder), _fit_key(encoder, samples, store)
    if all(encoder.reads(s) is None for s in samples):
        raise ConfigError(
            f"encoder {name}: expected training samples with {encoder.modality}, got {len(samples)} without"
        )
    ids = tuple(sorted(s.id for s in samples))
    encoder.fit(samples)
    try:
        store.write_fitted(name, key, encoder.state(), ids)
    except ConfigError as error:
        store.go_on(error)
    return encoder, ids


def stored_fit(encoder: Encoder, samples: Sequence[Sample], store: Store) -> tuple[Encoder, tuple[str, ...]] | None:
    """The encoder as it was fitted on these samples before, and their ids; None if it never was."""
    try:
        stored = store.read_fitted(digest.name_of(encoder), _fit_key(encoder, samples, store))
    except KeyError:
        return None
    state = {n.removeprefix("state/"): value for n, value in stored.items() if n != "ids"}
    return encoder.restore(state), tuple(str(i) for i in stored["ids"])


def _fit_key(encoder: Encoder, samples: Sequence[Sample], store: Store) -> str:
    """Of the encoder, and of ids and contents of what it is fitted on: two data sets may share their ids."""
    contents: dict[str, str | None] = {}
    for sample in samples:
        try:
            contents[sample.id] = digest.of_sample(sample, encoder, store.files)
        except InputError:  # a missing file costs its own sample
            contents[sample.id] = None
    return digest.of([store.of_encoder(encoder), digest.of(contents)])


def refuse_leak(encoder_ids: Collection[str], held_ids: Collection[str]) -> None:
    """Refuse an encoder that has seen validation or test samples.

    Raises:
        ConfigError: names some of them.
    """
    seen = sorted(set(encoder_ids) & set(held_ids))
    if seen:
        raise ConfigError(
            f"expected an encoder fitted on training samples alone, got one fitted on {len(seen)} of the validation or "
            f"test samples ({', '.join(seen[:5])}{' …' if len(seen) > 5 else ''}); fit it on the training part"
        )
