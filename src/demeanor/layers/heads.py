"""The three heads that every expert of the reader ends in."""

from __future__ import annotations

from torch import Tensor, nn

from demeanor.types import EMOTIONS, POLARITIES


class ReadingHeads(nn.Module):
    """Hidden (B, D) → logits `polarity` (B, 3), logits `emotions` (B, 7), `score` (B,) in (-1, 1)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.polarity = nn.Linear(dim, len(POLARITIES))
        self.emotions = nn.Linear(dim, len(EMOTIONS))
        self.score = nn.Linear(dim, 1)

    def forward(self, hidden: Tensor) -> dict[str, Tensor]:
        """All three tasks from one hidden vector."""
        return {
            "polarity": self.polarity(hidden),
            "emotions": self.emotions(hidden),
            "score": self.score(hidden)[:, 0].tanh(),
        }
