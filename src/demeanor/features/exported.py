"""Encoders as a bundle carries them: opened without torch, with its own files alone, and the very weights it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor import plugins
from demeanor.encoders._encoder import Encoder
from demeanor.errors import BundleError, ConfigError, MissingExtraError, UnknownNameError, WeightsError
from demeanor.features.arrays import load_arrays
from demeanor.features.context import in_context
from demeanor.features.described import EncoderPart, ModalityPart
from demeanor.features.encode import encode_all
from demeanor.features.normalise import Standardiser
from demeanor.features.read import encoders_of, path_settings
from demeanor.features.store import Store
from demeanor.types import Sample

File = Callable[[str], Path]
"""A file of the bundle by its name, checked."""


def open_encoder(modality: str, part: EncoderPart, file: File) -> Encoder:
    """The encoder of a bundle, ready to encode.

    Args:
        modality: for messages.
        part: what the bundle says of it.
        file: finds files of the bundle.

    Raises:
        BundleError: no such encoder here, another version of it, settings it does not take, or other weights.
        MissingExtraError: a library it needs is not installed.
    """
    place = f"encoder {part.name} of {modality}"
    try:
        kind: type[Encoder] = plugins.load("encoders", part.name).ENCODER
    except UnknownNameError as error:
        raise BundleError(f"{place}: {error}; install what brings it, or take another bundle") from error
    if not kind.portable:
        raise BundleError(f"{place}: expected an encoder that runs without torch; export the run anew")
    if kind.version != part.version:
        raise BundleError(
            f"{place}: the bundle was made with version {part.version}, here is version {kind.version}, which gives "
            "other numbers; train and export the run anew, or install the demeanor it was made with"
        )
    settings = {key: _placed(kind, key, value, file, place) for key, value in part.settings.items()}
    try:
        encoder = encoders_of({modality: {"name": part.name, **settings}})[modality]
        if part.state is not None:
            encoder.restore(load_arrays(file(part.state)))
        elif encoder.learns:
            raise BundleError(f"{place}: expected what it learned, found no state; export the run anew")
        encoder.settle(part.needs)
    except (MissingExtraError, BundleError):
        raise
    except (ConfigError, WeightsError) as error:
        raise BundleError(f"{place}: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{place}: its state does not fit it ({error!r}); export the run anew") from error
    return encoder


def _placed(kind: type[Encoder], key: str, value: Any, file: File, place: str) -> Any:
    """A setting; of one that is a path, the file of the bundle, and never another one."""
    if key not in path_settings(kind) or value is None:
        return value
    if not isinstance(value, str):
        raise BundleError(f"{place}: {key}: expected the name of a file of the bundle, got {value!r:.80}")
    return str(file(value))


def column_of(
    samples: Sequence[Sample], encoder: Encoder, part: ModalityPart, scale: Standardiser | None, context: int,
    store: Store | None, place: str,
) -> list[NDArray[Any] | None]:  # fmt: skip
    """One modality of many samples as the model takes it; None where a sample lacks it, or it cannot be read.

    Args:
        samples: with those around them, where the model reads utterances in context.
        encoder: of the bundle.
        part: what the bundle says of the modality.
        scale: its standardiser.
        context: utterances on either side.
        store: of features; default the user's.
        place: for messages.

    Raises:
        BundleError: the encoder gave another shape than the bundle says.
    """
    found = encode_all(samples, encoder, store)
    column = [None if v is None or not v.size else shaped(v, part, scale, place) for v in found]
    return list(in_context(column, samples, context)) if context and any(v is not None for v in column) else column


def shaped(value: NDArray[Any], part: ModalityPart, scale: Standardiser | None, place: str) -> NDArray[Any]:
    """An encoded value as the model was trained on it: cut, averaged, scaled.

    Raises:
        BundleError: the encoder gave another shape than the bundle says.
    """
    found = value.shape[1:] if part.kind != "picture" else value.shape
    if part.moments:
        found = (*found[:-1], 2 * found[-1]) if found else found
    if found != part.shape or value.ndim != {"frames": 2, "ids": 1, "picture": 3}[part.kind]:
        raise BundleError(f"{place}: expected {part.kind} of {list(part.shape)}, got an array {list(value.shape)}")
    if part.kind == "picture":
        return value
    return scaled(over_time(value[: part.longest], part.mean, part.moments), scale)


def over_time(value: NDArray[Any], mean: bool, moments: bool) -> NDArray[Any]:
    """Steps as they are, or their mean, or their mean and standard deviation side by side: one step.

    Of each column over its finite entries alone; 0 where it has none.
    """
    if not (mean or moments):
        return value
    finite = np.isfinite(value)
    if len(value) and finite.all():  # a sum under a mask rounds otherwise, and models were trained on this one
        return np.concatenate([value.mean(0), value.std(0)])[None] if moments else value.mean(0, keepdims=True)
    count = np.maximum(finite.sum(0), 1)
    centre = np.where(finite, value, 0).sum(0, dtype=np.float64) / count
    spread = np.sqrt((np.where(finite, value - centre, 0) ** 2).sum(0) / count)
    return (np.concatenate([centre, spread]) if moments else centre)[None].astype(value.dtype)


def scaled(value: NDArray[Any], scale: Standardiser | None) -> NDArray[Any]:
    """Standardised where there is a scale."""
    return value if scale is None else scale.apply(value)


def open_scales(path: Path, parts: Mapping[str, ModalityPart]) -> dict[str, Standardiser]:
    """Standardisers by modality, from `MODALITY/mean` and `MODALITY/spread`.

    Raises:
        BundleError: one does not fit its modality, or is not finite.
    """
    arrays = load_arrays(path)
    out = {}
    for modality, part in parts.items():
        if f"{modality}/mean" not in arrays:
            continue
        mean, spread = (arrays.get(f"{modality}/{name}", np.empty(0)) for name in ("mean", "spread"))
        if mean.shape != part.shape or spread.shape != part.shape or part.kind != "frames":
            raise BundleError(f"{path}: {modality}: expected two rows of {list(part.shape)} numbers")
        if not (np.isfinite(mean).all() and np.isfinite(spread).all() and (spread > 0).all()):
            raise BundleError(f"{path}: {modality}: expected finite numbers and spreads above 0")
        out[modality] = Standardiser.restore({"mean": mean, "spread": spread})
    return out
