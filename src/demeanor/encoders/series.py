"""Ready-made features that a data set brings, or a sensor's: passed on as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.errors import DataError
from demeanor.types import Sample


class Config(EncoderConfig):
    """`key`: which of `Sample.series`; in a run file it defaults to the modality's own name."""

    key: str = "audio"


class Series(Encoder):
    """`Sample.series[key]` as frames (time, dim)."""

    config: Config
    modality = "series"

    def reads(self, sample: Sample) -> tuple[Any, ...] | None:
        """The series itself."""
        values = sample.series.get(self.config.key)
        return None if values is None else (np.asarray(values),)

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32; one vector (dim,) is one step. Gaps (NaN) stay: scaling turns them into 0.

        Raises:
            DataError: it is neither (time, dim) nor (dim,), or has no step.
        """
        found = self.reads(sample)
        if found is None:
            return None
        if found[0].ndim not in (1, 2) or not found[0].size:
            raise DataError(
                f"sample '{sample.id}': series: expected numbers (time, dim) or (dim,), got {found[0].shape}"
            )
        return frames(found[0])


ENCODER = Series
