"""The base of every model: one training loop, and what a model may override."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.losses.tasks import task_loss

Kind = Literal["frames", "ids", "picture"]
"""What a modality comes as: frames (B, T, D), token ids (B, T), or pictures (B, C, H, W)."""

BY_MODALITY = "by modality"
"""Marks a setting of a `Config` whose names are modalities: a run that names another one is refused."""

OR_FUSED = "or fused"
"""Marks one of those that may also name what is `fused` of all modalities."""

Value = TypeVar("Value")
PerModality = Annotated[dict[str, Value], BY_MODALITY]
PerModalityOrFused = Annotated[dict[str, Value], BY_MODALITY, OR_FUSED]
Modalities = Annotated[tuple[str, ...], BY_MODALITY]


class ModelConfig(BaseModel):
    """Base of every model's `Config`: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*")
    @classmethod
    def _chance(cls, value: Any, info: ValidationInfo) -> Any:
        """Functions of torch refuse a dropout that is no chance, but only when data come."""
        chances = value.values() if isinstance(value, Mapping) else [value]
        named = str(info.field_name).endswith(("dropout", "dropouts"))
        if named and any(isinstance(c, int | float) and not 0 <= c <= 1 for c in chances):
            raise ValueError("expected a chance in [0, 1]")
        return value

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """What that modality may come as, by which the lab refuses an encoder; most models read frames alone."""
        return ("frames",)


def by_modality(config: type[BaseModel]) -> list[str]:
    """The settings that name modalities, but for `dims` and weights, which models look at themselves."""
    return [name for name, field in config.model_fields.items() if BY_MODALITY in field.metadata]


def words_of(config: ModelConfig) -> tuple[Kind, ...]:
    """What a model takes that has a `vocabulary`, 0 for frames: either, where that is left to the data."""
    if "vocabulary" not in config.model_fields_set:
        return ("ids", "frames")
    return ("ids",) if getattr(config, "vocabulary", 0) else ("frames",)


class FusionConfig(ModelConfig):
    """Base of the `Config` of every model that takes any number of named feature modalities.

    Attributes:
        dims: modality → width of its steps; batches give (B, T, width).
        tasks: task → number of outputs; 1 is a regression, in the labels' own scale.
    """

    dims: dict[str, int]
    tasks: dict[str, int] = {"score": 1}


class Model(nn.Module):
    """A model of the lab. Override `forward`; the others have defaults that fit most models."""

    phase: str = "all"
    """The pass the loop is in: one of `phases()`."""

    def forward(self, batch: FeatureBatch) -> Output:
        raise TypeError(f"{type(self).__name__} must override forward(batch)")

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Named loss terms, already weighted; `task` is the one every model has."""
        return {"task": task_loss(output.tasks, batch.labels)}

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Optimiser groups: weights decay, biases and norms (one dimension) do not.

        A group with a key `phase` is stepped in that phase only.
        """
        decay = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        rest = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        groups = [
            {"params": decay, "lr": learning_rate, "weight_decay": weight_decay},
            {"params": rest, "lr": learning_rate, "weight_decay": 0.0},
        ]
        return [g for g in groups if g["params"]]

    def renamed(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Weights of another library's network by the names they have here; none, unless a model knows such."""
        return {}

    def phases(self) -> Iterator[str]:
        """Names of the passes over the data that make an epoch; most models have one."""
        yield "all"

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """Hook after each optimiser step (memories, generated labels); epochs count from 1."""


def groups_by_modality(
    model: nn.Module, encoders: nn.ModuleDict, rates: Mapping[str, float], decays: Mapping[str, float],
    learning_rate: float, weight_decay: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """Optimiser groups: each modality's encoder at a rate and decay of its own, then the rest; biases do not decay.

    Args:
        model: whose parameters are all grouped.
        encoders: modality → what of the model encodes it.
        rates: modality → factor on the learning rate; 1 unless named.
        decays: modality → factor on the weight decay; 1 unless named.
        learning_rate: of the rest.
        weight_decay: of the rest.
    """
    theirs = {id(p) for p in encoders.parameters()}
    parts = {m: list(net.parameters()) for m, net in encoders.items()}
    parts[""] = [p for p in model.parameters() if id(p) not in theirs]
    groups = []
    for name, params in parts.items():
        rate, decay = learning_rate * rates.get(name, 1.0), weight_decay * decays.get(name, 1.0)
        for wide, own in ((True, decay), (False, 0.0)):
            chosen = [p for p in params if (p.ndim > 1) == wide]
            groups.append({"params": chosen, "lr": rate, "weight_decay": own})
    return groups
