"""AdaFN-AG: audio and visual trade statistics, text meets each in an attention gate, every modality answers for itself.

Paper: Liu et al. 2024, AdaFN-AG, Intelligent Systems with Applications 23, 200410.
Idea: modalities that run side by side take on a random share of each other's mean and spread while training.
    Text and each of them pass an attention gate: per step, what a BiGRU encoded is kept and what attention found added.
    A head per modality learns a label that is generated for it (ULGM, Self-MM).
Needs: the guide (`text`, frames of a text encoder) and at least one more modality; `batch.index` to generate labels; an
    intensity among the tasks (without one there is the fused reading only). With one it trains in one process
    (memories are not shared between several).
Differs: statistics, recurrences, attention and means see real frames only, where the reference includes padding; a
    single frame varies by 0, not NaN. Of more than two modalities beside text, each takes on the others' average. Text
    comes as frames and is projected. Where the fused position is near 0, labels move by the difference alone.
Reported (table 2; MAE, Acc-2 non0, correlation): MOSI 0.706, 85.06, 0.803; MOSEI 0.529, 85.80, 0.768; SIMS 0.408,
    79.43, 0.607. Gate alone on MOSI: 0.708, 84.45, 0.795.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model, PerModality, PerModalityOrFused, groups_by_modality
from demeanor.layers.adaptive_norm import AdaptiveNorm
from demeanor.layers.attention_gate import AttentionGate
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.masked_attention import MaskedAttention
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.transformer import masked_mean
from demeanor.losses.tasks import task_loss
from demeanor.losses.ulgm import FUSED, GeneratedLabels

FAMILY = "gated"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """Sizes as published for MOSI.

    Attributes:
        guide: the modality that meets every other one.
        width: of the sequences in the gates.
        states: modality → LSTM width (32 unless named).
        own: modality → width of its own head (32 unless named).
        mix: greatest share of the others' statistics: 0.2 in the reference, the paper prefers 0.3; 0 leaves them out.
        where: whether they are traded on the features as they come in (reference) or once encoded (the paper's figure).
        raw_attention: the reference's self-attention over the features as they come in.
        bound: the end of the intensity's scale; None takes the largest label seen.
        dropouts: modality, or `fused`, → dropout before its head.
        rates: modality → factor on the learning rate of its LSTM, 5 unless named; `decays` on the weight decay.
        least_weight: the least weight of a row in a modality's own loss; 0 as published: silent until its label moves.
    """

    guide: str = "text"
    width: int = 32
    states: PerModality[int] = Field(default_factory=lambda: {"audio": 16})
    own: PerModality[int] = Field(default_factory=lambda: {"audio": 16})
    fused: int = 128
    heads: int = 2
    dropouts: PerModalityOrFused[float] = Field(default_factory=lambda: {"text": 0.1, "audio": 0.1})
    gate_dropout: float = 0.1
    mix: float = Field(default=0.2, ge=0.0, le=1.0)
    where: Literal["input", "encoded"] = "input"
    raw_attention: bool = True
    bound: float | None = None
    rates: PerModality[float] = Field(default_factory=dict)
    decays: PerModality[float] = Field(default_factory=dict)
    least_weight: float = 0.0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "mosi": {},
    "mosei": {"dropouts": {FUSED: 0.1}} | {"rates": {"visual": 0.1}, "decays": {"audio": 0.1, "visual": 0.1}},
    "sims": {"states": {"audio": 16, "visual": 64}, "own": {"text": 64, "audio": 16}}
    | {"decays": {"audio": 10.0, "visual": 10.0}},
    "tiny": {
        "width": 16,
        "fused": 32,
        "dropouts": {},
        "gate_dropout": 0.0,
        "mix": 0.05,
        "least_weight": 0.1,
    },
}


class Regressor(nn.Module):
    """Two layers with ReLU; what the first gives is the feature by which labels are generated."""

    def __init__(self, dim: int, width: int, dropout: float, tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.drop = Dropout(dropout)
        self.first, self.second = nn.Linear(dim, width), nn.Linear(width, width)
        self.heads = TaskHeads(width, tasks)

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """(B, D) → tasks, feature (B, W), last hidden vector (B, W)."""
        feature = F.relu(self.first(self.drop(x)))
        hidden = F.relu(self.second(feature))
        return self.heads(hidden), feature, hidden


class AdafnAg(Model):
    """Reads the guide and any number of other sequences (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.targets = [m for m in config.dims if m != config.guide]
        if config.guide not in config.dims or not self.targets:
            raise ConfigError(
                f"adafn_ag needs '{config.guide}' (the guide) and at least one more modality, got "
                f"{', '.join(config.dims)}; name both in dims, or another guide"
            )
        width = config.width
        self.norm = AdaptiveNorm(config.mix)
        raw = config.dims if config.raw_attention else {}
        self.raw = nn.ModuleDict({m: MaskedAttention(raw[m], 1) for m in self.targets if m in raw})
        states = {m: config.states.get(m, 32) for m in self.targets}
        self.recurrent = nn.ModuleDict({m: MaskedLstm(config.dims[m], states[m]) for m in self.targets})
        self.project = nn.ModuleDict(
            {m: nn.Linear(states.get(m, dim), width) for m, dim in config.dims.items()},
        )
        self.gates = nn.ModuleDict(
            {m: AttentionGate(width, config.heads, config.gate_dropout, config.gate_dropout) for m in self.targets}
        )
        self.fusion = Regressor(width * len(config.dims), config.fused, config.dropouts.get(FUSED, 0.0), config.tasks)
        self.own, self.labels = nn.ModuleDict(), None
        intensity = next((t for t, size in config.tasks.items() if size == 1), None)
        if intensity is not None:
            widths = {m: config.own.get(m, 32) for m in config.dims}
            self.own = nn.ModuleDict(
                {m: Regressor(width, w, config.dropouts.get(m, 0.0), {intensity: 1}) for m, w in widths.items()}
            )
            self.labels = GeneratedLabels(widths, config.fused, intensity, config.bound)

    def encode(self, batch: FeatureBatch, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every modality as steps (B, T, W): statistics traded, LSTM or projection."""
        x = {m: batch.values[m].masked_fill(~mask[..., None], 0.0) for m, mask in masks.items()}
        found = {m: x[m] for m in self.targets}
        there = {m: masks[m] for m in self.targets}
        if self.config.where == "input":
            found = self.norm(found, there)
        for m, attention in self.raw.items():
            found[m] = attention(found[m], found[m], found[m], masks[m])
        found = {m: self.project[m](self.recurrent[m](v, masks[m])[0]) for m, v in found.items()}
        if self.config.where == "encoded":
            found = self.norm(found, there)
        return {self.config.guide: self.project[self.config.guide](x[self.config.guide]), **found}

    def forward(self, batch: FeatureBatch) -> Output:
        """The fused reading; each modality's own in `extra["own"]`, their features in `extra["features"]`."""
        guide = self.config.guide
        masks = {m: batch.mask(m) for m in self.config.dims}
        steps = self.encode(batch, masks)
        gated = {m: gate(steps[guide], steps[m], masks[guide], masks[m]) for m, gate in self.gates.items()}
        means = {m: masked_mean(x, masks[m]) for m, (_, x) in gated.items()}
        text = torch.cat([x for x, _ in gated.values()], 1)
        means[guide] = masked_mean(text, masks[guide].repeat(1, len(gated)))
        tasks, feature, hidden = self.fusion(torch.cat([means[m] for m in self.config.dims], 1))
        own, features = {}, {FUSED: feature}
        for m, head in self.own.items():
            read, features[m], _ = head(means[m])
            own[m] = next(iter(read.values()))
        return Output(tasks, hidden, {"own": own, "features": features})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task, and while training each modality's own generated label."""
        terms = {"task": task_loss(output.tasks, batch.labels)}
        if self.labels is not None and self.training and self.labels.task in batch.labels:
            terms["own"] = self.labels.loss(output.extra["own"], batch, self.config.least_weight)
        return terms

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """Labels, features and centres of the rows just seen."""
        if self.labels is not None and self.labels.task in batch.labels:
            self.labels.update(output.extra["features"], batch, epoch)

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """The LSTMs at rates and decays of their own, then the rest; biases do not decay."""
        rates = {m: self.config.rates.get(m, 5.0) for m in self.targets}
        return groups_by_modality(self, self.recurrent, rates, self.config.decays, learning_rate, weight_decay)


MODEL = AdafnAg
