"""An explanation as plain data: the fields are the keys of the JSON, `demeanor.explanation/1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from demeanor.errors import DataError
from demeanor.types import KeyFrame

SCHEMA = "demeanor.explanation/1"

Sentence = Mapping[str, str]
"""The same in English and Chinese: {"en": …, "zh": …}."""

_PLACES = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """A score in [-1, 1] and its label; both None where nothing is read."""

    score: float | None
    label: str | None


@dataclass(frozen=True, slots=True)
class CueShare:
    """What a cue says, how much of the overall score is its doing, and what the others say without it.

    `weight` and `share` are those of the analysis; `without` is None where it is the only cue, or cannot be told.
    """

    cue: str
    score: float | None
    label: str | None
    weight: float | None
    share: float | None
    without: Outcome | None


@dataclass(frozen=True, slots=True)
class WordShare:
    """A word at [start, end) of its segment's text: its share of the words' score, and their reading without it."""

    text: str
    start: int
    end: int
    share: float
    without: Outcome


@dataclass(frozen=True, slots=True)
class StretchShare:
    """A stretch of a voice from `start` to `end` (seconds): its share of the voice's score, and that without it."""

    start: float
    end: float
    share: float
    without: Outcome


@dataclass(frozen=True, slots=True)
class Parts:
    """How a cue's score in one segment is made: the shares sum to `score - base`.

    Attributes:
        score: with all parts.
        base: with none of them.
        exact: exact Shapley values; else sampled with a fixed seed.
        parts: in order.
    """

    score: float
    base: float
    exact: bool
    parts: tuple[WordShare, ...] | tuple[StretchShare, ...]


@dataclass(frozen=True, slots=True)
class SegmentReasons:
    """One segment of the analysis.

    Attributes:
        segment: its index.
        share: Shapley value of the overall score over the segments; None where there are too many.
        without: the overall reading without it; None where it is the only one, or there are too many.
        words: None where there are none, or they were not looked into.
        voice: likewise.
        conflict: cues that contradict one another in it, in words.
    """

    segment: int
    share: float | None = None
    without: Outcome | None = None
    words: Parts | None = None
    voice: Parts | None = None
    conflict: Sentence | None = None


@dataclass(frozen=True, slots=True)
class FrameShare:
    """What one frame of a film adds to the score of its cue; `face` is the track. Those of a cue sum to its score."""

    time: float
    cue: str
    face: str | None
    score: float
    share: float


@dataclass(frozen=True, slots=True)
class Heat:
    """Which regions of a picture count: the shares of the cells sum to `score - base`.

    Attributes:
        cue: scene or face.
        time: seconds of the frame in its film, None for a picture.
        face: whose face.
        box: x, y, width, height of what the cells cover, in fractions of the picture.
        values: shares, row by row from the top.
        score: of the cue on this picture.
        base: of the same with every cell blurred.
    """

    cue: str
    time: float | None
    face: str | None
    box: tuple[float, float, float, float]
    values: tuple[tuple[float, ...], ...]
    score: float
    base: float


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What would have to be left out for another label.

    Attributes:
        kind: what is left out. With `words`, reading and label are those of the words of one segment; else the overall.
        segment: that segment, None otherwise.
        items: names of cues, indices of segments, or indices into the segment's `words.parts`.
        texts: what they are, as text.
        before: the reading as it is.
        after: the reading without them.
        smallest: no smaller set changes the label: all were tried. Else it is the smallest that was found.
        exact: read anew without them; else worked out from the readings of the segments.
        said: in words.
    """

    kind: Literal["cues", "segments", "words"]
    segment: int | None
    items: tuple[str, ...] | tuple[int, ...]
    texts: tuple[str, ...]
    before: Outcome
    after: Outcome
    smallest: bool
    exact: bool
    said: Sentence


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an analysis says what it says.

    Attributes:
        id: of the analysis.
        source: likewise.
        kind: likewise.
        score: `overall.sentiment.score`; the shares of the cues sum to `score - base`.
        base: what is read of nothing: 0, but the training labels' mean where one model fuses all cues.
        label: `overall.sentiment.label`.
        said: the reasons in words, the most important first.
        agreement: agree, conflict, partly (some feel nothing), single or none; `agreement_said` in words.
        cues: every cue present.
        segments: those there is something to say of, in order.
        frames: of a film, by time.
        heat: of the picture, or of the frames that matter most.
        counterfactuals: what would change the label.
        limits: what was not explained, and why.
        provenance: version, bundle, seed, readings, seconds.
        pictures: the frames of `heat`, for the report; not part of the JSON.
    """

    id: str
    source: str | None
    kind: str
    score: float | None
    base: float
    label: str | None
    said: tuple[Sentence, ...]
    agreement: str
    agreement_said: Sentence
    cues: tuple[CueShare, ...]
    segments: tuple[SegmentReasons, ...]
    frames: tuple[FrameShare, ...]
    heat: tuple[Heat, ...]
    counterfactuals: tuple[Counterfactual, ...]
    limits: tuple[str, ...]
    provenance: Mapping[str, Any]
    pictures: tuple[KeyFrame, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON as plain data, numbers rounded to six places."""
        names = [name for name in self.__slots__ if name != "pictures"]
        out: dict[str, Any] = {"schema": SCHEMA, **{name: plain(getattr(self, name)) for name in names}}
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Explanation:
        """The inverse of `to_dict`; there are no `pictures` then.

        Raises:
            DataError: not an explanation of this schema.
        """
        try:
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']!r}")
            lists = {name: tuple(make(v) for v in data[name]) for name, make in _ELEMENTS.items()}
            return cls(**{key: value for key, value in data.items() if key != "schema"} | lists)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"expected an explanation as in {SCHEMA}, got one that misses or mistypes {error}; check it with "
                "demeanor.report.schema.validate"
            ) from error


def _outcome(data: Mapping[str, Any] | None) -> Outcome | None:
    return None if data is None else Outcome(**data)


def _cue(data: Mapping[str, Any]) -> CueShare:
    return CueShare(**{**data, "without": _outcome(data["without"])})


def _parts(data: Mapping[str, Any] | None, part: type[WordShare] | type[StretchShare]) -> Parts | None:
    if data is None:
        return None
    made = tuple(part(**{**p, "without": Outcome(**p["without"])}) for p in data["parts"])
    return Parts(**{**data, "parts": made})


def _segment(data: Mapping[str, Any]) -> SegmentReasons:
    words, voice = _parts(data["words"], WordShare), _parts(data["voice"], StretchShare)
    return SegmentReasons(**{**data, "without": _outcome(data["without"]), "words": words, "voice": voice})


def _heat(data: Mapping[str, Any]) -> Heat:
    x, y, w, h = data["box"]
    return Heat(**{**data, "box": (x, y, w, h), "values": tuple(tuple(row) for row in data["values"])})


def _counterfactual(data: Mapping[str, Any]) -> Counterfactual:
    lists = {"items": tuple(data["items"]), "texts": tuple(data["texts"])}
    outcomes = {"before": Outcome(**data["before"]), "after": Outcome(**data["after"])}
    return Counterfactual(**{**data, **lists, **outcomes})


_ELEMENTS: Mapping[str, Callable[[Any], Any]] = {
    "said": dict, "cues": _cue, "segments": _segment, "frames": lambda data: FrameShare(**data), "heat": _heat,
    "counterfactuals": _counterfactual, "limits": str,
}  # fmt: skip


def plain(value: Any) -> Any:
    """Dataclasses as mappings, tuples as lists, numbers to six places."""
    if isinstance(value, float):
        return round(float(value), _PLACES) + 0.0
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if hasattr(type(value), "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
