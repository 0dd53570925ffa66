"""Plain data that every layer shares: samples in, readings out. Numpy at most, no behaviour beyond `to_dict`.

Field names are the keys of the analysis JSON (`demeanor.analysis/1`). Probabilities lie in [0, 1], scores and
dimensions in [-1, 1], times are seconds from the start, boxes are (x, y, width, height) as fractions of the picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

POLARITIES = ("negative", "neutral", "positive")
"""Order of every polarity vector, shape (3,)."""

EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
"""Order of every emotion vector, shape (7,): Ekman's six and neutral."""

CUES = ("words", "voice", "face", "scene")
"""What can be read on its own."""

COMMAS = re.compile("[,，、]")
"""What stands between names of cues, or of people, in one line: commas of either script."""

Kind = Literal["text", "image", "audio", "video", "mixed"]
Source = str | Path | bytes | BinaryIO | NDArray[Any]
"""What a medium may come as: a path, bytes, an open binary file or an array (`PIL.Image` too, for images)."""

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Sentiment:
    """Polarity and intensity: `score` in [-1, 1] (times 3 is the MOSI scale), `label` the most probable class."""

    score: float
    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Valence, arousal, dominance in [-1, 1]; `derived` where they come from emotions, not from labels."""

    valence: float
    arousal: float
    dominance: float
    derived: bool = True


@dataclass(frozen=True, slots=True)
class Sets:
    """Prediction sets: the classes that may be true; the true one is among them as often as `coverage` says, or more.

    One class: the reader would commit itself. Several: it cannot tell them apart. None: no set was fitted. `own` holds
    those of a trained model's own tasks: classes, or (low, high) of a number.
    """

    coverage: float
    sentiment: tuple[str, ...] | None = None
    emotions: tuple[str, ...] | None = None
    own: Mapping[str, tuple[str, ...] | tuple[float, float]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `own` only where set."""
        out: dict[str, Any] = {"coverage": self.coverage}
        for name in ("sentiment", "emotions"):
            found = getattr(self, name)
            out[name] = None if found is None else list(found)
        if self.own is not None:
            out["own"] = {task: list(found) for task, found in self.own.items()}
        return out


@dataclass(frozen=True, slots=True)
class Reading:
    """What one cue, or all of them fused, says. What the bundle does not predict is None.

    `confidence` is the calibrated probability that `sentiment.label` is right. `weight` (≥ 0, sums to 1 over the cues
    present) and `share` (signed Shapley value of the overall score) are set on cue readings only. `own` holds what a
    trained model says in its own words: task → a number, or probabilities by class; None for bundles without. `sets`
    are prediction sets where their coverage was measured for these cues, else None.
    """

    sentiment: Sentiment | None
    emotions: Mapping[str, float] | None
    dimensions: Dimensions | None
    confidence: float | None
    calibration: Literal["verified", "pooled"] = "pooled"
    abstain: bool = False
    weight: float | None = None
    share: float | None = None
    own: Mapping[str, float | Mapping[str, float]] | None = None
    sets: Sets | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `weight` and `share` only where set."""
        out: dict[str, Any] = {
            "sentiment": None,
            "emotions": None if self.emotions is None else dict(self.emotions),
            "dimensions": None,
            "confidence": self.confidence,
            "calibration": self.calibration,
            "abstain": self.abstain,
            "sets": None if self.sets is None else self.sets.to_dict(),
        }
        if self.sentiment is not None:
            s = self.sentiment
            out["sentiment"] = {"score": s.score, "label": s.label, "probabilities": dict(s.probabilities)}
        if self.dimensions is not None:
            d = self.dimensions
            out["dimensions"] = {
                "valence": d.valence, "arousal": d.arousal, "dominance": d.dominance, "derived": d.derived,
            }  # fmt: skip
        if self.weight is not None:
            out["weight"] = self.weight
            out["share"] = self.share
        if self.own is not None:
            out["own"] = {task: dict(v) if isinstance(v, Mapping) else v for task, v in self.own.items()}
        return out


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised or given word with its times (seconds) and the recogniser's probability (None if given)."""

    text: str
    start: float
    end: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of speech: times in seconds, text, words (may be empty), the mean word probability if recognised."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    probability: float | None = None
    speaker: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentFace:
    """One tracked face in one segment: stable `id`, its box at the key frame, what it says alone."""

    id: str
    box: tuple[float, float, float, float]
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time (`start`, `end`) or of text (`chars`), with its fused reading and its cues."""

    start: float | None
    end: float | None
    chars: tuple[int, int] | None
    text: str | None
    reading: Reading
    cues: Mapping[str, Reading]
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    faces: tuple[SegmentFace, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Faces and a voice that belong to one person.

    `seconds` is how long they are seen or heard, None without time. `reading` is the mean, by seconds, of what is read
    of them: the fused reading of the segments in which they speak, their faces' own in the others; None without any.
    """

    id: str
    faces: tuple[str, ...]
    speaker: str | None = None
    seconds: float | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A picture of a segment for the report: time in seconds, RGB uint8 array (height, width, 3)."""

    time: float
    image: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """One item to read or to learn from. A missing modality is None, never zeros.

    `series` holds ready-made features by modality (time, dim), such as those of a published feature file or a sensor.
    """

    id: str
    text: str | None = None
    image: Source | None = None
    audio: Source | None = None
    video: Source | None = None
    start: float | None = None
    end: float | None = None
    language: str | None = None
    speaker: str | None = None
    group: str | None = None
    time: str | None = None
    author: str | None = None
    labels: Mapping[str, float | str] = field(default_factory=dict)
    split: str | None = None
    series: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one expert says of one piece of input, calibrated, before fusion.

    Attributes:
        polarity: probabilities (3,) in the order of `POLARITIES`.
        emotions: probabilities (7,) in the order of `EMOTIONS`.
        score: intensity in [-1, 1].
        reliability: in [0, 1]: how far the input lets this expert be trusted (recogniser's confidence,
            signal-to-noise, face size and sharpness, text length).
        abstain: the input is outside what the expert was made for (no speech, music, an unsupported language).
        embedding: the expert's hidden vector (dim,), where the bundle fuses on it.
        measured: whether calibration was measured on inputs like this one.
        limits: what its prediction sets are made by: `polarity` and `emotions` → a `Conformal` as a mapping.
    """

    polarity: FloatArray
    emotions: FloatArray
    score: float
    reliability: float = 1.0
    abstain: bool = False
    embedding: FloatArray | None = field(default=None, repr=False)
    limits: Mapping[str, Mapping[str, float]] | None = field(default=None, repr=False)
    measured: bool = True
