"""The one training loop: batches in, best weights on the validation part out; stops and resumes without loss."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from demeanor.batch import FeatureBatch
from demeanor.fusion._model import Model
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
        folder: checkpoints go here, one a epoch, written whole or not at all; a run found there is continued and ends
            as an unstopped one would.
        augment: changes a training batch, with its own generator.
        say: where progress lines go.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    run = _Run(model, settings, folder, augment, say)
    sizes = [math.ceil(len(train(epoch)) / settings.batch) for epoch in range(settings.epochs)]
    for epoch in range(run.progress.epoch, settings.epochs):
        started = time.time()
        loss = run.epoch(epoch, train(epoch), sum(sizes[:epoch]), sum(sizes))
        run.validate(score, {"epoch": epoch + 1.0, "loss": loss, "seconds": time.time() - started})
        run.save()
    model.load_state_dict(torch.load(folder / "best.pt", map_location=run.device, weights_only=True))
    model.cpu().eval()
    return run.progress


class _Run:
    """The state of a run between two steps: what a checkpoint holds."""

    def __init__(
        self, model: Model, settings: Settings, folder: Path, augment: Augment | None, say: Callable[[str], None]
    ) -> None:
        self.model, self.settings, self.folder, self.augment, self.say = model, settings, folder, augment, say
        self.device = device_of(settings.device)
        model.to(self.device)
        groups = model.param_groups(settings.learning_rate, settings.weight_decay)
        fused = self.device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=fused)
        self.rates = [g["lr"] for g in self.optimiser.param_groups]
        self.average = Average(model, settings.average) if settings.average else None
        self.progress = Progress()
        if (folder / "last.pt").exists():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.folder / "last.pt", map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.state, self.average.steps = state["average"], state["steps"]
        self.progress = Progress(**state["progress"])
        # The optimiser's own rates are those of the last step; the schedule sets them anew from `rates`.

    def epoch(self, epoch: int, rows: Rows, first: int, total: int) -> float:
        """One pass over the rows, steps `first`… of `total`; the mean loss."""
        seed = self.settings.seed
        torch.manual_seed(seed * 1000 + epoch)  # so that a resumed run drops out what an unstopped one does
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        losses: list[float] = []
        steps = math.ceil(len(rows) / self.settings.batch)
        started = time.time()
        self.model.train()
        for done, batch in enumerate(batches(rows, self.settings.batch, np.random.default_rng([seed, epoch])), 1):
            share = rate(min(first + done - 1, total - 1), total, self.settings.warmup)
            for group, base in zip(self.optimiser.param_groups, self.rates, strict=True):
                group["lr"] = base * share
            losses.append(self._step(self.augment(batch, generator) if self.augment else batch, epoch))
            if done % 200 == 0:
                left = (time.time() - started) / done * (steps - done)
                mean = np.mean(losses[-200:])
                self.say(
                    f"epoch {epoch + 1}/{self.settings.epochs} {done / steps:4.0%} loss {mean:.3f} {left:.0f} s left"
                )
        return float(np.mean(losses))

    def _step(self, batch: FeatureBatch, epoch: int) -> float:
        batch = batch.to(self.device)
        low = self.settings.precision != "float32"
        with torch.autocast(self.device.type, getattr(torch, self.settings.precision), enabled=low):
            output = self.model(batch)
        terms: dict[str, Tensor] = self.model.loss(output, batch)
        loss = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimiser.step()
        self.model.after_step(output, batch, epoch)
        if self.average:
            self.average.update(self.model)
        return float(loss.detach())

    def validate(self, score: Callable[[Model], dict[str, float]], row: dict[str, float]) -> None:
        """Score the weights (their average, where one is kept), and keep them if they are the best."""
        own = {k: v.clone() for k, v in self.model.state_dict().items()}
        if self.average:
            self.model.load_state_dict(self.average.state)
        self.model.eval()
        row |= score(self.model)
        self.progress.history.append(row)
        self.say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
        if row["score"] > self.progress.best or self.settings.keep == "last":
            self.progress.best = row["score"]
            save_atomically(self.model.state_dict(), self.folder / "best.pt")
        self.model.load_state_dict(own)
        self.progress.epoch += 1

    def save(self) -> None:
        """The checkpoint, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": vars(self.progress),
        }
        if self.average:
            state["average"], state["steps"] = self.average.state, self.average.steps
        save_atomically(state, self.folder / "last.pt")


def save_atomically(state: Any, path: Path) -> None:
    """Written beside and moved into place: a killed run leaves the old file whole."""
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


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
