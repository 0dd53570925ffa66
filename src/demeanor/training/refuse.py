"""What a run file asks of a model that the model cannot do, told before any work starts."""

from __future__ import annotations

import re
from types import ModuleType

from torch import nn

from demeanor.errors import ConfigError
from demeanor.layers.heads import TaskHeads
from demeanor.training.prepare import CLASSES
from demeanor.training.runfile import RunFile


def refuse_names(run: RunFile) -> None:
    """Modalities and tasks are names of parts of a model, which has parts of its own.

    Raises:
        ConfigError: a name that torch cannot give a part, or that is taken.
    """
    taken = {name for part in (nn.ModuleDict(), nn.ParameterDict(), TaskHeads(1, {})) for name in dir(part)}
    taken.add("weight")  # among the labels of a batch, that of its rows
    for section, names in (("encoders", run.encoders), ("tasks", run.tasks)):
        for name in names:
            if not re.fullmatch(r"[\w-]+", name) or name in taken:
                raise ConfigError(
                    f"{section}: expected a name of letters, digits and _ that the lab and torch do not use, "
                    f"got '{name}'; call it otherwise, say {section}.my_{re.sub('[^a-z]', '', name.lower())}"
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
