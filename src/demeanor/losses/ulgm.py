"""Generated labels: what each modality alone would be labelled, guessed from where its features lie (ULGM).

Paper: Yu et al. 2021, Self-MM, AAAI (arXiv 2102.04830), section 3.4 and algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError, DataError
from demeanor.losses.tasks import largest

FUSED = "fused"
SMALL = 1e-3


def proposal(own: Tensor, fused: Tensor, label: Tensor, bound: float) -> Tensor:
    """`½ (δ_s/δ_m) y_m + ½ (y_m + δ_s − δ_m)`, within ±bound: (B,).

    Args:
        own: δ_s (B,), where the modality's feature lies between the centres.
        fused: δ_m (B,), where the fused one does. Near 0 it has no ratio to offer; the difference alone then counts.
        label: y_m (B,).
        bound: the end of the scale.
    """
    flat = fused.abs() < SMALL
    ratio = own / torch.where(flat, torch.ones_like(fused), fused) * label
    shift = label + own - fused
    return torch.where(flat, shift, 0.5 * ratio + 0.5 * shift).clamp(-bound, bound)


def position(features: Tensor, centres: Tensor) -> Tensor:
    """`δ = (D⁻ − D⁺) / D⁺` of features (B, D), by their distances from centres (2, D), negative and positive: (B,)."""
    negative, positive = (torch.linalg.vector_norm(features - c, dim=1) for c in centres)
    return (negative - positive) / (positive + 1e-8)


class GeneratedLabels(nn.Module):
    """A label per training row and modality, kept as buffers, drifting from the common one.

    Rows are told apart by `batch.index`; the memory grows as rows come, and loading takes its size from what is loaded.

    Args:
        widths: feature width of every modality.
        fused: of the fused feature.
        task: the intensity that is generated.
        bound: the end of its scale: 3 for MOSI's own; None takes the largest label seen.
    """

    def __init__(self, widths: Mapping[str, int], fused: int, task: str, bound: float | None) -> None:
        super().__init__()
        self.task, self.bound = task, bound
        self.modalities = list(widths)
        for name, width in {**widths, FUSED: fused}.items():
            self.register_buffer(f"labels_{name}", torch.full((0,), torch.nan))
            self.register_buffer(f"features_{name}", torch.zeros(0, width))
            # NaN until there is a row of that sign: then no position, and no label is moved.
            self.register_buffer(f"centres_{name}", torch.full((2, width), torch.nan))

    def of(self, modality: str, batch: FeatureBatch) -> Tensor:
        """The modality's labels of a batch of training rows (B,): the common one for rows not yet seen."""
        common, index = batch.labels[self.task], batch.index
        memory = self.get_buffer(f"labels_{modality}")
        if index is None or not len(memory):
            return common
        known = memory[index.clamp(max=len(memory) - 1)]
        return torch.where((index < len(memory)) & ~known.isnan(), known, common)

    def loss(self, own: Mapping[str, Tensor], batch: FeatureBatch, least: float = 0.0) -> Tensor:
        """`Σ_s mean( tanh|y_s − y_m| · |ŷ_s − y_s| )` over the rows that have a label and the modality: ().

        Args:
            own: modality → prediction (B,).
            batch: training rows.
            least: the least weight of a row; 0 as published.
        """
        common = batch.labels[self.task]
        rows = batch.labels.get("weight", torch.ones_like(common))
        total = common.new_zeros(())
        for name, predicted in own.items():
            there = ~common.isnan() & batch.mask(name).any(1)
            target, base = torch.nan_to_num(self.of(name, batch)), torch.nan_to_num(common)
            weight = torch.tanh((target - base).abs()).clamp(min=least) * there * rows
            total = total + (weight * (predicted.float() - target).abs()).sum() / (there * rows).sum().clamp(min=1e-6)
        return total

    @torch.no_grad()
    def update(self, features: Mapping[str, Tensor], batch: FeatureBatch, epoch: int) -> None:
        """After a step: this batch's labels move by the old centres, then its features and the centres are renewed.

        Args:
            features: modality, and `FUSED`, → features (B, D).
            batch: training rows.
            epoch: from 1; the first leaves all labels as they are.

        Raises:
            ConfigError: a label lies beyond the bound: what is generated would be cut to another scale than its own.
            DataError: the batch has no row numbers.
        """
        end = largest(batch.labels[self.task])
        if self.bound is not None and end > self.bound + SMALL:
            raise ConfigError(
                f"generated labels: expected '{self.task}' within ±{self.bound:g}, got {end:.3g}; set the model's "
                "bound to the end of the scale, or leave it out"
            )
        if batch.index is None:
            raise DataError("generated labels belong to rows, but the batch has no index; give FeatureBatch.index")
        self._grow(int(batch.index.max()) + 1)
        labels = {m: self.of(m, batch) for m in self.modalities}
        if epoch > 1:
            labels = {m: self._moved(m, y, features, batch, epoch) for m, y in labels.items()}
        labels[FUSED] = batch.labels[self.task]
        for name, label in labels.items():
            self._remember(name, label, features[name].detach(), batch)

    def _moved(self, name: str, label: Tensor, features: Mapping[str, Tensor], batch: FeatureBatch, n: int) -> Tensor:
        """The momentum rule of epoch n: `(n−1)/(n+1) · y_s + 2/(n+1) · ỹ_s`."""
        own = position(features[name].detach().float(), self.get_buffer(f"centres_{name}"))
        fused = position(features[FUSED].detach().float(), self.get_buffer(f"centres_{FUSED}"))
        bound = largest(self.get_buffer(f"labels_{FUSED}")) if self.bound is None else self.bound
        new = proposal(own, fused, batch.labels[self.task], bound)
        return torch.where(new.isnan(), label, (n - 1) / (n + 1) * label + 2 / (n + 1) * new)

    def _remember(self, name: str, label: Tensor, feature: Tensor, batch: FeatureBatch) -> None:
        assert batch.index is not None
        there = ~batch.labels[self.task].isnan()
        if name != FUSED:
            there = there & batch.mask(name).any(1)
        labels, features = self.get_buffer(f"labels_{name}"), self.get_buffer(f"features_{name}")
        labels[batch.index[there]] = label[there].to(labels.dtype)
        features[batch.index[there]] = feature[there].to(features.dtype)
        centres = self.get_buffer(f"centres_{name}")
        for row, of_sign in enumerate((labels < 0, labels > 0)):
            if of_sign.any():  # else the previous centre stays
                centres[row] = features[of_sign].mean(0)

    def _grow(self, rows: int) -> None:
        for name in (*self.modalities, FUSED):
            for kind, empty in (("labels", torch.nan), ("features", 0.0)):
                old = self.get_buffer(f"{kind}_{name}")
                if rows > len(old):
                    more = old.new_full((rows - len(old), *old.shape[1:]), empty)
                    setattr(self, f"{kind}_{name}", torch.cat([old, more]))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name, old in list(self.named_buffers(recurse=False)):
            new = state_dict.get(prefix + name)
            if new is not None and new.shape[1:] == old.shape[1:] and new.ndim:
                setattr(self, name, old.new_empty(new.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
