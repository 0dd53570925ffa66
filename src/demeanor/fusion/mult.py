"""MulT: every modality is reinforced by the low-level features of every other one, through directional attention.

Paper: Tsai et al. 2019, Multimodal Transformer for Unaligned Multimodal Language Sequences, ACL (arXiv 1906.00295).
Idea: for each ordered pair a Transformer whose queries come from the target and whose keys and values come, in every
    layer, from the other's first features, so nothing need be aligned. A target's streams stand side by side, a
    self-attention Transformer reads them, and its last step is the target's vector.
Needs: sequences; any lengths, any two or more modalities (all ordered pairs). Single steps leave it no mechanism.
Differs: the reference reads the last step even where it is padding; here the last real one, or the mean
    (`pool = "mean"`). Padding is masked, also behind the convolutions (`respect_mask = false`: not at all). Its mask of
    the future goes by a sample's own lengths, not padded ones, and is off (`future_mask`); positions count steps rather
    than non-zero features. No dropout on attention weights, so that the fused kernel runs (`attention_dropout`). The
    dropout of a modality's embedding is drawn once, not once per stream.
Reported (non-zero Acc-2 / MAE / Corr): MOSI 81.1 / .889 / .686, MOSEI 81.6 / .591 / .694 (paper, unaligned);
    MMSA's re-run MOSI 80.98 / .880 / .702, MOSEI 84.63 / .559 / .733, SIMS (Acc-2) 78.56 / .453 / .564.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model, PerModality
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.joint_sequence import sinusoids
from demeanor.layers.parallel_blocks import Keys, ParallelBlock, ParallelNorm, project
from demeanor.layers.transformer import masked_mean

FAMILY = "transformer"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """Sizes as in the original code.

    Attributes:
        width: d, of every stream; `heads` divides it.
        layers: of each cross-modal Transformer.
        memory_layers: of the self-attention Transformers; 0 is max(layers, 3).
        kernels: modality → width of its convolution; 1 unless named.
        input_dropout: modality → dropout of its input features.
        embed_dropout: behind the convolution and positions.
        residual_dropout: of each branch of a block; `inner_dropout` behind its ReLU; `output_dropout` before the heads.
        positions: whether sinusoids are added.
        pool: the vector of a stream is that of its last real step, or the mean over its real steps.
    """

    width: int = 30
    heads: int = 5
    layers: int = 5
    memory_layers: int = 0
    kernels: PerModality[int] = Field(default_factory=dict)
    input_dropout: PerModality[float] = Field(default_factory=dict)
    embed_dropout: float = 0.25
    attention_dropout: float = 0.0
    inner_dropout: float = 0.1
    residual_dropout: float = 0.1
    output_dropout: float = 0.0
    positions: bool = True
    pool: Literal["last", "mean"] = "last"
    future_mask: bool = False
    respect_mask: bool = True


_MMSA: dict[str, Any] = {"inner_dropout": 0.0, "positions": False}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 8, "heads": 2, "layers": 2, "kernels": {"text": 3}}
    | {"embed_dropout": 0.0, "inner_dropout": 0.0, "residual_dropout": 0.0},
    "mosi": {"width": 50, "heads": 10, "layers": 4, "kernels": {"text": 5, "audio": 5, "visual": 5}}
    | {"input_dropout": {"text": 0.5}, "embed_dropout": 0.2, "residual_dropout": 0.0, "output_dropout": 0.5}
    | _MMSA,
    "mosei": {"width": 30, "heads": 6, "layers": 4, "kernels": {"text": 5, "visual": 3}}
    | {"input_dropout": {"text": 0.3}, "embed_dropout": 0.0, "residual_dropout": 0.0, "output_dropout": 0.5}
    | _MMSA,
    "sims": {"width": 50, "heads": 10, "layers": 2, "kernels": {"text": 5}}
    | {"input_dropout": {"text": 0.3}, "embed_dropout": 0.1, "residual_dropout": 0.2, "output_dropout": 0.1}
    | _MMSA,
}


class Mult(Model):
    """Reads two or more sequences (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        if len(config.dims) < 2:
            raise ConfigError(f"mult needs two modalities or more; got {', '.join(config.dims) or 'none'}")
        self.config, self.names = config, list(config.dims)
        count, d = len(self.names), config.width
        # A stream is (target, source); those of one target stand together, in the order of the names.
        self.streams = [(m, n) for m in self.names for n in self.names if m != n]
        self.convolve = nn.ModuleDict(
            {m: nn.Conv1d(dim, d, config.kernels.get(m, 1), bias=False) for m, dim in config.dims.items()}
        )
        drops = (config.attention_dropout, config.inner_dropout, config.residual_dropout)
        self.cross = nn.ModuleList(
            ParallelBlock(len(self.streams), d, config.heads, *drops) for _ in range(config.layers)
        )
        self.cross_norm = ParallelNorm(len(self.streams), d)
        wide = (count - 1) * d
        depth = config.memory_layers or max(config.layers, 3)
        self.memory = nn.ModuleList(ParallelBlock(count, wide, config.heads, *drops) for _ in range(depth))
        self.memory_norm = ParallelNorm(count, wide)
        self.up, self.down = nn.Linear(count * wide, count * wide), nn.Linear(count * wide, count * wide)
        self.heads = TaskHeads(count * wide, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; `hidden` is what the heads read."""
        embedded, masks = {}, {}
        for name in self.names:
            x, masks[name] = self.low_level(name, batch)
            embedded[name] = self.embed(x)
        keys = self.source_keys(embedded, masks)
        groups = [self.names] if self._one_length(embedded) else [[m] for m in self.names]
        vectors = torch.cat([self._vectors(group, embedded, masks, keys) for group in groups])
        z = vectors.transpose(0, 1).flatten(1)
        drop = self.config.output_dropout
        hidden = z + self.down(dropout(F.relu(self.up(z)), drop, self.training))
        return Output(self.heads(hidden), hidden)

    def low_level(self, name: str, batch: FeatureBatch) -> tuple[Tensor, Tensor]:
        """Eq. 1, the temporal convolution: (B, T', d) and its mask, T' = max(T - kernel + 1, 1) but while tracing."""
        width = self.config.kernels.get(name, 1)
        mask = batch.mask(name)
        x = batch.values[name].masked_fill(~mask[..., None], 0.0)
        if not self.config.respect_mask:
            mask = torch.ones_like(mask)
        x = dropout(x, self.config.input_dropout.get(name, 0.0), self.training)
        # A trace serves any length, so there the steps that a shorter sequence lacks are added always, and masked.
        lacking = width - 1 if torch.jit.is_tracing() else max(width - x.shape[1], 0)
        x = self.convolve[name](F.pad(x.transpose(1, 2), (0, lacking))).transpose(1, 2)
        length = mask.sum(1)
        left = torch.where(length > 0, (length - width + 1).clamp(min=1), length)
        return x, torch.arange(x.shape[1], device=x.device) < left[:, None]

    def embed(self, x: Tensor) -> Tensor:
        """Eq. 2: √D times (…, T, D), with positions."""
        x = math.sqrt(x.shape[-1]) * x
        if self.config.positions:
            x = x + sinusoids(torch.arange(x.shape[-2], device=x.device), x.shape[-1]).to(x.dtype)
        return dropout(x, self.config.embed_dropout, self.training)

    def source_keys(self, embedded: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> list[dict[int, Keys]]:
        """Per layer: stream → keys and values of its source, which are the low-level features in every layer."""
        layers: list[dict[int, Keys]] = [{} for _ in self.cross]
        for name in self.names:
            which = [i for i, (_, source) in enumerate(self.streams) if source == name]
            found = project(list(self.cross), embedded[name], masks[name], which)
            for layer, keys in zip(layers, found, strict=True):
                layer.update(zip(which, keys, strict=True))
        return layers

    def _vectors(
        self,
        targets: list[str],
        embedded: Mapping[str, Tensor],
        masks: Mapping[str, Tensor],
        keys: list[dict[int, Keys]],
    ) -> Tensor:
        """The vectors (targets, B, (M - 1)·d) of targets of one length: all of them together, or one."""
        count, at = len(self.names) - 1, self.names.index(targets[0])
        part = slice(at * count, (at + len(targets)) * count)
        streams = range(part.start, part.stop)
        x = torch.stack([embedded[self.streams[i][0]] for i in streams])
        for block, sources in zip(self.cross, keys, strict=True):  # eq. 3-6
            read = [sources[i] for i in streams]
            x = block(x, read, part, self._future([masks[self.streams[i][0]] for i in streams], read))
        x = self.cross_norm(x, part)
        ended = x.unbind(0)
        x = torch.stack([torch.cat(ended[i : i + count], 2) for i in range(0, len(ended), count)])  # side by side
        return self._remember(x, [masks[m] for m in targets], slice(at, at + len(targets)))

    def _remember(self, x: Tensor, masks: list[Tensor], part: slice) -> Tensor:
        """The self-attention Transformers over (N, B, T, D), and from each its vector: (N, B, D)."""
        x = self.embed(x)
        for number, block in enumerate(self.memory, 1):
            keys = block.own_keys(x, masks, part)
            future = self._future(masks, keys)
            if number == len(self.memory) and self.config.pool == "last":
                # Only the last real step is read, so only it need ask in the last layer.
                x = torch.stack([_last(one, mask) for one, mask in zip(x, masks, strict=True)])[:, :, None]
                future = None
            x = block(x, keys, part, future)
        x = self.memory_norm(x, part)
        there = torch.stack([mask.any(1) for mask in masks])[..., None].to(x.dtype)
        if self.config.pool == "last":
            return x[:, :, 0] * there
        return torch.stack([masked_mean(one, mask) for one, mask in zip(x, masks, strict=True)])

    def _future(self, masks: list[Tensor], keys: list[Keys]) -> list[Tensor] | None:
        """The reference's mask, (B, 1, T, S) per target: nothing may be read from beyond |T - S| steps ahead."""
        if not self.config.future_mask:
            return None
        found = []
        for own, (_, _, source) in zip(masks, keys, strict=True):
            at, other = (torch.arange(mask.shape[1], device=mask.device) for mask in (own, source))
            # Lengths of each sample, not of what it is padded to: those hang on the batch, and a trace would keep them.
            apart = (own.sum(1) - source.sum(1)).abs()[:, None, None, None]
            found.append((other - at[:, None] > apart) * -1e4)
        return found

    def _one_length(self, embedded: Mapping[str, Tensor]) -> bool:
        return not torch.jit.is_tracing() and len({x.shape[1] for x in embedded.values()}) == 1

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Weights decay, biases and norms do not (those of parallel blocks have three dimensions all alike)."""
        named = list(self.named_parameters())
        decay = [p for n, p in named if n.endswith("weight")]
        rest = [p for n, p in named if not n.endswith("weight")]
        return [
            {"params": decay, "lr": learning_rate, "weight_decay": weight_decay},
            {"params": rest, "lr": learning_rate, "weight_decay": 0.0},
        ]


def _last(x: Tensor, mask: Tensor) -> Tensor:
    """The last real step of (B, T, D): (B, D)."""
    at = (mask.sum(1) - 1).clamp(min=0)[:, None, None]
    return x.gather(1, at.expand(-1, 1, x.shape[2]))[:, 0]


MODEL = Mult
