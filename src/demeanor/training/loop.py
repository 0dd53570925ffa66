"""The one training loop: batches in, best weights on the validation part out; stops and resumes without loss."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError, DivergedError
from demeanor.fusion._model import Model
from demeanor.losses.distillation import distillation
from demeanor.losses.tasks import SPREAD
from demeanor.training import heap
from demeanor.training.data import Rows, batches
from demeanor.training.degrade import drop_modalities, standing
from demeanor.training.parallel import add_up, device_of, join, nearest_device, refuse_memories, share, summed
from demeanor.training.schedule import rate
from demeanor.training.settings import Settings
from demeanor.training.start import start_from
from demeanor.training.track import Tracker

__all__ = ["DIVERGED", "Augment", "Progress", "Settings", "device_of", "fit", "predict", "save_atomically"]

Augment = Callable[[FeatureBatch, torch.Generator, int], FeatureBatch]
"""A training batch, a generator of the CPU and the epoch → the batch as the model sees it."""

DIVERGED = {"score": -math.inf, "diverged": 1.0}
"""What is scored of a model whose weights or predictions are nan or infinite: its run ends with that epoch."""

_QUIET = 20.0  # seconds without a word, at most, while a machine trains


@dataclass
class Progress:
    """What a run has reached: epochs done, best score and when, the plateau's rate, one row of numbers per epoch."""

    epoch: int = 0
    best: float = -math.inf
    best_epoch: int = 0
    scale: float = 1.0
    scaled_at: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def diverged(self) -> bool:
        """Whether the last epoch's weights are none to keep: see `DIVERGED`."""
        return bool(self.history) and "diverged" in self.history[-1]

    def kept(self, keep: str) -> tuple[int, float]:
        """The epoch, from 1, whose weights are kept, and its score: see `Settings.keep`."""
        last = self.epoch - self.diverged
        return (self.best_epoch, self.best) if keep == "best" else (last, self.history[last - 1]["score"])


def arithmetic(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """The precision of a forward pass: a CPU without 16-bit arithmetic would imitate it, many times slower."""
    imitated = device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if precision == "float32" or imitated:
        return contextlib.nullcontext()
    low: contextlib.AbstractContextManager[Any] = torch.autocast(device.type, getattr(torch, precision))
    return low


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
            kept = self.state.get(name)
            if kept is not None and value.dtype.is_floating_point and kept.shape == value.shape:
                kept.lerp_(value, 1 - decay)
            else:  # counters, and memories that grow with the rows seen
                self.state[name] = value.detach().clone()


def fit(
    model: Model, train: Callable[[int], Rows], score: Callable[[Model], dict[str, float]], settings: Settings,
    folder: Path, augment: Augment | None = None, say: Callable[[str], None] = print,
    tasks: Iterable[str] | None = None,
) -> Progress:  # fmt: skip
    """Train a model and leave its best weights in it.

    Args:
        model: moved to the chosen device and back to the CPU.
        train: epoch number → the rows of that epoch (a fresh sample of them, if one likes); the schedule runs over
            all of them.
        score: measured after each epoch on the validation part; key `score` decides (higher is better), and
            `DIVERGED` ends the run, which keeps the weights it had before.
        settings: see `Settings`.
        folder: checkpoints go here, one a epoch, written whole or not at all; a run found there is continued and ends
            as an unstopped one would.
        augment: changes a training batch, which is on the device by then; see `Augment`.
        say: where progress lines go.
        tasks: those whose weights may be learned; by default all that have labels.

    Raises:
        ConfigError: self-distillation of samples that have one modality only; see also `refuse_memories`.
        DivergedError: the weights or predictions of the first epoch are nan or infinite.
    """
    if settings.self_distillation:
        _check_modalities(train(0))
    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    weighed = (tasks or train(0).labels) if settings.task_weights == "learned" else ()
    run = _Run(model, settings, folder, augment, say, weighed)
    sizes = [run.steps(len(train(epoch))) for epoch in range(settings.epochs)]
    with heap.kept():
        for epoch in range(run.progress.epoch, settings.epochs):
            if run.gave_up():
                break
            started = time.time()
            loss = run.epoch(epoch, train(epoch), sum(sizes[:epoch]), sum(sizes))
            run.validate(score, {"epoch": epoch + 1.0, "loss": loss, "seconds": time.time() - started})
            run.save()
    run.close()
    if not run.progress.best_epoch:
        raise DivergedError(
            "training: expected a model that says numbers after its first epoch, got nan or infinite ones; lower "
            f"training.learning_rate ({settings.learning_rate:g}), or bound the gradients by training.clip = 1.0"
        )
    model.load_state_dict(torch.load(folder / "best.pt", map_location=run.device, weights_only=True))
    model.cpu().eval()
    return run.progress


class _Run:
    """The state of a run between two steps: what a checkpoint holds."""

    def __init__(
        self, model: Model, settings: Settings, folder: Path, augment: Augment | None, say: Callable[[str], None],
        weighed: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self.model, self.settings, self.folder, self.augment = model, settings, folder, augment
        self.device = device_of(settings.device)
        self.group = join(self.device)
        refuse_memories(model, self.group)
        self.say = say if self.group.leads else lambda line: None
        model.to(self.device)
        if settings.init_from and not (folder / "last.pt").exists():  # what is gone on with began there long ago
            start_from(model, Path(settings.init_from), self.say)
        self.phases = list(model.phases())
        self.optimiser = _optimiser(model, settings, self.device)
        # Log-variances of the tasks: beside the model, whose weights are read without them.
        self.spreads = {task: torch.zeros((), device=self.device, requires_grad=True) for task in weighed}
        if self.spreads:
            self.optimiser.add_param_group({"params": list(self.spreads.values()), "weight_decay": 0.0})
        self.rates = [g["lr"] for g in self.optimiser.param_groups]
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "float16")
        self.average = Average(model, settings.average) if settings.average else None
        self.forward = torch.compile(model) if settings.compile else model
        self.progress = Progress()
        if (folder / "last.pt").exists():
            self._resume()
        self.tracker = Tracker(settings.track, folder, settings.model_dump()) if self.group.leads else None

    def _resume(self) -> None:
        state = torch.load(self.folder / "last.pt", map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state.get("scaler", {}))
        for task, spread in self.spreads.items():
            spread.data.copy_(state["spreads"][task])
        if self.average is not None:
            self.average.state = {k: v.to(self.device) for k, v in state["average"].items()}
            self.average.steps = state["steps"]
        self.progress = Progress(**state["progress"])
        # The optimiser's own rates are those of the last step; the schedule sets them anew from `rates`.

    def steps(self, rows: int) -> int:
        """Optimiser steps of an epoch over that many rows."""
        return math.ceil(math.ceil(rows / self.settings.batch) / self.settings.accumulate) * len(self.phases)

    def gave_up(self) -> bool:
        """Whether the run diverged, or the validation score has not improved for `patience` epochs."""
        if self.progress.diverged:
            return True
        waited = self.progress.epoch - self.progress.best_epoch
        return bool(self.settings.patience) and self.progress.epoch > 0 and waited >= self.settings.patience

    def epoch(self, epoch: int, rows: Rows, first: int, total: int) -> float:
        """One pass over the rows per phase, steps `first`… of `total`; the mean loss."""
        losses: list[float] = []
        for number, phase in enumerate(self.phases):
            self.model.phase = phase
            seed = self.settings.seed * 1000 + epoch + 7919 * number
            torch.manual_seed(seed + 104729 * self.group.rank)  # so that a resumed run drops out what an unstopped does
            generator = torch.Generator().manual_seed(seed)
            losses += self._pass(
                epoch, rows, first + number * self.steps(len(rows)) // len(self.phases), total, generator
            )
        return summed(float(np.mean(losses)), self.group, self.device)

    def _pass(self, epoch: int, rows: Rows, first: int, total: int, generator: torch.Generator) -> list[float]:
        s = self.settings
        losses: list[float] = []
        started = told = time.time()
        many = self.steps(len(rows)) // len(self.phases)
        self.model.train()
        draw = batches(rows, s.batch, np.random.default_rng([s.seed, epoch]), s.sampling == "balanced")
        for done, window in enumerate(_windows(draw, s.accumulate), 1):
            share_of_rate = rate(min(first + done - 1, total - 1), total, s.warmup, s.schedule) * self.progress.scale
            for group, base in zip(self.optimiser.param_groups, self.rates, strict=True):
                group["lr"] = base * share_of_rate
            if s.modality_dropout and not s.self_distillation:
                window = [drop_modalities(batch, s.modality_dropout, generator) for batch in window]
            if self.augment:
                window = [self.augment(batch.to(self.device), generator, epoch) for batch in window]
            losses.append(self._step(window, epoch, generator))
            if time.time() - told > _QUIET and done < many:
                told = time.time()
                left = (told - started) / done * (many - done)
                mean = np.mean(losses[-200:])
                self.say(f"epoch {epoch + 1}/{s.epochs} {done / many:4.0%} loss {mean:.3f} {left:.0f} s left")
        return losses

    def _step(self, window: Sequence[FeatureBatch], epoch: int, generator: torch.Generator) -> float:
        """One optimiser step over a window of batches, each weighing as much as its rows; this process' share of the
        loss.
        """
        s, whole, total = self.settings, sum(len(b) for b in window), 0.0
        self.optimiser.zero_grad(set_to_none=True)
        seen: list[tuple[Any, FeatureBatch]] = []
        for batch in window:
            # Drawn for the whole batch, so that every process draws the same.
            less = drop_modalities(batch, s.modality_dropout, generator) if s.self_distillation else None
            part = share(batch, self.group).to(self.device)
            if not len(part):
                continue
            output, loss = self._learn(part, len(part) / whole)
            total += loss
            if less is not None:
                total += self._learn(share(less, self.group).to(self.device), len(part) / whole, output)[1]
            seen.append((output, part))
        self._apply()
        for output, part in seen:
            self.model.after_step(output, part, epoch + 1)
        if self.average:
            self.average.update(self.model)
        return total

    def _learn(self, part: FeatureBatch, weight: float, teacher: Output | None = None) -> tuple[Output, float]:
        """Add the gradients of one reading, which weighs that much in its step; what was read, and the loss."""
        with arithmetic(self.device, self.settings.precision):
            output: Output = self.forward(part)
        spreads = {SPREAD + task: spread for task, spread in self.spreads.items()}
        terms = list(self.model.loss(output, replace(part, labels={**part.labels, **spreads})).values())
        if teacher is not None:
            terms.append(self.settings.self_distillation * distillation(output, teacher))
        loss = torch.stack([t.float().reshape(()) for t in terms]).sum() * weight
        self.scaler.scale(loss).backward()
        return output, float(loss.detach())

    def _apply(self) -> None:
        phase = getattr(self.model, "phase", "all")
        for group in self.optimiser.param_groups:
            if group.get("phase", phase) != phase:
                for parameter in group["params"]:
                    parameter.grad = None
        add_up([*self.model.parameters(), *self.spreads.values()], self.group)
        self.scaler.unscale_(self.optimiser)
        if self.settings.clip:
            cut = torch.nn.utils.clip_grad_norm_ if self.settings.clip_by == "norm" else torch.nn.utils.clip_grad_value_
            cut(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def validate(self, score: Callable[[Model], dict[str, float]], row: dict[str, float]) -> None:
        """Score the weights (their average, where one is kept), and keep them if they are the best."""
        own = {k: v.clone() for k, v in self.model.state_dict().items()}
        if self.average:
            self.model.load_state_dict(self.average.state)
        self.model.eval()
        if row["seconds"] > _QUIET:
            self.say(f"epoch {row['epoch']:.0f}/{self.settings.epochs} trained; now it is scored on validation rows")
        # What is no number is not scored: an arg max of nan is a class like any other.
        finite = all(bool(p.isfinite().all()) for p in self.model.parameters())
        row |= score(self.model) if finite else DIVERGED
        row |= {f"weight_{k}": float((-s.detach()).exp()) for k, s in self.spreads.items()}
        progress = self.progress
        progress.epoch += 1
        progress.history.append(row)
        self.say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
        if self.tracker:
            self.tracker.log(progress.epoch, row)
        if progress.diverged:
            self.say(f"epoch {progress.epoch}: the model diverged, the run ends; a lower learning rate may help")
        better = not progress.diverged and (row["score"] > progress.best or progress.epoch == 1)
        if better:
            progress.best, progress.best_epoch = row["score"], progress.epoch
        if (better or (self.settings.keep == "last" and not progress.diverged)) and self.group.leads:
            save_atomically(self.model.state_dict(), self.folder / "best.pt")
        if self.settings.schedule == "plateau":
            waited = progress.epoch - max(progress.best_epoch, progress.scaled_at)
            if waited >= self.settings.plateau_patience:
                progress.scale, progress.scaled_at = progress.scale * self.settings.plateau_factor, progress.epoch
        self.model.load_state_dict(own)

    def save(self) -> None:
        """The checkpoint, whole or not at all; none of a run that kept no weights, so that others may begin there."""
        if not self.progress.best_epoch:
            return
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "spreads": {task: spread.detach() for task, spread in self.spreads.items()},
            "progress": vars(self.progress),
        }
        if self.average:
            state["average"], state["steps"] = self.average.state, self.average.steps
        if self.group.leads:
            save_atomically(state, self.folder / "last.pt")

    def close(self) -> None:
        """Everything written; the other processes wait for it."""
        if self.tracker:
            self.tracker.close()
        self.group.wait()


def _optimiser(model: Model, settings: Settings, device: torch.device) -> torch.optim.Optimizer:
    groups = model.param_groups(settings.learning_rate, settings.weight_decay)
    fused = device.type in ("cpu", "cuda")
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=fused)


def _windows(batch: Iterator[FeatureBatch], size: int) -> Iterator[list[FeatureBatch]]:
    window: list[FeatureBatch] = []
    for one in batch:
        window.append(one)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window


def _check_modalities(rows: Rows) -> None:
    columns = [rows.values[name] for name in standing(rows.values)]
    here = np.sum([[x is not None for x in column] for column in columns], 0)
    if here.max(initial=0) < 2:
        raise ConfigError(
            "training.self_distillation: expected samples with two modalities or more, found none in the training "
            "part; add an encoder, or leave it out"
        )


def save_atomically(state: Any, path: Path) -> None:
    """Written beside and moved into place: a killed run leaves the old file whole."""
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


@torch.no_grad()
def predict(
    model: Model, rows: Rows, batch: int = 64, device: str = "auto", precision: str = "bfloat16"
) -> dict[str, np.ndarray[Any, Any]]:
    """Every task's raw output and `hidden`, in the rows' own order: {task: (N, …) float32}."""
    place = nearest_device(device)
    model.to(place).eval()
    parts: dict[str, list[np.ndarray[Any, Any]]] = {}
    order: list[np.ndarray[Any, Any]] = []
    for one in batches(rows, batch, None):
        with arithmetic(place, precision):
            output = model(one.to(place))
        assert one.index is not None
        order.append(one.index.numpy())
        found = {**output.tasks, **({} if output.hidden is None else {"hidden": output.hidden})}
        for task, tensor in found.items():
            parts.setdefault(task, []).append(tensor.float().cpu().numpy())
    back = np.argsort(np.concatenate(order))
    return {task: np.concatenate(p)[back] for task, p in parts.items()}
