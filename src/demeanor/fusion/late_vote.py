"""Late fusion by vote: each modality names its class, the majority wins.

Paper: Kittler et al. 1998, On Combining Classifiers (TPAMI), the majority vote and the maximum rule.
Idea: one predictor per modality, trained by itself; how sure each is does not matter, unless there is a tie, which the
    higher mean probability breaks. With `rule = "surest"` the one modality that is most certain decides alone.
Needs: any number of modalities; those that are missing have no vote.
Differs: a reconstruction: numbers are joined by their median, the vote's analogue: half lie on either side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from demeanor.fusion._late import LateConfig, LateFusion, log_of, mean_of

FAMILY = "late"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(LateConfig):
    """`rule`: the `majority`, or the `surest` modality alone."""

    rule: Literal["majority", "surest"] = "majority"


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"hidden": 48, "dropout": 0.0}}


class LateVote(LateFusion):
    """Majority of classes, median of numbers."""

    config: Config

    def join(self, task: str, said: Tensor, present: Tensor) -> Tensor:
        """Logits whose argmax is the elected class."""
        if said.ndim == 2:
            return median(said, present)
        there = present[..., None].to(said.dtype)
        chances = said.softmax(2) * there
        if self.config.rule == "surest":
            surest = chances.amax(2).argmax(1)[:, None, None].expand(-1, 1, said.shape[2])
            return log_of(chances.gather(1, surest)[:, 0])
        votes = (F.one_hot(said.argmax(2), said.shape[2]) * there).sum(1)
        # A mean probability is below 1, so it decides between equal counts of votes and nothing else.
        return log_of((votes + mean_of(chances, present.to(said.dtype))) / (1 + there.sum(1)))


def median(said: Tensor, present: Tensor) -> Tensor:
    """Median over those present: (B, M), (B, M) → (B,); the mean of the middle two of an even number, 0 of none."""
    count = present.sum(1, keepdim=True)
    ordered = said.masked_fill(~present, float("inf")).sort(1).values
    ordered = torch.where(torch.isinf(ordered), torch.zeros_like(ordered), ordered)
    low = torch.div((count - 1).clamp(min=0), 2, rounding_mode="floor")
    high = torch.div(count, 2, rounding_mode="floor").clamp(max=said.shape[1] - 1)
    middle: Tensor = (ordered.gather(1, low) + ordered.gather(1, high))[:, 0] / 2
    return middle


MODEL = LateVote
