"""The one training loop: batches in, best weights on the validation part out; stops and resumes without loss."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from demeanor.batch import FeatureBatch, Model
from demeanor.training.data import Rows, batches

Augment = Callable[[FeatureBatch, torch.Generator], FeatureBatch]


class Settings(BaseModel):
    """`[training]` of a run file; unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = 3
    batch: int = 32
    learning_rate: float = 5e-5
    weight_decay: float = 0.01
    warmup: float = 0.06
    clip: float = 1.0
    average: float = 0.0
    """Decay of the weights' moving average (0: off); the average is what is validated and kept."""
    precision: str = "bfloat16"
    device: str = "auto"
    seed: int = 0
    threads: int = 0
    keep: str = "best"
    """`best` epoch by the validation score, or `last` where the schedule ends at rate 0 anyway."""


@dataclass
class Progress:
    """What a run has reached: epochs done, best score, one row of numbers per epoch."""

    epoch: int = 0
    best: float = -math.inf
    history: list[dict[str, float]] = field(default_factory=list)


def device_of(name: str) -> torch.device:
    """`auto` takes cuda, then mps, then cpu."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def rate(step: int, total: int, warmup: float) -> float:
    """Share of the learning rate: linear up over the first `warmup` share, then a half cosine down to 0."""
    ramp = max(1, int(total * warmup))
    if step < ramp:
        return (step + 1) / ramp
    return 0.5 * (1 + math.cos(math.pi * (step - ramp) / max(1, total - ramp)))


class Average:
    """Exponential moving average of a model's weights, with warm-up so that early steps do not linger."""

    def __init__(self, model: Model, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: Model) -> None:
        """One step towards the model's weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


def fit(
    model: Model,
    train: Callable[[int], Rows],
    score: Callable[[Model], dict[str, float]],
    settings: Settings,
    folder: Path,
    augment: Augment | None = None,
    say: Callable[[str], None] = print,
) -> Progress:
    """Train a model and leave its best weights in it.

    Args:
        model: moved to the chosen device and back to the CPU.
        train: epoch number → the rows of that epoch (a fresh sample of them, if one likes); the schedule runs over
            all of them.
        score: measured after each epoch on the validation part; key `score` decides (higher is better).
        settings: see `Settings`.
        folder: checkpoints go here, one a epoch, written whole or not at all; a run found there is continued.
        augment: changes a training batch, with its own generator.
        say: where progress lines go.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = device_of(settings.device)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    model.to(device)
    groups = model.param_groups(settings.learning_rate, settings.weight_decay)
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=device.type in ("cpu", "cuda"))
    bases = [g["lr"] for g in optimiser.param_groups]
    average = Average(model, settings.average) if settings.average else None
    progress = _resume(folder, model, optimiser, average)
    sizes = [math.ceil(len(train(epoch)) / settings.batch) for epoch in range(settings.epochs)]
    total = sum(sizes)
    best = folder / "best.pt"
    for epoch in range(progress.epoch, settings.epochs):
        rng = np.random.default_rng([settings.seed, epoch])
        generator = torch.Generator().manual_seed(settings.seed * 1000 + epoch)
        first = step = sum(sizes[:epoch])
        started, losses = time.time(), []
        model.train()
        for batch in batches(train(epoch), settings.batch, rng):
            for group, base in zip(optimiser.param_groups, bases, strict=True):
                group["lr"] = base * rate(min(step, total - 1), total, settings.warmup)
            loss = _step(model, augment(batch, generator) if augment else batch, optimiser, settings, device, epoch)
            if average:
                average.update(model)
            losses.append(loss)
            step += 1
            if (step - first) % 200 == 0:
                done = (step - first) / sizes[epoch]
                left = (time.time() - started) / done * (1 - done)
                say(f"epoch {epoch + 1}/{settings.epochs} {done:4.0%} loss {np.mean(losses[-200:]):.4f} {left:.0f} s left")
        kept = model.state_dict() if average is None else average.state
        own = {k: v.clone() for k, v in model.state_dict().items()} if average else None
        model.load_state_dict(kept)
        model.eval()
        row = {"epoch": epoch + 1.0, "loss": float(np.mean(losses)), "seconds": time.time() - started, **score(model)}
        progress.history.append(row)
        say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
        if row["score"] > progress.best or settings.keep == "last":
            progress.best = row["score"]
            save_atomically(model.state_dict(), best)
        if own is not None:
            model.load_state_dict(own)
        progress.epoch = epoch + 1
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "progress": vars(progress)}
        if average:
            state["average"], state["steps"] = average.state, average.steps
        save_atomically(state, folder / "last.pt")
    model.load_state_dict(torch.load(best, map_location=device, weights_only=True))
    model.cpu().eval()
    return progress


def _step(
    model: Model, batch: FeatureBatch, optimiser: torch.optim.Optimizer, settings: Settings, device: torch.device, epoch: int
) -> float:
    batch = batch.to(device)
    low = settings.precision != "float32"
    with torch.autocast(device.type, getattr(torch, settings.precision), enabled=low):
        output = model(batch)
    terms: dict[str, Tensor] = model.loss(output, batch)
    loss = torch.stack(list(terms.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    optimiser.step()
    model.after_step(output, batch, epoch)
    return float(loss.detach())


def _resume(folder: Path, model: Model, optimiser: torch.optim.Optimizer, average: Average | None) -> Progress:
    path = folder / "last.pt"
    if not path.exists():
        return Progress()
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    if average is not None:
        average.state, average.steps = state["average"], state["steps"]
    return Progress(**state["progress"])


def save_atomically(state: Any, path: Path) -> None:
    """Written beside and moved into place: a killed run leaves the old file whole."""
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


@torch.no_grad()
def predict(model: Model, rows: Rows, batch: int = 64, device: str = "auto") -> dict[str, np.ndarray[Any, Any]]:
    """Every task's raw output and `hidden`, in the rows' own order: {task: (N, …) float32}."""
    place = device_of(device)
    model.to(place).eval()
    parts: dict[str, list[np.ndarray[Any, Any]]] = {}
    order: list[np.ndarray[Any, Any]] = []
    for one in _in_order(rows, batch):
        with torch.autocast(place.type, torch.bfloat16, enabled=True):
            output = model(one.to(place))
        assert one.index is not None
        order.append(one.index.numpy())
        found = {**output.tasks, **({} if output.hidden is None else {"hidden": output.hidden})}
        for task, tensor in found.items():
            parts.setdefault(task, []).append(tensor.float().cpu().numpy())
    back = np.argsort(np.concatenate(order))
    return {task: np.concatenate(p)[back] for task, p in parts.items()}


def _in_order(rows: Rows, batch: int) -> Iterator[FeatureBatch]:
    return batches(rows, batch, None)
