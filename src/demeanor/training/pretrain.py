"""Self-supervised pretraining of a fusion model: two views of a sample, of different modalities, find each other.

It needs no labels, only samples with two modalities or more. Each sample's modalities are dealt into two sets at
random; the model's hidden vectors of both are drawn together, and apart from those of other samples (InfoNCE). What the
views share – which is all that can be told from either – is what is learned.
Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision (ICML 2021); views by
modality as in Tian, Krishnan and Isola, Contrastive Multiview Coding (ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.fusion._model import Model
from demeanor.losses.contrastive import info_nce
from demeanor.training.data import Rows, batches
from demeanor.training.loop import device_of
from demeanor.training.settings import Settings

TEMPERATURE = 0.2


def pretrain(model: Model, rows: Rows, settings: Settings, say: Callable[[str], None] = print) -> float:
    """Train the model in place over `settings.pretrain` epochs; the mean loss of the last one.

    Args:
        model: whose output has a hidden vector.
        rows: of the training part, labelled or not.
        settings: batch, learning rate, seed, device.
        say: where progress lines go.

    Raises:
        ConfigError: no rows with two modalities, or a model without a hidden vector.
    """
    device = device_of(settings.device)
    model.to(device).train()
    generator = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)
    # The loss acts on a projection, which is thrown away: the hidden vector keeps more than the views share.
    width = _hidden(model, next(batches(rows, 2, None)).to(device)).shape[1]
    project = nn.Linear(width, width).to(device)
    optimiser = torch.optim.AdamW(
        [*(p for p in model.parameters() if p.requires_grad), *project.parameters()], settings.learning_rate
    )
    mean = float("nan")
    for epoch in range(settings.pretrain):
        losses = []
        for batch in batches(rows, settings.batch, np.random.default_rng([settings.seed, epoch, 1])):
            one, two, both = views(batch, generator)
            if both.sum() < 2:
                continue
            hidden = [project(_hidden(model, view.to(device))) for view in (one, two)]
            loss = info_nce(hidden[0], hidden[1], TEMPERATURE, both.to(device))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip or 1.0)
            optimiser.step()
            losses.append(float(loss.detach()))
        if not losses:
            raise ConfigError(
                "training.pretrain: expected samples with two modalities or more, found none in the training part; "
                "leave it out, or give unlabelled pairs"
            )
        mean = float(np.mean(losses))
        say(f"pretraining {epoch + 1}/{settings.pretrain}  loss {mean:.4f}")
    model.cpu()
    return mean


def views(batch: FeatureBatch, generator: torch.Generator) -> tuple[FeatureBatch, FeatureBatch, Tensor]:
    """The batch twice, each sample's modalities dealt to one or the other, and which samples have something in both."""
    names = list(batch.present)
    here = torch.stack([batch.present[m] for m in names], 1)
    order = torch.rand(here.shape, generator=generator).masked_fill(~here, 2).argsort(1).argsort(1)
    first = here & (order < (here.sum(1, keepdim=True) + 1) // 2)
    both = first.any(1) & (here & ~first).any(1)
    one, two = (
        replace(batch, present={m: chosen[:, n] for n, m in enumerate(names)})
        for chosen in (first, torch.where(both[:, None], here & ~first, here))
    )
    return one, two, both


def _hidden(model: Model, batch: FeatureBatch) -> Tensor:
    hidden = model(batch).hidden
    if hidden is None:
        raise ConfigError(
            f"training.pretrain: {type(model).__name__} has no hidden vector to pretrain; take another model, or leave "
            "it out"
        )
    return hidden
