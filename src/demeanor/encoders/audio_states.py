"""Whisper encoder states as the voice expert takes them: 25 frames a second."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.encoders._media import sound_of
from demeanor.errors import MissingExtraError
from demeanor.types import Sample

if TYPE_CHECKING:
    from demeanor.media.speech import Recogniser

_RATE, _WINDOW = 16_000, 30 * 16_000


def pooled_states(states: NDArray[np.floating], together: int = 2) -> NDArray[np.float32]:
    """States (frames at 50 Hz, dim) → means of `together` of them (frames / together rounded up, dim).

    The last mean is of what is left.
    """
    x = np.asarray(states, np.float32)
    even = x[: len(x) // together * together].reshape(-1, together, x.shape[1]).mean(1)
    rest = x[len(even) * together :]
    return np.concatenate([even, rest.mean(0, keepdims=True)]) if len(rest) else even


@lru_cache(maxsize=2)
def _recogniser(weights: str, path: Path | None, sha256: str | None, threads: int) -> Recogniser:
    from demeanor.media.speech import load_recogniser

    return load_recogniser(weights, path, threads, prefer=sha256)


class Config(EncoderConfig):
    """`weights`: a name that `demeanor doctor` lists; `path`: a folder of exactly these."""

    weights: str = "whisper-base"
    path: Path | None = None


class States(Encoder):
    """States (time, dim), 25 a second; sound longer than 30 s is heard piece by piece."""

    config: Config
    modality = "audio"
    _sha256: str | None = None
    _threads: ClassVar[int] = 0

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32.

        Raises:
            DataError: the sound cannot be read.
            MissingExtraError: the speech extra is not installed.
            WeightsError: the weights are not on this machine.
        """
        sound = sound_of(sample, _RATE)
        if sound is None:
            return None
        model = _recogniser(self.config.weights, self.config.path, self._sha256, self._threads)
        return np.concatenate([self._pooled(model, sound[i : i + _WINDOW]) for i in range(0, len(sound), _WINDOW)])

    def _pooled(self, model: Recogniser, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        return pooled_states(model.states(piece))

    def needs(self) -> Mapping[str, str]:
        """The recogniser's weights."""
        from demeanor.media.speech import has_speech_extra
        from demeanor.weights import find

        if not has_speech_extra():
            raise MissingExtraError("faster_whisper", "speech", "the recogniser's states")
        return {self.config.weights: find(self.config.weights, path=self.config.path, prefer=self._sha256).sha256}

    def settle(self, needs: Mapping[str, str]) -> None:
        """Take that edition of the weights, where several are on this machine."""
        self._sha256 = needs.get(self.config.weights)
        super().settle(needs)


ENCODER = States
