"""What a run file asks of a model that the model cannot do, told before any work starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from demeanor.batch import CONTEXT
from demeanor.errors import ConfigError
from demeanor.features.described import NAME
from demeanor.fusion._model import OR_FUSED, FusionConfig, by_modality
from demeanor.layers.heads import TaskHeads
from demeanor.losses.ulgm import FUSED
from demeanor.plugins import load as plugin
from demeanor.plugins import names as all_named
from demeanor.training.prepare import CLASSES
from demeanor.training.runfile import RunFile, explain


def refuse_names(run: RunFile, begins: bool = True) -> None:
    """Modalities and tasks are names of parts of a model, which has parts of its own.

    Args:
        run: the run.
        begins: whether it is about to be trained: then no modality may be called `fused`, as some once were.

    Raises:
        ConfigError: a name that torch cannot give a part, or that is taken.
    """
    taken = {name for part in (nn.ModuleDict(), nn.ParameterDict(), TaskHeads(1, {})) for name in dir(part)}
    taken.add("weight")  # among the labels of a batch, that of its rows
    for section, names in (("encoders", run.encoders), ("tasks", run.tasks)):
        for name in names:
            # Several models keep what they fuse beside what belongs to each modality.
            clashes = begins and section == "encoders" and name == FUSED
            if not re.fullmatch(NAME, name) or name in taken or clashes:
                near = f"{section}.my_{re.sub('[^a-z]', '', name.lower())}"[:60]
                raise ConfigError(
                    f"{section}: expected a name of letters, digits, _ and -, at most 61 of them, that the lab and "
                    f"torch do not use, got '{name}'; call it otherwise, say {near}"
                )


def refuse_balance(run: RunFile) -> None:
    """Numbers have no classes to be balanced.

    Raises:
        ConfigError: a task without classes has `balance`.
    """
    for name, task in run.tasks.items():
        if task.balance and not (task.classes or CLASSES.get(name)):
            raise ConfigError(
                f"tasks.{name}.balance: expected a task with classes, whose frequencies it weighs by, got one of "
                "numbers; leave it out, or name classes"
            )


def refuse_tasks(run: RunFile, module: ModuleType) -> None:
    """Models with heads of their own would pass over the tasks of others without a word.

    Raises:
        ConfigError: a task that such a model does not learn, of another size, or with other classes than its own.
    """
    known = getattr(module, "TASKS", None)
    if known is None:
        return
    classes = {name: task.classes or CLASSES.get(name) for name, task in run.tasks.items()}
    sizes = {name: len(found) if found else 1 for name, found in classes.items()}
    if wrong := {name: size for name, size in sizes.items() if known.get(name) != size}:
        raise ConfigError(
            f"tasks: {run.run.model} predicts tasks of these sizes alone, {known}, got {wrong}; leave them out, "
            "or take another model"
        )
    for name, found in classes.items():
        # Heads know their classes by place: the side of a score, say, is taken from that of a polarity.
        if found and tuple(found) != CLASSES.get(name, tuple(found)):
            raise ConfigError(
                f"tasks.{name}: expected the classes of {run.run.model}, {', '.join(CLASSES[name])}, in this order, "
                f"got {', '.join(found)}; leave tasks.{name}.classes out, and call the labels so"
            )


def refuse_modalities(run: RunFile, module: ModuleType) -> None:
    """A setting for a modality that there is not would count for nothing; presets may name more than a run has.

    Raises:
        ConfigError: a setting by modality names one that is not encoded.
    """
    every = {*run.model.get("dims", run.encoders), *(m + CONTEXT for m in run.features.before)}
    for key in by_modality(module.Config):
        given = run.model.get(key)
        names = every | ({FUSED} if OR_FUSED in module.Config.model_fields[key].metadata else set())
        if unknown := [name for name in given if name not in names] if isinstance(given, dict | list | tuple) else []:
            raise ConfigError(
                f"model.{key}: expected modalities of the run, {', '.join(run.encoders)}, got {', '.join(unknown)}; "
                "name one of those, or leave it out"
            )


UNBUILT = (ValueError, RuntimeError, AssertionError, ZeroDivisionError, TypeError)
"""What torch and Python raise where a layer cannot have such a size."""

_WIDTH = 40_320  # of features, before there are any: whatever a model divides a width by divides this one


def refuse_settings(run: RunFile, module: ModuleType) -> None:
    """Values that no layer can have, found without data; what is fine or not by the data's widths is left to these.

    Raises:
        ConfigError: the model cannot be built with its settings, but could be without them.
    """
    fault = _unbuilt(run, module, run.model)
    own: Mapping[str, Any] = {key: run.model[key] for key in ("preset", "modality") if key in run.model}
    if fault is not None and _unbuilt(run, module, own) is None:
        raise ConfigError(f"model: {run.run.model} cannot be built with these settings: {fault}; mend [model]")


def refuse_lacking(run: RunFile, module: ModuleType) -> None:
    """What a model reads or learns by needs more than one utterance, or more than one modality.

    Raises:
        ConfigError: the run has one alone.
    """
    if getattr(module, "NEEDS_CONTEXT", False) and (bare := [m for m in run.encoders if not run.features.reach(m)]):
        raise ConfigError(
            f"{run.run.model} reads utterances among those around them: expected features.context of every modality, "
            f"got none of {', '.join(bare)}; set features.context = 2, say"
        )
    few = not issubclass(module.Config, FusionConfig) or len(run.encoders) < 2
    if run.training.self_distillation and few:
        raise ConfigError(
            f"training.self_distillation: expected two modalities or more, but {run.run.model} over "
            f"{', '.join(run.encoders)} reads one; add an encoder and take a model that fuses, or leave it out"
        )


# What a modality may come as, and which encoders give it.
_KINDS = {"frames": "frames", "ids": "token ids", "picture": "pictures"}
_ENCODERS = {
    "frames": "an encoder of frames, as most are (text_vectors, visual_efficientnet)",
    "ids": "text_words or text_tokens",
    "picture": "visual_picture or visual_face",
}


def refuse_kinds(run: RunFile, module: ModuleType) -> None:
    """Token ids, frames and pictures are no substitute for one another; nothing is encoded to find that out.

    Raises:
        ConfigError: an encoder gives what the model does not take for that modality.
    """
    one = modality_of(run, module)
    try:
        config = module.Config(**_settings(run, module, run.model))
    except ValidationError:
        return  # told of with the settings
    for modality in [m for m in run.encoders if m in config.dims] if one is None else [one]:
        gives = plugin("encoders", str(run.encoders[modality]["name"])).ENCODER.gives
        takes = config.takes(modality)
        if gives not in takes:
            name, wanted = run.encoders[modality]["name"], " or ".join(_KINDS[kind] for kind in takes)
            raise ConfigError(
                f"encoders.{modality}: expected {wanted}, which {run.run.model} reads with these settings, got {name}, "
                f"which gives {_KINDS[gives]}; take {_ENCODERS[takes[0]]}, or what reads {_KINDS[gives]}, by its "
                f"defaults or a preset: {_readers(run, modality, gives)}"
            )


def _readers(run: RunFile, modality: str, kind: str) -> str:
    """The models that read that modality as such a kind, by their defaults or a preset."""
    if kind == "frames":
        return "most models"
    found = []
    for name in all_named("fusion"):
        module = plugin("fusion", name)
        dims = {"dims": dict.fromkeys(run.encoders, _WIDTH)} if "dims" in module.Config.model_fields else {}
        for preset in ({}, *getattr(module, "PRESETS", {}).values()):
            with suppress(ValidationError):  # one that these modalities do not go with
                found += [name] if kind in module.Config(**{**dims, **preset}).takes(modality) else []
    return ", ".join(dict.fromkeys(found))


def _settings(run: RunFile, module: ModuleType, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is built with before there are data: their widths are made up."""
    fields = module.Config.model_fields
    settings = {**getattr(module, "PRESETS", {}).get(own.get("preset"), {}), **own}
    settings.pop("preset", None)
    if "tasks" in fields:
        classes = {name: task.classes or CLASSES.get(name) for name, task in run.tasks.items()}
        settings["tasks"] = {name: len(found) if found else 1 for name, found in classes.items()}
    if "dims" in fields:
        settings.setdefault("dims", dict.fromkeys(run.encoders, _WIDTH))
    if "modality" in fields:
        settings["modality"] = modality_of(run, module)
    return settings


def _unbuilt(run: RunFile, module: ModuleType, own: Mapping[str, Any]) -> str | None:
    """Why a model with those settings cannot be built; None where it can."""
    settings = _settings(run, module, own)
    try:
        with torch.device("meta"):  # shapes alone
            module.MODEL(module.Config(**settings))
    except ValidationError as error:
        return "; ".join(f"model.{explain(e)}" for e in error.errors())
    except (*UNBUILT, ConfigError) as error:
        return str(error)
    return None


def modality_of(run: RunFile, module: ModuleType) -> str | None:
    """The modality that a model of one modality reads; None of a model that takes any.

    Raises:
        ConfigError: it is not encoded, or there are several to choose from.
    """
    field = module.Config.model_fields.get("modality")
    if field is None:
        return None
    preset = getattr(module, "PRESETS", {}).get(run.model.get("preset"), {})
    asked = run.model.get("modality", preset.get("modality"))
    if asked is None and len(run.encoders) == 1:
        return next(iter(run.encoders))
    name = str(asked or field.default)
    if name not in run.encoders:
        raise ConfigError(
            f"model.modality: {run.run.model} reads one modality, expected one of {', '.join(run.encoders)}, got "
            f"{name}; name model.modality"
        )
    return name
