"""How far an input is from those an expert learned from, and how much of what is said of it is to be trusted.

A confidence was measured on inputs like the training data. Beyond, nothing is known of it but that it is too high.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from demeanor.types import FloatArray


def distance(standardised: FloatArray) -> FloatArray:
    """Root mean square of features (B, D) that have mean 0 and spread 1 over the training data: (B,), 1 on average."""
    found: FloatArray = np.sqrt(np.mean(np.square(standardised, dtype=np.float64), axis=1))
    return found


@dataclass(frozen=True, slots=True)
class Domain:
    """Where the known ends.

    Attributes:
        usual: a distance that nearly all held-back inputs of the training data's kind keep.
        foreign: one from which on no more than `least` of a reading is trusted.
        least: in [0, 1].
    """

    usual: float
    foreign: float
    least: float

    def to_dict(self) -> dict[str, float]:
        """JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, float]) -> Domain:
        """The inverse of `to_dict`."""
        return cls(float(data["usual"]), float(data["foreign"]), float(data["least"]))

    def trust(self, away: float) -> float:
        """The part of a reading that is trusted: 1 up to `usual`, falling evenly to `least` at `foreign`."""
        return float(np.interp(away, (self.usual, self.foreign), (1.0, self.least)))
