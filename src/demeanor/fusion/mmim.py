"""MMIM: fusion must not lose what the modalities tell of each other, measured as mutual information.

Paper: Han et al. 2021, … Fusion with Hierarchical Mutual Information Maximization, EMNLP (arXiv 2109.00412).
Idea: a lower bound (Barber-Agakov) of what text and each other modality share is raised, and each modality must be
    found again in the batch from the fused vector (contrastive predictive coding), so fusion keeps what was there.
    An epoch passes the data twice: first the bound's own networks are fitted, then all the rest.
Needs: text (or another centre) and at least one more modality; batches of a few dozen rows for entropies.
Differs: the bound is a true Gaussian likelihood (the reference leaves out its normaliser, so that infinite variance is
    best: `normaliser = false`). Entropies count where a class has enough rows for its covariance, which is made
    regular; they are those of a fixed random projection, as in the reference, where it is never trained either. A
    batch's negatives are other samples' predictions for a fixed vector. Rows that lack a modality take no part in its
    terms. Gradients of the first pass stop at the encoders.
Reported (table 2; Acc-2 has0/non0, Acc-7, MAE, correlation): MOSI 84.14/86.06, 46.65, .700, .800; MOSEI 82.24/85.97,
    54.24, .526, .772 (its code chose epochs by test error). Re-run by the authors of AdaFN-AG (Acc-2 non0, MAE,
    correlation): MOSI 83.99, .751, .782; MOSEI 83.57, .565, .742; SIMS (Acc-2) 76.81, .449, .520.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.sequence_vector import FinalState, Pool, pooled
from demeanor.losses.tasks import task_loss

FAMILY = "information"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """Sizes and weights as in the released code.

    Attributes:
        text: the centre, from which the others are predicted.
        lstm: width of the others' LSTMs per direction; `out` of their vectors.
        width: of the fused vector.
        dropout: on the LSTMs' states, and before fusion.
        contrast: α, the weight of contrastive predictive coding; `bound`: β, of the mutual information.
        all_pairs: also bound the information between the modalities around the centre.
        normaliser: whether the likelihood counts its variance.
    """

    text: str = "text"
    lstm: int = 16
    out: int = 16
    bidirectional: bool = True
    width: int = 128
    dropout: float = 0.1
    pool: Pool = "mean"
    contrast: float = 0.1
    bound: float = 0.1
    all_pairs: bool = False
    normaliser: bool = True


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"lstm": 8, "out": 8, "width": 16, "dropout": 0.0, "contrast": 0.02, "bound": 0.02},
    "mosi": {"pool": "first", "contrast": 0.3},
    "mosei": {"pool": "first", "bound": 0.05},
    "sims": {"pool": "first"},
}


class GaussianBound(nn.Module):
    """The Barber-Agakov bound I(x; y) ≥ E log q(y|x) + H(y), with q(y|x) = N(μ(x), diag σ²(x))."""

    def __init__(self, given: int, told: int, normaliser: bool = True) -> None:
        super().__init__()
        self.normaliser = normaliser
        self.mean, self.log_variance = (
            nn.Sequential(nn.Linear(given, told), nn.ReLU(), nn.Linear(told, told)) for _ in range(2)
        )
        small = max(1, told // 4)
        self.register_buffer("projection", torch.randn(told, small) / math.sqrt(told))

    def likelihood(self, x: Tensor, y: Tensor, learn: bool) -> Tensor:
        """E log q(y|x) of (N, D) and (N, E): () scalar. `learn` teaches q alone, else q stands and x and y learn."""
        x, y = x.float(), y.float()  # whatever the forward pass ran in
        if learn:
            x, y = x.detach(), y.detach()
        mean, log_variance = (self._through(net, x, learn) for net in (self.mean, self.log_variance))
        return gaussian_log_likelihood(y, mean, log_variance, self.normaliser)

    def project(self, y: Tensor) -> Tensor:
        """(N, E) → (N, E/4), small enough for a covariance from one batch."""
        return (y.float() @ self.projection).tanh()

    def _through(self, net: nn.Module, x: Tensor, learn: bool) -> Tensor:
        if learn:
            return net(x)
        still = {name: p.detach() for name, p in net.named_parameters()}
        found: Tensor = functional_call(net, still, (x,))
        return found


def gaussian_log_likelihood(y: Tensor, mean: Tensor, log_variance: Tensor, normaliser: bool = True) -> Tensor:
    """Mean over rows of Σ_k log N(y_k; μ_k, σ_k²): (N, K) each → () scalar; 0 for no rows.

    Without the normaliser only -(y - μ)²/2σ² is left, as in the reference.
    """
    each = -(y - mean).square() / (2 * log_variance.exp())
    if normaliser:
        each = each - 0.5 * (log_variance + math.log(2 * math.pi))
    return each.sum(1).sum() / max(1, len(y))


def gaussian_entropy(rows: Tensor, ridge: float = 1e-4) -> Tensor:
    """½ log det Σ of (N, K): a Gaussian's entropy but for its constant (K/2)(1 + ln 2π)."""
    centred = rows - rows.mean(0)
    covariance = centred.T @ centred / len(rows)
    return 0.5 * torch.logdet(covariance + ridge * torch.eye(rows.shape[1], device=rows.device))


def predictive_coding(predicted: Tensor, vectors: Tensor) -> Tensor:
    """Mean of logsumexp_j s_ij - s_ii with s_ij = cos(h_i, ẑ_j): (N, D) twice → () scalar; 0 for no rows.

    The vector h_i stays, the predictions ẑ_j of the batch compete for it.
    """
    if not len(vectors):
        return vectors.new_zeros(())
    scores = F.normalize(vectors.float(), dim=1) @ F.normalize(predicted.float(), dim=1).T
    return (scores.logsumexp(1) - scores.diagonal()).mean()


class Mmim(Model):
    """Reads a centre and at least one more sequence (B, T, D); `extra` holds each one's vector and presence."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        if config.text not in config.dims or len(config.dims) < 2:
            raise ConfigError(
                f"mmim relates '{config.text}' to at least one other modality; got {', '.join(config.dims)}. "
                "Name the centre with text = …"
            )
        self.config, self.names = config, list(config.dims)
        others = [m for m in self.names if m != config.text]
        self.read = nn.ModuleDict(
            {
                m: FinalState(config.dims[m], config.lstm, config.out, config.dropout, config.bidirectional)
                for m in others
            }
        )
        outs = {m: config.dims[m] if m == config.text else config.out for m in self.names}
        self.drop = Dropout(config.dropout)
        self.fuse = nn.Sequential(
            nn.Linear(sum(outs.values()), config.width), nn.Tanh(), nn.Linear(config.width, config.width), nn.Tanh()
        )
        self.heads = TaskHeads(config.width, config.tasks)
        self.pairs = [(config.text, m) for m in others] + (list(combinations(others, 2)) if config.all_pairs else [])
        self.bounds = nn.ModuleDict(
            {f"{x}_{y}": GaussianBound(outs[x], outs[y], config.normaliser) for x, y in self.pairs}
        )
        self.predict = nn.ModuleDict({m: nn.Linear(config.width, outs[m]) for m in self.names})
        self._memory: dict[str, list[Tensor]] = {}

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks."""
        vectors = {m: self.vector(m, batch) for m in self.names}
        hidden = self.fuse(self.drop(torch.cat(list(vectors.values()), 1)))
        there = {m: batch.mask(m).any(1) for m in self.names}
        return Output(self.heads(hidden), hidden, {"vectors": vectors, "there": there})

    def vector(self, name: str, batch: FeatureBatch) -> Tensor:
        """A modality as one vector, zeros where it is missing."""
        values, mask = batch.values[name], batch.mask(name)
        if name == self.config.text:
            return pooled(values, mask, self.config.pool)
        found: Tensor = self.read[name](values, mask)
        return found

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """In phase `bound` minus the likelihood; else the task, the contrast, and minus the bound."""
        if self.phase == "bound":
            self._memory.clear()  # a new epoch
            return {"bound": -self.likelihood(output, learn=True)}
        c, vectors, there = self.config, output.extra["vectors"], output.extra["there"]
        assert output.hidden is not None
        hidden = output.hidden.float()
        found = [predictive_coding(self.predict[m](hidden)[rows], vectors[m][rows]) for m, rows in there.items()]
        # I(x; y) ≥ E log q(y|x) + H(y), the bound of Barber and Agakov.
        told = self.likelihood(output, learn=False) + self.entropy(output, batch)
        return {
            "task": task_loss(output.tasks, batch.labels),
            "contrast": c.contrast * torch.stack(found).sum(),
            "bound": -c.bound * told,
        }

    def likelihood(self, output: Output, learn: bool) -> Tensor:
        """Sum over pairs of E log q(y|x), over the rows that have both."""
        vectors, there = output.extra["vectors"], output.extra["there"]
        found = []
        for x, y in self.pairs:
            rows = there[x] & there[y]
            found.append(self.bounds[f"{x}_{y}"].likelihood(vectors[x][rows], vectors[y][rows], learn))
        return torch.stack(found).sum()

    def entropy(self, output: Output, batch: FeatureBatch) -> Tensor:
        """Sum over pairs of H(y), the mean over classes of a Gaussian's entropy; this batch and the one before it."""
        total = batch.values[self.names[0]].new_zeros((), dtype=torch.float32)
        for groups in self._projected(output, batch).values():
            enough = [g for g in groups if len(g) >= g.shape[1] + 2]
            if enough:
                total = total + torch.stack([gaussian_entropy(g) for g in enough]).mean()
        return total

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """Remember this batch's projections, by class, for the next batch's entropies."""
        if self.phase != "bound":
            self._memory.clear()
            self._memory |= {p: [g.detach() for g in groups] for p, groups in self._projected(output, batch).items()}

    def _projected(self, output: Output, batch: FeatureBatch) -> dict[str, list[Tensor]]:
        vectors, there = output.extra["vectors"], output.extra["there"]
        found = {}
        for x, y in self.pairs:
            projected = self.bounds[f"{x}_{y}"].project(vectors[y])
            groups = [projected[rows & there[y]] for rows in classes(output, batch)]
            if before := self._memory.get(f"{x}_{y}"):
                groups = [torch.cat(both) for both in zip(groups, before, strict=True)]
            found[f"{x}_{y}"] = groups
        return found

    def phases(self) -> Iterator[str]:
        """First the bound's networks over all the data, then the rest."""
        yield "bound"
        yield "fusion"

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """The bound's networks are stepped in their own phase."""
        groups = []
        own = {id(p) for p in self.bounds.parameters()}
        for phase, chosen in (("bound", True), ("fusion", False)):
            for wide, decay in ((True, weight_decay), (False, 0.0)):
                params = [p for p in self.parameters() if (id(p) in own) == chosen and (p.ndim > 1) == wide]
                groups.append({"params": params, "lr": learning_rate, "weight_decay": decay, "phase": phase})
        return groups


def classes(output: Output, batch: FeatureBatch) -> list[Tensor]:
    """Rows (B,) bool of each class of the first labelled task: above and below zero, or the likeliest class."""
    task = next((t for t in output.tasks if t in batch.labels), None)
    if task is None:
        return []
    label = batch.labels[task]
    if label.ndim == 1:
        return [label > 0, label < 0]
    known = ~label.isnan().any(1)
    return [known & (label.nan_to_num().argmax(1) == k) for k in range(label.shape[1])]


MODEL = Mmim
