"""MMML: pretrained text and audio sequences talk in a few cross-attention layers; each also answers for itself.

Paper: Wu et al. 2024, Multimodal Multi-loss Fusion Network for Sentiment Analysis, NAACL (arXiv 2308.00264).
Idea: a learned step goes before each sequence; layers of cross-attention, self-attention and feed-forward, with
    weights per side, let the sequences talk, and those first steps are the fused vector. It has a loss, and so has each
    modality. What was said before (context) passes the same layers, and its vectors stand beside the others.
Needs: `text` and `audio` (any two or more modalities) as frames of encoders, text with its [CLS] step first; nothing
    aligned. Optional `NAME_context`, of NAME's width: frames of the preceding utterances of the same video.
Differs: encoders are not part of the model: their frames come in (so they are frozen, waveform front-end and all), and
    are projected where their width is another one.
    More than two modalities each attend to the steps of all others. The pooled vector of a first step is learned here.
    The reference makes a new optimiser every epoch; one is kept here. Of the paper's three equal ways to fuse, `tokens`
    and `concatenation` are here. The loss is the L1 distance of the reference; the paper's appendix says squared.
Reported (table 1, mean of 3 runs; MAE, correlation, Acc-7, Acc-2 non0): MOSI 0.643, 0.838, 48.25, 88.16; with context
    0.583, 0.869, 50.34, 89.69. MOSEI 0.517, 0.791, 54.95, 86.73; with context 0.492, 0.814, 55.74, 88.02.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import CONTEXT, FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Modalities, Model
from demeanor.layers.dropout import Dropout, dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.masked_attention import MaskedAttention
from demeanor.layers.operators import refuse_weights
from demeanor.layers.transformer import masked_mean
from demeanor.losses.tasks import task_loss
from demeanor.losses.unimodal import own_labels

FAMILY = "cross-attention"
MODALITIES = ["text", "audio"]
RECONSTRUCTION = False

NORM = 1e-12

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
"""The seven convolutions of wav2vec 2.0, HuBERT and data2vec before their Transformer."""


def frame_length(samples: Any) -> Any:
    """Frames those encoders make of so many samples at 16 kHz (a number or a tensor): what the audio mask needs."""
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        samples = (samples - kernel) // stride + 1
    return samples


class Config(FusionConfig):
    """Sizes as published without context.

    Attributes:
        layers: cross-modal encoder layers.
        heads: 12 at width 768, 16 at 1024.
        hidden: widths of the fused head's hidden layers.
        first: modalities pooled by their first step ([CLS]); the others by the mean of their real steps.
        fuse: `tokens`, the learned first steps alone, or `concatenation`, each mixed with its pooled vector before.
        weights: of the losses: `fused` and modality → α; 1 unless named.
    """

    width: int = 768
    layers: int = Field(default=5, ge=1)
    heads: int = 12
    dropout: float = 0.3
    hidden: tuple[int, ...] = Field(default=(768, 512), min_length=1)
    first: Modalities = ("text",)
    fuse: Literal["tokens", "concatenation"] = "tokens"
    weights: dict[str, float] = Field(default_factory=dict)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "context": {"width": 1024, "heads": 16, "hidden": (768,)},
    "tiny": {
        "dims": {"text": 6, "audio": 5, "text_context": 6, "audio_context": 5},
        "width": 16,
        "layers": 2,
        "heads": 2,
        "dropout": 0.0,
        "hidden": (16,),
    },
}


class Attend(nn.Module):
    """`norm(x + drop(W · attention(x, source)))`: (B, T, D) → (B, T, D)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = MaskedAttention(dim, heads, dropout=dropout)
        self.drop = Dropout(dropout)
        self.norm = nn.LayerNorm(dim, eps=NORM)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """X (B, T, D) reads the real steps, mask (B, S), of source (B, S, D)."""
        return self.norm(x + self.drop(self.attention(x, source, source, mask)))


class Side(nn.Module):
    """One modality's half of a cross-modal encoder layer."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.cross, self.own = Attend(dim, heads, dropout), Attend(dim, heads, dropout)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim), Dropout(dropout))
        self.norm = nn.LayerNorm(dim, eps=NORM)

    def think(self, x: Tensor, mask: Tensor) -> Tensor:
        """Self-attention and feed-forward of (B, T, D)."""
        x = self.own(x, x, mask)
        return self.norm(x + self.feed_forward(x))


class CrossModalLayer(nn.Module):
    """CME: every sequence reads the others as they came in, then itself, then feeds forward."""

    def __init__(self, names: list[str], dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.sides = nn.ModuleDict({m: Side(dim, heads, dropout) for m in names})

    def forward(self, states: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Modality → (B, T, D), and → (B, T) bool."""
        met = {}
        for name, side in self.sides.items():
            others = [m for m in states if m != name]
            source = torch.cat([states[m] for m in others], 1)
            met[name] = side.cross(states[name], source, torch.cat([masks[m] for m in others], 1))
        return {name: side.think(met[name], masks[name]) for name, side in self.sides.items()}


class Mmml(Model):
    """Reads two or more sequences (B, T, D), each with or without a `_context` of its own."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.names, self.context = split(config.dims)
        refuse_weights(config.weights, ["fused", *self.names])
        width, drop = config.width, config.dropout
        self.project = nn.ModuleDict({m: fit(config.dims[m], width) for m in self.names})
        self.pool = nn.ModuleDict({m: nn.Linear(width, width) for m in self.names if m in config.first})
        self.tokens = nn.ParameterDict({m: nn.Parameter(torch.randn(width)) for m in self.names})
        self.layers = nn.ModuleList(
            CrossModalLayer(self.names, width, config.heads, drop) for _ in range(config.layers)
        )
        scopes = 2 if self.context else 1
        self.own = nn.ModuleDict({m: TaskHeads(scopes * width, config.tasks) for m in self.names})
        self.mix = nn.ModuleDict()
        if config.fuse == "concatenation":
            self.mix = nn.ModuleDict({m: nn.Linear(2 * width, width) for m in self.names})
        sizes = [scopes * len(self.names) * width, *config.hidden]
        self.hidden = nn.Sequential(*(part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())))
        self.heads = TaskHeads(sizes[-1], config.tasks)

    def read(self, batch: FeatureBatch, name: str, modality: str) -> tuple[Tensor, Tensor, Tensor]:
        """Sequence `name` by the weights of `modality`: steps (B, 1 + T, D), their mask, pooled vector (B, D)."""
        token = self.tokens[modality].expand(next(iter(batch.values.values())).shape[0], 1, -1)
        always = torch.ones(token.shape[:2], dtype=torch.bool, device=token.device)
        if name not in self.config.dims:  # this modality has no context: its learned step stands alone
            return token, always, torch.zeros_like(token[:, 0])
        mask = batch.mask(name)
        x = self.project[modality](batch.values[name].masked_fill(~mask[..., None], 0.0))
        if modality in self.pool:
            pooled = torch.tanh(self.pool[modality](x[:, 0])) * mask[:, :1].to(x.dtype)
        else:
            pooled = masked_mean(x, mask)
        return torch.cat([token.to(x.dtype), x], 1), torch.cat([always, mask], 1), pooled

    def talk(self, batch: FeatureBatch, scope: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The sequences (`scope` "") or their contexts → per modality, pooled and fused vectors (B, D)."""
        found = {m: self.read(batch, m + scope, m) for m in self.names}
        states, masks = {m: f[0] for m, f in found.items()}, {m: f[1] for m, f in found.items()}
        for layer in self.layers:
            states = layer(states, masks)
        pooled = {m: f[2] for m, f in found.items()}
        fused = {m: x[:, 0] for m, x in states.items()}
        if self.mix:
            fused = {m: F.relu(self.mix[m](torch.cat([pooled[m], x], 1))) for m, x in fused.items()}
        return pooled, fused

    def forward(self, batch: FeatureBatch) -> Output:
        """The fused reading; each modality's own in `extra["own"]`."""
        drop = self.config.dropout
        scopes = [self.talk(batch, scope) for scope in ("", CONTEXT)[: 2 if self.context else 1]]
        own = {}
        for m in self.names:
            vector = torch.cat([pooled[m] for pooled, _ in scopes], 1)
            own[m] = self.own[m](dropout(vector, drop, self.training))
        vector = torch.cat([fused[m] for _, fused in scopes for m in self.names], 1)
        hidden = self.hidden(dropout(vector, drop, self.training))
        return Output(self.heads(hidden), hidden, {"own": own})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """`α ℓ(ŷ, y)` for the fused reading and each modality's own, over the rows that have the modality."""
        alpha = self.config.weights
        terms = {"task": alpha.get("fused", 1.0) * task_loss(output.tasks, batch.labels)}
        for m, tasks in output.extra["own"].items():
            labels = own_labels(batch.labels, tasks, m, batch.mask(m).any(1))
            terms[m] = alpha.get(m, 1.0) * task_loss(tasks, labels)
        return terms


def split(dims: Mapping[str, int]) -> tuple[list[str], bool]:
    """The modalities, and whether any has a context.

    Raises:
        ConfigError: fewer than two modalities, or a context without, or of another width than, its modality.
    """
    names = [m for m in dims if not m.endswith(CONTEXT)]
    if len(names) < 2:
        raise ConfigError(f"mmml lets sequences talk: expected two or more modalities in dims, got {', '.join(dims)}")
    contexts = [m for m in dims if m.endswith(CONTEXT)]
    for name in contexts:
        modality = name.removesuffix(CONTEXT)
        if dims.get(modality) != dims[name]:
            raise ConfigError(
                f"'{name}' is {dims[name]} wide and '{modality}' is {dims.get(modality, 'not in dims')}; both pass the "
                "same weights, so encode them alike"
            )
    return names, bool(contexts)


def fit(dim: int, width: int) -> nn.Module:
    """Frames as they are where they have the model's width, else projected."""
    return nn.Identity() if dim == width else nn.Linear(dim, width)


MODEL = Mmml
