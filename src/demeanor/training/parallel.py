"""Data-parallel training under `torchrun`: every process takes its share of each batch, gradients are added up.

A batch is divided before the forward pass and each share's loss weighs as much as its rows, so two processes take the
steps that one would take, where a loss is a mean over rows. Losses and norms over the batch as a whole (CMD, batch
normalisation) see one share only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.losses.ulgm import GeneratedLabels


@dataclass(frozen=True)
class Group:
    """This process among those of the run."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


def join(device: torch.device) -> Group:
    """The group `torchrun` started this process in (its environment says so), or a group of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group()
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(torch.distributed.get_rank(), size)


def refuse_memories(model: nn.Module, group: Group) -> None:
    """Refuse a model whose labels would drift apart, as each process generates those of its own rows.

    Raises:
        ConfigError: the group is more than one, and the model generates labels.
    """
    if group.size > 1 and any(isinstance(part, GeneratedLabels) for part in model.modules()):
        raise ConfigError(
            f"{type(model).__name__} generates labels as it trains: expected one process, got {group.size}; train it "
            "without torchrun"
        )


def share(batch: FeatureBatch, group: Group) -> FeatureBatch:
    """Every `size`-th row of the batch, from `rank` on; possibly none."""
    if group.size == 1:
        return batch

    def cut(tensor: Tensor) -> Tensor:
        return tensor[group.rank :: group.size]

    return replace(
        batch,
        values={m: cut(v) for m, v in batch.values.items()},
        valid={m: None if v is None else cut(v) for m, v in batch.valid.items()},
        present={m: cut(v) for m, v in batch.present.items()},
        labels={t: cut(y) for t, y in batch.labels.items()},
        index=None if batch.index is None else cut(batch.index),
    )


def add_up(parameters: Iterable[nn.Parameter], group: Group) -> None:
    """Sum the gradients of all processes, in place; one that has none counts as zeros."""
    if group.size == 1:
        return
    for parameter in parameters:
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
