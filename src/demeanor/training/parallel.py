"""Data-parallel training under `torchrun`: every process takes its share of each batch, gradients are added up.

A batch is divided before the forward pass and each share's loss weighs as much as its rows, so two processes take the
steps that one would take, where a loss is a mean over rows that all have labels. Losses and norms over the batch as a
whole (CMD, batch normalisation) see one share only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.losses.ulgm import GeneratedLabels


def device_of(name: str) -> torch.device:
    """`auto` takes cuda, then mps, then cpu.

    Raises:
        ConfigError: no name of a device, or of one that this machine does not have.
    """
    found = nearest_device(name)
    if name != "auto" and found != torch.device(name):
        raise ConfigError(
            f"training.device: expected a device that this machine has, got '{name}'; take auto, or --set "
            f"training.device={found.type}"
        )
    return found


def nearest_device(name: str) -> torch.device:
    """As `device_of`, but a device that this machine does not have becomes what `auto` takes: weights run on any.

    Raises:
        ConfigError: no name of a device.
    """
    if name != "auto":
        try:
            asked = torch.device(name)
        except RuntimeError:
            raise ConfigError(
                f"training.device: expected auto, cpu, cuda, cuda:1 …, or mps; got '{name}'; name one of these"
            ) from None
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        lacking = {"cuda": (asked.index or 0) >= cards, "mps": not torch.backends.mps.is_available()}
        if not lacking.get(asked.type, False):
            return asked
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@dataclass(frozen=True)
class Group:
    """This process among those of the run."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until every process of the run is here."""
        if self.size > 1:
            torch.distributed.barrier()

    @contextmanager
    def folder(self, place: Path) -> Iterator[Path]:
        """A new folder in `place`, the same one for every process, gone when all have left it."""
        with tempfile.TemporaryDirectory(dir=place) as own:
            agreed = [own]
            if self.size > 1:
                torch.distributed.broadcast_object_list(agreed)
            yield Path(agreed[0])
            self.wait()


def join(device: torch.device) -> Group:
    """The group `torchrun` started this process in (its environment says so), or a group of one.

    On several graphics cards each process of a machine takes its own, unless the device names one.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group()
    if not torch.distributed.is_initialized():
        if device.type == "cuda" and device.index is None:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
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


def summed(value: float, group: Group, device: torch.device) -> float:
    """The sum of one number over all processes."""
    if group.size == 1:
        return value
    told = torch.tensor(value, device=device)
    torch.distributed.all_reduce(told)
    return float(told)


def add_up(parameters: Iterable[nn.Parameter], group: Group) -> None:
    """Sum the gradients of all processes, in place; one that has none counts as zeros.

    What no process has a gradient for stays without: an optimiser steps zeros too, by momentum and decay.
    """
    if group.size == 1:
        return
    learned = [p for p in parameters if p.requires_grad]
    somewhere = torch.tensor([p.grad is not None for p in learned], dtype=torch.uint8, device=learned[0].device)
    torch.distributed.all_reduce(somewhere, torch.distributed.ReduceOp.MAX)
    for parameter, has in zip(learned, somewhere.tolist(), strict=True):
        if has:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
