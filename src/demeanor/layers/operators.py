"""The algebra of fusion: M vectors, some of them missing, become one (Baltrušaitis et al. 2019, section 5).

Every operator takes a list of M vectors (B, D_m) and their presence (B, M), and gives (B, out), again a vector, so
operators nest. Each has a neutral way with a missing vector, whatever lies there; with nothing present it gives zeros
(`Product` ones, `TensorProduct` the 1 of its corner, `LowRank` what its ones give).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from demeanor.errors import ConfigError

Weighting = Literal["fixed", "learned", "dynamic"]


def refuse_weights(weights: Mapping[str, float], names: Collection[str], mode: Weighting = "fixed") -> None:
    """Refuse weights that would count for nothing, or against what they weigh.

    Args:
        weights: name → weight, as set.
        names: what may be weighed: modalities, tasks or losses.
        mode: in which weights are taken as given only where they are `fixed`.

    Raises:
        ConfigError: an unknown name, a weight that is negative or not finite, nothing but zeros, or weights beside a
            mode that finds its own.
    """
    if unknown := sorted(set(weights) - set(names)):
        raise ConfigError(f"weights: expected some of {', '.join(names)}, got {', '.join(unknown)}; name those")
    if wrong := [m for m, w in weights.items() if not 0 <= w < math.inf]:
        raise ConfigError(
            f"weights: expected a number, 0 (leave out) or more of {wrong[0]}, got {weights[wrong[0]]}; give another"
        )
    if set(weights) == set(names) and not any(weights.values()):
        raise ConfigError(f"weights: expected one above 0, got 0 of all, {', '.join(names)}; give one of them another")
    if weights and mode != "fixed":
        raise ConfigError(
            f'weights: expected none beside "{mode}" ones, got {dict(weights)}; take "fixed", or no weights'
        )


def kept(vectors: Sequence[Tensor], present: Tensor) -> list[Tensor]:
    """The vectors, zeros where missing; torch.where, so that not even a NaN of a missing vector gets through."""
    return [torch.where(present[:, i : i + 1], v, torch.zeros_like(v)) for i, v in enumerate(vectors)]


def one_width(dims: Sequence[int]) -> int:
    """The width all vectors share.

    Raises:
        ConfigError: they differ; project them to a common width first.
    """
    if len(set(dims)) != 1:
        raise ConfigError(f"expected vectors of one width, got {list(dims)}; project them to one width first")
    return dims[0]


class Concat(nn.Module):
    """[h_1; …; h_M], zeros where missing."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.out = sum(dims)

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D_m), (B, M) → (B, ΣD_m)."""
        return torch.cat(kept(vectors, present), 1)


class Sum(nn.Module):
    """Σ p_m h_m."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.out = one_width(dims)

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D), (B, M) → (B, D)."""
        return torch.stack(kept(vectors, present), 1).sum(1)


class Mean(Sum):
    """Σ p_m h_m / Σ p_m."""

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D), (B, M) → (B, D)."""
        return super().forward(vectors, present) / present.sum(1, keepdim=True).clamp(min=1)


class Max(nn.Module):
    """Elementwise maximum over the present; a missing vector counts as -inf and is never taken."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.out = one_width(dims)

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D), (B, M) → (B, D)."""
        best = torch.stack(list(vectors), 1).masked_fill(~present[..., None], -math.inf).amax(1)
        return torch.where(present.any(1, keepdim=True), best, torch.zeros_like(best))


class Weighted(nn.Module):
    """Σ w_m h_m; the weights of those present sum to 1.

    Args:
        dims: widths, all the same.
        mode: `fixed` weights, in proportion to those given; `learned`, a softmax of free logits; `dynamic`, a softmax
            of one small network's score of each vector.
        weights: for `fixed`, one per vector, none negative; equal unless given.
    """

    def __init__(
        self, dims: Sequence[int], mode: Weighting = "learned", weights: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        self.out, self.mode = one_width(dims), mode
        given = [1.0] * len(dims) if weights is None else list(weights)
        if len(given) != len(dims) or min(given) < 0:
            raise ConfigError(f"expected {len(dims)} weights, none negative, got {given}; give one per modality")
        if mode == "fixed":
            self.register_buffer("given", torch.tensor(given))
        elif mode == "learned":
            self.logits = nn.Parameter(torch.zeros(len(dims)))
        else:  # no bias at the end: a softmax does not see what all scores share
            self.score = nn.Sequential(nn.Linear(self.out, self.out), nn.Tanh(), nn.Linear(self.out, 1, bias=False))

    def weights(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """(B, M): 0 where missing, else summing to 1."""
        there = present.to(vectors[0].dtype)
        if self.mode == "fixed":
            raw = self.given * there
        else:
            stacked = torch.stack(kept(vectors, present), 1)
            logits = self.logits.expand_as(there) if self.mode == "learned" else self.score(stacked)[..., 0]
            raw = logits.masked_fill(~present, -1e4).softmax(1) * there
        return raw / raw.sum(1, keepdim=True).clamp(min=1e-12)

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D), (B, M) → (B, D)."""
        stacked = torch.stack(kept(vectors, present), 1)
        return (self.weights(vectors, present)[..., None] * stacked).sum(1)


class Product(nn.Module):
    """⊙ h_m, elementwise; a missing vector is the factor 1.

    Args:
        dims: widths, all the same.
        squash: tanh before.
        soften: multiply 1 + h_m, so that one small vector does not silence the others.
    """

    def __init__(self, dims: Sequence[int], squash: bool = False, soften: bool = False) -> None:
        super().__init__()
        self.out, self.squash, self.soften = one_width(dims), squash, soften

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D), (B, M) → (B, D)."""
        result = torch.ones_like(vectors[0])
        for number, vector in enumerate(vectors):
            factor = torch.tanh(vector) if self.squash else vector
            factor = factor + 1 if self.soften else factor
            result = result * torch.where(present[:, number : number + 1], factor, torch.ones_like(factor))
        return result


class Gated(nn.Module):
    """g ⊙ h_1 + (1 - g) ⊙ h_2 with g = σ(W [h_1; h_2]) (Arevalo et al. 2017), for any number of vectors.

    With M vectors the gates are a softmax over the vectors, per feature; the last one's logits are 0, which for two is
    exactly the formula above. Those missing get no gate: a vector alone passes unchanged.
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.out, self.count = one_width(dims), len(dims)
        self.gate = nn.Linear(self.out * self.count, self.out * (self.count - 1)) if self.count > 1 else None

    def gates(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """(B, M, D): 0 where missing, else summing to 1 over the vectors."""
        known = kept(vectors, present)
        last = torch.zeros_like(known[0])[:, None]
        logits = last
        if self.gate is not None:
            free = self.gate(torch.cat(known, 1)).unflatten(1, (self.count - 1, self.out))
            logits = torch.cat([free, last.to(free.dtype)], 1)
        there = present[..., None]
        return logits.masked_fill(~there, -1e4).softmax(1) * there.to(logits.dtype)

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D), (B, M) → (B, D)."""
        return (self.gates(vectors, present) * torch.stack(kept(vectors, present), 1)).sum(1)


class TensorProduct(nn.Module):
    """[1; h_1] ⊗ … ⊗ [1; h_M], flattened, the last vector's index fastest (Zadeh et al. 2017, section 4.2).

    A missing vector counts as 0, so exactly the interactions of the others are left.
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.out = math.prod(d + 1 for d in dims)

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D_m), (B, M) → (B, Π(D_m + 1))."""
        first, *others = with_one(vectors, present)
        for other in others:
            first = (first[:, :, None] * other[:, None, :]).flatten(1)
        return first


class LowRank(nn.Module):
    """Σ_k ω_k Π_m ([1; h_m] W_m^k) + b: a linear layer on `TensorProduct` whose weights have rank r (Liu et al. 2018).

    Args:
        dims: widths D_m.
        out: width of the result.
        rank: r; the factors W_m are (r, D_m + 1, out).
    """

    def __init__(self, dims: Sequence[int], out: int, rank: int) -> None:
        super().__init__()
        self.out = out
        self.factors = nn.ParameterList(nn.init.xavier_normal_(torch.empty(rank, d + 1, out)) for d in dims)
        self.mix = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, rank)))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """M × (B, D_m), (B, M) → (B, out)."""
        ones = with_one(vectors, present)
        product = ones[0] @ self.factors[0]  # (r, B, out)
        for vector, factor in zip(ones[1:], list(self.factors)[1:], strict=True):
            product = product * (vector @ factor)
        return (self.mix[0][:, None, None] * product).sum(0) + self.bias


def with_one(vectors: Sequence[Tensor], present: Tensor) -> list[Tensor]:
    """[1; h_m] for every vector, [1; 0] where missing."""
    return [torch.cat([torch.ones_like(v[:, :1]), v], 1) for v in kept(vectors, present)]
