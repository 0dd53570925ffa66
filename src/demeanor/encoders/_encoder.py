"""The base of every encoder: one sample in, one array out; numbers that depend on nothing but sample and settings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from demeanor.errors import WeightsError
from demeanor.types import Sample


class EncoderConfig(BaseModel):
    """Base of every encoder's `Config`: frozen, unknown keys fail.

    Attributes:
        running: settings that say only where and how it runs; stored features do not hang on them.
    """

    running: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(frozen=True, extra="forbid")


class Encoder:
    """One encoder with its settings. Override `encode`; those that learn from data also `fit`, `state`, `restore`.

    A subclass names its settings by the annotation `config: Config`.

    Attributes:
        modality: what it reads: `text`, `audio` or `visual`.
        gives: what `encode` returns: `frames`, token `ids`, or a `picture`.
        version: raised whenever its numbers change, so that stored features of older code are not taken for new ones.
        learns: whether `fit` must be called, on training samples alone, before `encode`; settings may change it.
        parallel: heavy and torch-free: worth several processes.
        portable: runs without torch. What does not is written into a bundle as a graph when a run is exported.
        cue: what an analysis calls what it reads: `words`, `voice`, `face` or `scene`; settings may change it.
    """

    Config: ClassVar[type[EncoderConfig]] = EncoderConfig
    modality: ClassVar[str]
    gives: ClassVar[Literal["frames", "ids", "picture"]] = "frames"
    version: ClassVar[int] = 1
    learns: bool = False
    parallel: ClassVar[bool] = False
    portable: ClassVar[bool] = True
    cue: str | None = None
    config: EncoderConfig

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "config" in inspect.get_annotations(cls):
            cls.Config = inspect.get_annotations(cls, eval_str=True)["config"]
        if cls.cue is None and "modality" in vars(cls):
            cls.cue = {"text": "words", "audio": "voice", "visual": "scene"}.get(cls.modality)

    def __init__(self, config: EncoderConfig | None = None) -> None:
        self.config = config if config is not None else self.Config()

    def reads(self, sample: Sample) -> tuple[Any, ...] | None:
        """What its numbers come from, the medium first; None where the sample lacks it. Stored features hang on it.

        By default text, or the first of audio and video, or of video and image, with the times of the clip.
        """
        if self.modality == "text":
            return None if sample.text is None else (sample.text,)
        kinds = ("audio", "video") if self.modality == "audio" else ("video", "image")
        kind = next((k for k in kinds if getattr(sample, k) is not None), None)
        if kind is None:
            return None
        source = getattr(sample, kind)
        source = Path(source) if isinstance(source, str) else source
        return (source, kind) if kind == "image" else (source, kind, sample.start, sample.end)

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Learn from training samples; nothing to learn by default."""
        return self

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """Frames (time, dim) float32, token ids (time,) int64, or a picture (C, H, W) float32.

        Whole-sample vectors are (1, dim). None where the sample lacks what the encoder reads.

        Raises:
            DataError: the sample's file cannot be read; names it.
        """
        raise TypeError(f"{type(self).__name__} must override encode(sample)")

    def state(self) -> Mapping[str, NDArray[Any]]:
        """What was learned, as plain arrays (a vocabulary as a string array)."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        if state:
            raise TypeError(f"{type(self).__name__} learns nothing, got a state of {sorted(state)}")
        return self

    def vocabulary(self) -> int:
        """How many token ids there are, of an encoder that gives ids; else 0."""
        return 0

    def needs(self) -> Mapping[str, str]:
        """Weights that are neither in the settings nor in the state: name → sha256. Numbers are theirs alone.

        Raises:
            WeightsError: they are not on this machine.
            MissingExtraError: the library that brings them is not installed.
        """
        return {}

    def settle(self, needs: Mapping[str, str]) -> None:
        """Take exactly the weights that `needs` named elsewhere.

        Raises:
            WeightsError: another edition is on this machine, or none.
        """
        here = self.needs()
        for name in sorted({*needs, *here}):
            if needs.get(name) != here.get(name):
                raise WeightsError(
                    f"expected {name} with sha256 {needs.get(name)}, got {here.get(name)} on this machine; install "
                    "the edition that the encoder was used with (`demeanor doctor` lists weights)"
                )


def frames(values: Any) -> NDArray[np.float32]:
    """(time, dim) or (dim,) numbers as contiguous float32 frames (time, dim)."""
    x = np.ascontiguousarray(np.atleast_2d(np.asarray(values, np.float32)))
    return x
