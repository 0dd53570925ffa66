"""What bundle.json says of a model that fuses features: its modalities, encoders, tasks; checked before any use.

The description may come from a stranger: every name of a file is a plain name, every number has a bound, and what is
not expected is refused with the place where it stands.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from demeanor.errors import BundleError
from demeanor.features.meaning import Reads, sums

MOST_MODALITIES = 6
"""A reading asks the model for every subset of them."""

WIDEST = 65_536
"""Numbers in a step of a modality, or in a side of its picture."""

LONGEST = 1_000_000
"""Steps, and any whole number in an encoder's settings."""

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$")]
NAME = r"[\w-]{1,61}"
"""What tasks and modalities may be called, in any script; such a name leads into no other folder."""

Name = Annotated[str, Field(pattern=f"^{NAME}$")]
CueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """A part of the description: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderPart(Part):
    """An encoder: its name and version, its settings, the file of what it learned, and what it needs besides.

    Attributes:
        needs: name → sha256 of weights that are not in the bundle, but must be these very ones.
        made_from: the encoder of the lab that this one stands for, where that one needs torch.
    """

    name: Name
    version: int
    settings: dict[str, Any] = {}
    state: FileName | None = None
    needs: dict[str, str] = {}
    made_from: str | None = None

    @model_validator(mode="after")
    def _bounded(self) -> EncoderPart:
        for key, value in self.settings.items():
            if not _within(value):
                raise ValueError(f"settings.{key}: expected a plain value of reasonable size, got {value!r:.80}")
        return self


def _within(value: Any, depth: int = 0) -> bool:
    """Whether a setting is a string, a number within bounds, or a short list of such."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return math.isfinite(value) and abs(value) <= LONGEST
    if isinstance(value, str):
        return len(value) <= 1000
    if isinstance(value, list | tuple):
        return depth < 2 and len(value) <= 4096 and all(_within(v, depth + 1) for v in value)
    return False


class ModalityPart(Part):
    """One modality: where its numbers come from, and how the model takes them.

    Attributes:
        cue: its name in an analysis.
        shape: of one step: (dim,) of frames, () of ids, (C, H, W) of a picture.
        longest: steps beyond which it is cut.
        mean: whether it is reduced to its mean over time.
        moments: whether to its mean and standard deviation, side by side.
        steps: of the longest training sample, as the model takes it.
        raw_steps: of that sample as the encoder gives it, neither cut nor averaged; None: earlier versions did not say.
        seconds: of the longest training sample, where the encoder gives one step whatever it lasts.
    """

    cue: CueName
    encoder: EncoderPart
    kind: Literal["frames", "ids", "picture"]
    shape: tuple[Annotated[int, Field(ge=1, le=WIDEST)], ...] = Field(max_length=3)
    longest: int | None = Field(default=None, ge=1, le=LONGEST)
    mean: bool = False
    moments: bool = False
    steps: int = Field(default=1, ge=0)
    raw_steps: int | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _shaped(self) -> ModalityPart:
        if len(self.shape) != {"frames": 1, "ids": 0, "picture": 3}[self.kind]:
            raise ValueError(f"shape: expected that of a step of {self.kind}, got {list(self.shape)}")
        if math.prod(self.shape) > 1 << 24:
            raise ValueError(f"shape: expected at most {1 << 24} numbers, got {list(self.shape)}")
        return self


class Scaling(Part):
    """Calibrated probabilities are softmax(logits / t + bias)."""

    t: float = Field(gt=0, allow_inf_nan=False)
    bias: tuple[Finite, ...] | None = None


class Limit(Part):
    """Of prediction sets: classes with 1 − p up to the threshold, or labels that far from the number predicted."""

    threshold: float = Field(ge=0, allow_inf_nan=False)
    coverage: float = Field(gt=0, lt=1)
    samples: int = Field(ge=1)


class TaskPart(Part):
    """One task: what the model predicts, and how that reads.

    Attributes:
        classes: of a classification; None for a regression.
        reads: what of a reading it fills; None: only `own`.
        scale: predictions are label · scale.
        low: of the labels, in their own units; they become -1 and 1 of a score.
        high: likewise.
        spread: standard deviation of a regression's errors on validation, in units of the score; where too few rows
            had a label, that of the training labels.
        prior: mean of the training labels, per class or (one number) of a regression's predictions.
        calibration: per set of modalities (`audio+text`), where it could be measured.
        sets: likewise what prediction sets are made by.
        rows: labelled validation rows per set of modalities.
    """

    classes: tuple[Label, ...] | None = Field(default=None, min_length=1, max_length=4096)
    reads: Reads | None = None
    scale: float = Field(default=1.0, allow_inf_nan=False)
    low: float = Field(default=-1.0, allow_inf_nan=False)
    high: float = Field(default=1.0, allow_inf_nan=False)
    spread: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    prior: tuple[Finite, ...]
    calibration: dict[str, Scaling] = {}
    sets: dict[str, Limit] = {}
    rows: dict[str, int] = {}

    @model_validator(mode="after")
    def _fits(self) -> TaskPart:
        count = 1 if self.classes is None else len(self.classes)
        if len(self.prior) != count:
            raise ValueError(f"prior: expected {count} numbers, got {len(self.prior)}")
        if any(s.bias is not None and len(s.bias) != count for s in self.calibration.values()):
            raise ValueError(f"calibration: expected a bias of {count} numbers")
        if self.classes is not None and len(set(self.classes)) < count:
            raise ValueError("classes: expected every class once")
        if (self.reads in ("polarity", "emotions")) != (self.reads is not None and self.classes is not None):
            raise ValueError(f"reads: '{self.reads}' does not go with {'classes' if self.classes else 'a number'}")
        if self.reads in ("polarity", "emotions") and sums(self.classes or (), self.reads) is None:
            raise ValueError(f"reads: the classes are not those of {self.reads}")
        if not self.low < self.high or not self.scale:
            raise ValueError(f"expected low < high and a scale, got {self.low}, {self.high}, {self.scale}")
        return self


class Described(BaseModel):
    """The whole description; further keys (name, licence, metrics, provenance, …) are for people."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: Literal["features"]
    name: str = Field(max_length=200)
    version: str = Field(max_length=60)
    graph: FileName
    scales: FileName | None = None
    context: int = Field(default=0, ge=0, le=1000)
    modalities: dict[Name, ModalityPart] = Field(min_length=1, max_length=MOST_MODALITIES)
    tasks: dict[Name, TaskPart] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _named_once(self) -> Described:
        cues = [m.cue for m in self.modalities.values()]
        if len(set(cues)) < len(cues):
            raise ValueError(f"modalities: expected a cue of its own for each, got {', '.join(cues)}")
        if self.context and any(m.kind != "frames" for m in self.modalities.values()):
            raise ValueError("context: expected frames in every modality")
        return self

    def width(self, modality: str) -> int:
        """Width of a step as the graph takes it: with context one more, which marks the target."""
        return self.modalities[modality].shape[0] + bool(self.context)


def encoder_file(modality: str, end: str) -> str:
    """The name of a file of a modality's encoder, a `FileName` in whatever script the modality is called."""
    plain = modality if modality.isascii() else hashlib.sha256(modality.encode()).hexdigest()[:12]
    return f"encoder-{plain}{end}"


def described(spec: Mapping[str, Any], place: str) -> Described:
    """The description of a bundle, checked.

    Raises:
        BundleError: something is missing, unknown or out of bounds; names up to five places.
    """
    try:
        return Described.model_validate(dict(spec))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'bundle'}: {e['msg']}" for e in error.errors()[:5]]
        raise BundleError(
            f"{place}: expected the description of a model that fuses features, got {'; '.join(faults)}; export it anew"
        ) from None
