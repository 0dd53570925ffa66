"""The settings that a model is built with: what the run file says of it, and the sizes of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig
from demeanor.layers.heads import READING
from demeanor.plugins import load as plugin
from demeanor.training.prepare import Prepared
from demeanor.training.refuse import modality_of
from demeanor.training.runfile import RunFile


def sized(run: RunFile, prepared: Prepared, earlier: bool) -> dict[str, Any]:
    """What the run file says of the model, and its data; `earlier` versions left weights and did not say how built."""
    module = plugin("fusion", run.run.model)
    fields = module.Config.model_fields
    sizes = {task: 1 if y.ndim == 1 else y.shape[1] for task, y in prepared.labels.items()}
    settings = {**module.PRESETS.get(run.model.get("preset"), {}), **run.model}
    settings.pop("preset", None)
    if "tasks" in fields:
        settings["tasks"] = sizes  # whatever a preset was made for
        if (asked := run.model.get("tasks", sizes)) != sizes:
            raise ConfigError(
                f"model.tasks: expected the tasks of the run and their sizes, {sizes}, got {asked}; leave it out: "
                "[tasks] says what is predicted"
            )
    dims, modality = prepared.dims(), modality_of(run, module)
    if issubclass(module.Config, FusionConfig):
        settings.setdefault("dims", dims)
    elif modality is not None:
        settings["modality"] = modality
        width = "channels" if "channels" in fields else "dim"
        if width in fields and dims.get(modality):
            settings.setdefault(width, dims[modality])
    if "vocabulary" in fields:
        read = prepared.encoders if modality is None else {modality: prepared.encoders[modality]}
        _size_vocabulary(settings, fields, read, earlier)
    if earlier and "reads" in fields and sizes == READING:
        settings.setdefault("reads", True)  # earlier versions took any run with these tasks so
    return settings


def _size_vocabulary(
    settings: dict[str, Any], fields: Mapping[str, Any], read: Mapping[str, Encoder], earlier: bool
) -> None:
    """As many rows as the encoders that are read have token ids, in place; none where all give something else."""
    ids = max(encoder.vocabulary() for encoder in read.values())
    if not ids:
        settings.setdefault("vocabulary", 0)
        return
    default = fields["vocabulary"].default
    if "own_ids" in fields:  # word vectors of others fit exactly the ids of their tokenizer
        settings.setdefault("own_ids", any(e.learns and e.vocabulary() for e in read.values()))
        default = default if earlier else ids
    # Else never below the default, under which models were saved.
    settings.setdefault("vocabulary", max(ids, default))
