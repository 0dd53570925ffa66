"""What a model ends in: one linear layer per task."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from demeanor.types import EMOTIONS, POLARITIES

READING = {"polarity": len(POLARITIES), "emotions": len(EMOTIONS), "score": 1}
"""The tasks of every expert of the reader."""


class TaskHeads(nn.Module):
    """Hidden (B, D) → per task logits (B, K), or numbers (B,) where K is 1.

    Args:
        dim: width of the hidden vector.
        tasks: task → number of outputs; 1 is a regression.
    """

    def __init__(self, dim: int, tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        for task, size in tasks.items():
            self.add_module(task, nn.Linear(dim, size))

    def forward(self, hidden: Tensor) -> dict[str, Tensor]:
        """All tasks from one hidden vector."""
        found = {task: self.get_submodule(task)(hidden) for task in self.tasks}
        return {task: y[:, 0] if self.tasks[task] == 1 else y for task, y in found.items()}


class ReadingHeads(TaskHeads):
    """Hidden (B, D) → logits `polarity` (B, 3), logits `emotions` (B, 7), `score` (B,) in (-1, 1)."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim, READING)

    def forward(self, hidden: Tensor) -> dict[str, Tensor]:
        """All three tasks from one hidden vector."""
        found = super().forward(hidden)
        return {**found, "score": found["score"].tanh()}
