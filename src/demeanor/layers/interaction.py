"""UMDF's parts: aligned frames of every modality, their interaction (MCIM), and the integration of frames (DFIM).

Paper: Li et al. 2024, A Unified Self-Distillation Framework for Multimodal Sentiment Analysis with Uncertain Missing
Modalities, AAAI 38(9), doi 10.1609/aaai.v38i9.28871. The equations are this project's reconstruction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.layers.cross_attention import CrossBlock
from demeanor.layers.joint_sequence import sinusoids
from demeanor.layers.pooling import steps


def resample(x: Tensor, mask: Tensor, length: int) -> Tensor:
    """Each sample's real steps, pooled to `length` frames as adaptive average pooling does: (B, T, D) → (B, L, D).

    Frame j is the mean of the real steps from ⌊j·n/L⌋ to ⌈(j+1)·n/L⌉, n being their number; fewer steps than frames
    repeat. A sample without a real step gives zeros.
    """
    count = mask.sum(1)[:, None]
    frame = torch.arange(length, device=x.device)
    start = torch.div(frame * count, length, rounding_mode="floor")[..., None]
    end = torch.div((frame + 1) * count + length - 1, length, rounding_mode="floor")[..., None]
    place = torch.arange(x.shape[1], device=x.device)
    taken = ((place >= start) & (place < end)).to(x.dtype)
    return (taken / taken.sum(2, keepdim=True).clamp(min=1)) @ x


@dataclass(frozen=True)
class Heard:
    """What the modalities of a batch say where some are missing.

    Attributes:
        queries: per modality (B, L, D); its learned "missing" vector in every frame where it is absent.
        keys: per modality (B, L + 1, D): its frames, and that vector.
        masks: per modality (B, L + 1) bool: the frames only where it is present, the vector always.
    """

    queries: list[Tensor]
    keys: list[Tensor]
    masks: list[Tensor]


class Frames(nn.Module):
    """Sequences of any lengths → as many frames of every modality: convolved over 3 steps, pooled, with positions.

    Args:
        dims: modality → width of its steps.
        width: of the frames.
        length: how many frames.
    """

    def __init__(self, dims: Mapping[str, int], width: int, length: int) -> None:
        super().__init__()
        if len(dims) < 2:
            raise ConfigError(f"modalities interact: expected two or more in dims, got {list(dims)}; name another")
        self.names, self.length = list(dims), length
        self.convolve = nn.ModuleDict({m: nn.Conv1d(dim, width, 3, padding=1) for m, dim in dims.items()})
        self.missing = nn.ParameterDict({m: nn.Parameter(torch.randn(width) * 0.02) for m in dims})
        self.register_buffer("places", sinusoids(torch.arange(length), width), persistent=False)

    def read(self, batch: FeatureBatch) -> tuple[list[Tensor], Tensor]:
        """→ frames (B, L, D) per modality, and which are there (B, M)."""
        frames, here = [], []
        for name in self.names:
            x, mask = steps(batch, name)
            x = self.convolve[name](x.transpose(1, 2)).transpose(1, 2)
            frames.append(resample(x, mask, self.length) + self.places.to(x.dtype))
            here.append(mask.any(1))
        return frames, torch.stack(here, 1)

    def hear(self, frames: list[Tensor], here: Tensor) -> Heard:
        """The frames (B, L, D) of each modality as they are where only those of `here` (B, M) are present."""
        queries, keys, masks = [], [], []
        for n, (name, x) in enumerate(zip(self.names, frames, strict=True)):
            nothing = self.missing[name].expand(x.shape[0], 1, -1)
            present = here[:, n, None]
            queries.append(torch.where(present[..., None], x, nothing + self.places.to(x.dtype)))
            keys.append(torch.cat([x, nothing], 1))
            masks.append(torch.cat([present.expand(-1, self.length), torch.ones_like(present)], 1))
        return Heard(queries, keys, masks)


class Mcim(nn.Module):
    """Multi-grained cross-modal interaction: each modality hears all others at once, then each of them apart.

    Args:
        count: number of modalities.
        dim: width of the frames.
        heads: of every attention.
        dropout: within the blocks.
    """

    def __init__(self, count: int, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.others = [[k for k in range(count) if k != m] for m in range(count)]

        def blocks(number: int) -> nn.ModuleList:
            return nn.ModuleList(CrossBlock(dim, heads, dropout=dropout, norm="post") for _ in range(number))

        self.coarse = blocks(count)
        self.fine = nn.ModuleList(blocks(count - 1) for _ in range(count))
        self.fuse = nn.ModuleList(Fuse(count - 1, dim) for _ in range(count))

    def forward(self, heard: Heard) -> list[Tensor]:
        """→ per modality (B, L, D)."""
        out = []
        for m, others in enumerate(self.others):
            keys = torch.cat([heard.keys[k] for k in others], 1)
            mask = torch.cat([heard.masks[k] for k in others], 1)
            g = self.coarse[m](heard.queries[m], keys, mask)  # G_m = Cross(F_m ← [F_k : k ≠ m])
            p = [block(g, heard.keys[k], heard.masks[k]) for block, k in zip(self.fine[m], others, strict=True)]
            out.append(self.fuse[m](g, p))
        return out


class Fuse(nn.Module):
    """`M = norm(G + W[P₁; P₂; …])`, then a feed-forward with its own residual and norm."""

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.mix = nn.Linear(count * dim, dim)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, base: Tensor, parts: list[Tensor]) -> Tensor:
        """Base and parts, each (B, L, D) → (B, L, D)."""
        x = self.norm1(base + self.mix(torch.cat(parts, 2)))
        return self.norm2(x + self.feed_forward(x))


class Dfim(nn.Module):
    """Dynamic feature integration: frames that matter are enhanced, then a gate lets through what to take of that."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.inner, self.score = nn.Linear(dim, dim), nn.Linear(dim, 1, bias=False)
        self.gate = nn.Linear(2 * dim, dim)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, h: Tensor) -> Tensor:
        """Frames (B, L, D) → (B, L, D)."""
        e = self.score(torch.tanh(self.inner(h))).softmax(1)  # frame scores, they sum to 1 over the frames
        enhanced = h + h * (h.shape[1] * e)  # H¹ = H ⊕ H ⊙ (L·e)
        g = self.gate(torch.cat([h, enhanced], 2)).sigmoid()
        return g * self.feed_forward(enhanced) + (1 - g) * h
