"""A joint autoencoder: one code from whatever modalities are there, from which all of them are rebuilt.

Paper: Ngiam et al. 2011, Multimodal Deep Learning (ICML), the bimodal deep autoencoder.
Idea: z_m = relu(W_m x_m), the code z = W_z [z_1; …; z_M], rebuilt x_m = U_m relu(V_m z); in training modalities are
    dropped from the input but rebuilt all the same, so the code carries what one modality tells about another.
    The heads read the code.
Needs: any number of modalities; their vectors (means over real steps) should come z-normalised. Outputs are linear.
Differs: a reconstruction, trained end to end instead of by stacked restricted Boltzmann machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.operators import Concat
from demeanor.layers.pooling import pooled, presence

FAMILY = "classic"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """`width` of each modality's layer, `code` of the common one.

    `modality_dropout` is the chance that a modality is kept from the encoder while training, `noise` the spread of what
    is added to its input; `rebuild` and `task` weigh the two losses; `frozen` keeps the task from changing the code.
    """

    width: int = 64
    code: int = 48
    modality_dropout: float = 0.3
    noise: float = 0.1
    dropout: float = 0.3
    rebuild: float = 1.0
    task: float = 1.0
    frozen: bool = False


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 32, "code": 24, "modality_dropout": 0.0, "noise": 0.0, "dropout": 0.0}
}


class Autoencoder(Model):
    """Reads any number of modalities as vectors."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.encoders = nn.ModuleDict(
            {m: nn.Sequential(nn.Linear(dim, c.width), nn.ReLU()) for m, dim in c.dims.items()}
        )
        self.join = Concat([c.width] * len(c.dims))
        self.code = nn.Linear(self.join.out, c.code)
        self.decoders = nn.ModuleDict(
            {
                m: nn.Sequential(nn.Linear(c.code, c.width), nn.ReLU(), nn.Linear(c.width, dim))
                for m, dim in c.dims.items()
            }
        )
        self.read = nn.Sequential(nn.Linear(c.code, c.width), nn.ReLU(), Dropout(c.dropout))
        self.heads = TaskHeads(c.width, c.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; hidden is the code, `extra["rebuilt"]` every modality (B, D_m), those that are missing too."""
        present = presence(batch, self.encoders)
        targets = {m: pooled(batch, m) for m in self.encoders}
        seen = self._some(present) if self.training else present
        code = self.code(self.join([self.encoders[m](self._noisy(x)) for m, x in targets.items()], seen))
        rebuilt = {m: decoder(code) for m, decoder in self.decoders.items()}
        hidden = self.read(code.detach() if self.config.frozen else code)
        return Output(self.heads(hidden), code, {"rebuilt": rebuilt, "targets": targets})

    def _some(self, present: Tensor) -> Tensor:
        """Modalities that the encoder sees: each is dropped by chance, but never a sample's last."""
        luck = torch.rand(present.shape, device=present.device).masked_fill(~present, -1)
        return present & ((luck >= self.config.modality_dropout) | (luck == luck.amax(1, keepdim=True)))

    def _noisy(self, x: Tensor) -> Tensor:
        return x + self.config.noise * torch.randn_like(x) if self.training and self.config.noise else x

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task, and per modality the mean squared error over its features, where the sample has it."""
        present, rebuilt = presence(batch, self.encoders), output.extra["rebuilt"]
        terms = []
        for number, (name, target) in enumerate(output.extra["targets"].items()):
            rows = present[:, number].to(target.dtype)
            error = (rebuilt[name].float() - target).square().mean(1)
            terms.append((error * rows).sum() / rows.sum().clamp(min=1))
        task = super().loss(output, batch)["task"]
        return {"task": self.config.task * task, "rebuild": self.config.rebuild * torch.stack(terms).sum()}


MODEL = Autoencoder
