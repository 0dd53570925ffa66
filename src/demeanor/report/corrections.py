"""What users put over an analysis (`corrections`), laid over it for people to look at; the analysis itself stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanor.media.corrections import corrected_speech, corrections_of, place_of
from demeanor.report.figures import Json
from demeanor.types import CUES, EMOTIONS, POLARITIES

__all__ = ["corrected_segments", "corrections_of", "emotions_meant", "label_meant", "overlaid", "place_of", "shown"]

_LABELS = {
    "label": "polarity", "polarity": "polarity", "score": "score", "emotions": "emotions", "emotion": "emotions",
}  # fmt: skip


def label_meant(path: list[str]) -> str | None:
    """`polarity`, `score` or `emotions` of a fused reading; None for texts, speakers, faces, cues and own tasks."""
    inner = {"faces", "cues", "own", *CUES}.intersection(path)
    return None if inner or not path else _LABELS.get(path[-1])


def emotions_meant(value: Any) -> list[str]:
    """One name, several, or probabilities, of which the highest counts."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, Mapping):
        return [max(EMOTIONS, key=lambda e: value[e] if isinstance(value.get(e), int | float) else 0.0)]
    return list(value) if isinstance(value, list | tuple) else [value]


def polarity_of(score: float) -> str:
    """The class of a score: its sign."""
    return POLARITIES[1 + (score > 0) - (score < 0)]


def same_side(polarity: str, score: float) -> bool:
    """Whether a class and a score can be said of one thing: neutral goes with any score, the others with their sign."""
    return polarity in ("neutral", polarity_of(score))


def overlaid(analysis: Json) -> dict[str, Any]:
    """The analysis with the corrected texts and speakers of its segments in place of what was heard.

    A segment whose labels were corrected gets `corrected` beside its `reading`: a reading of what the user said alone,
    `{"sentiment": {"label", "score"}, "emotions"}`, each null where he said nothing. The last word on each counts; what
    is no text, no name, no label, or of no segment, is passed over.
    """
    segments = corrected_speech(analysis)
    for path, value, _, _ in corrections_of(analysis):
        place, name = place_of(path), label_meant(path)
        if place is not None and 0 <= place < len(segments) and name is not None:
            segments[place]["corrected"] = _said(segments[place].get("corrected"), name, value)
    return {**analysis, "segments": segments}


def shown(segment: Json) -> Json | None:
    """The reading of a segment of `overlaid` that people are shown: what was read, or what a user said in its place.

    Beside a label that a user set stands no number and no emotion that were read with another one.
    """
    said, read = segment.get("corrected"), segment.get("reading")
    if said and not said["sentiment"] and read and read.get("sentiment"):
        return {**said, "sentiment": {k: read["sentiment"][k] for k in ("label", "score")}}
    result: Json | None = said or read
    return result


def corrected_segments(analysis: Json) -> int:
    """How many segments differ from what was read."""
    read = analysis.get("segments") or ()
    return sum(
        any(new.get(k) != old.get(k) for k in ("text", "speaker", "corrected"))
        for new, old in zip(overlaid(analysis)["segments"], read, strict=True)
    )


def _said(before: Mapping[str, Any] | None, name: str, value: Any) -> dict[str, Any] | None:
    """What a user has said of a segment with one thing more; what is no label is passed over."""
    said: dict[str, Any] = dict(before or {"sentiment": None, "emotions": None})
    sentiment = dict(said["sentiment"] or {"label": None, "score": None})
    if name == "polarity" and value in POLARITIES:
        said["sentiment"] = sentiment | {"label": value}
        if sentiment["score"] is not None and not same_side(value, sentiment["score"]):
            said["sentiment"]["score"] = None  # a label of the other side, said later
    elif name == "score" and isinstance(value, int | float) and not isinstance(value, bool) and -1 <= value <= 1:
        label = sentiment["label"]
        if label is None or not same_side(label, value):
            label = polarity_of(value)
        said["sentiment"] = {"label": label, "score": float(value)}
    elif name == "emotions" and (known := [e for e in emotions_meant(value) if e in EMOTIONS]):
        said["emotions"] = {known[0]: 1.0}
    return said if said["sentiment"] or said["emotions"] else None
