"""Encoders of a run into its bundle: settings, what they learned, files, needs; and what they say from there."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.bundle import LARGEST
from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError, InputError
from demeanor.features.described import ModalityPart, encoder_file
from demeanor.features.digest import name_of
from demeanor.features.exported import column_of, open_encoder
from demeanor.features.parts import group_of
from demeanor.features.read import path_settings
from demeanor.features.store import Store
from demeanor.media.container import open_container
from demeanor.training.data import Rows
from demeanor.training.encoder_graphs import Graphs, graphs_of
from demeanor.training.export import Variant
from demeanor.training.prepare import Prepared
from demeanor.training.runfile import Features
from demeanor.types import Sample


def refuse_features(features: Features) -> None:
    """Refuse shapes of features that a reader of one sample cannot make.

    Raises:
        ConfigError: features put on a speaker's own scale, or in a context by modality.
    """
    strange = [key for key in ("per_speaker", "before") if getattr(features, key)]
    strange += ["context"] if isinstance(features.context, dict) else []
    if strange:
        raise ConfigError(
            f"features.{strange[0]}: expected features that one sample by itself has; a bundle cannot carry these yet. "
            "Train the run without them to export it"
        )


def carry(modality: str, encoder: Encoder, folder: Path, variant: Variant = "float32") -> dict[str, Any]:
    """Write an encoder into a bundle's folder, and describe it (`EncoderPart`).

    An encoder that needs torch becomes a graph and what is made of the input before it, under the name of an encoder
    that runs it.

    Args:
        modality: begins the names of its files.
        encoder: fitted.
        folder: of the bundle.
        variant: what the weights of a graph are stored in.

    Raises:
        ConfigError: it cannot read anything but the samples of its run, or a file of its is too large.
    """
    if getattr(encoder.config, "table", None) is not None:
        raise ConfigError(
            f"encoders.{modality}: {name_of(encoder)} reads a table of the run's own samples, and a new clip has no "
            "row in it; train with an encoder that reads the media, then export"
        )
    made_from = None
    if not encoder.portable:
        made_from = name_of(encoder)
        graphs: Graphs = graphs_of(encoder, modality, folder, variant)
        name, version, settings = graphs.name, graphs.version, dict(graphs.settings)
    else:
        name, version, settings = name_of(encoder), encoder.version, _settings(modality, encoder, folder)
    state = None
    if learned := encoder.state():
        state = encoder_file(modality, ".npz")
        np.savez_compressed(folder / state, **dict(learned))  # type: ignore[arg-type]
    return {
        "name": name, "version": version, "settings": settings, "state": state,
        "needs": dict(encoder.needs()), "made_from": made_from,
    }  # fmt: skip


def as_carried(
    rows: Rows, prepared: Prepared, described: Mapping[str, Any], folder: Path, store: Store | None = None
) -> Rows:
    """The validation rows as the bundle reads them: what became a graph is encoded anew, by that graph.

    Args:
        rows: of the validation part, as the lab reads them.
        prepared: the run's data.
        described: `modalities` and `context` of the bundle.
        folder: of the bundle, where its files lie.
        store: of features; default the user's.

    Raises:
        BundleError: a graph cannot be run, or gives another shape than the encoder it stands for.
    """
    valid = prepared.parts.valid
    groups = {group_of(prepared.samples[i]) for i in valid} if described["context"] else set()
    needed = [i for i, s in enumerate(prepared.samples) if group_of(s) in groups] or list(valid)
    samples = [prepared.samples[i] for i in needed]
    values = dict(rows.values)
    for modality, told in described["modalities"].items():
        part = ModalityPart.model_validate(told)
        if part.encoder.made_from is None:
            continue
        encoder = open_encoder(modality, part.encoder, lambda name: folder / name)
        scale = prepared.scales.get(modality)
        found = column_of(samples, encoder, part, scale, described["context"], store, f"encoders.{modality}")
        column = dict(zip(needed, found, strict=True))
        values[modality] = [column[i] for i in valid]
    return dataclasses.replace(rows, values=values)


def _settings(modality: str, encoder: Encoder, folder: Path) -> dict[str, Any]:
    """Plain settings; of a file its copy in the bundle, of a folder of known weights nothing: `needs` names those."""
    settings: dict[str, Any] = json.loads(encoder.config.model_dump_json())
    for key in path_settings(type(encoder)):
        path = getattr(encoder.config, key)
        if path is None:
            continue
        if path.is_dir():
            settings[key] = None
            continue
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise ConfigError(f"encoders.{modality}.{key}: expected a file of at most {LARGEST} bytes, got {path}")
        settings[key] = encoder_file(modality, f"-{key}{path.suffix}")
        shutil.copyfile(path, folder / settings[key])
    return settings


def longest_seconds(samples: Sequence[Sample], encoder: Encoder) -> float | None:
    """Seconds of the longest clip that an encoder reads; None where it reads neither sound nor film, or none says."""
    found = []
    for sample in samples:
        match encoder.reads(sample):
            case (source, "audio" | "video", start, end):
                if end is None:
                    with contextlib.suppress(InputError), open_container(source, "look at its length") as container:
                        end = container.duration / 1e6 if container.duration else None
                found += [] if end is None else [end - (start or 0)]
    return max(found, default=None)


def cue_name(modality: str, cue: str | None, taken: set[str]) -> str:
    """The cue's usual name, once; the modality's own where there is none, or it is taken."""
    own = "".join(c if c.isalnum() and c.isascii() else "_" for c in modality.lower()).lstrip("_0123456789") or "series"
    name = cue if cue is not None and cue not in taken else own
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def refuse_place(out: Path) -> None:
    """Refuse to write a bundle over anything but an empty folder or an older bundle.

    Raises:
        ConfigError: something else lies there.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / "bundle.json").is_file():
        raise ConfigError(f"{out}: expected a new folder, or an older bundle to replace, got a folder of other things")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a folder to write to, got a file; name a folder")
