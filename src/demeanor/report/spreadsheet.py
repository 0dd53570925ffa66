"""One row per segment, for spreadsheet programs."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Mapping, Sequence

from demeanor.report.corrections import overlaid
from demeanor.report.figures import Json, cue_names, error_of, label_of, score_of, top_emotion
from demeanor.types import CUES, EMOTIONS, POLARITIES

_BOM = "\ufeff"
_FORMULA = tuple("=+-@＝＋－＠")
_DIMENSIONS = ("valence", "arousal", "dominance")

Cell = str | int | float | None


def csv(analyses: Json | Sequence[Json]) -> str:
    """Text of a .csv file: UTF-8 byte-order mark, CRLF lines, one row per segment.

    An analysis without segments gives one row with its overall reading, one that failed a row with its error.
    The columns are the same for every call; cues beyond the known four come after them. Text cells that a
    spreadsheet would run as a formula get a leading apostrophe. Texts and speakers are those that a user corrected;
    corrected labels stand beside what was read, in columns `corrected_…` that are there where any is.
    """
    columns, rows = table(analyses)
    out = io.StringIO()
    writer = csv_format.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return _BOM + out.getvalue()


def table(analyses: Json | Sequence[Json]) -> tuple[list[str], list[dict[str, Cell]]]:
    """The same as values: the columns' names, and per row what it has of them."""
    items: Sequence[Json] = [analyses] if isinstance(analyses, Mapping) else analyses
    rows = [row for item in items for row in _rows(item)]
    columns = _columns()
    columns += sorted({key for row in rows for key in row} - set(columns))
    return columns, rows


def _columns() -> list[str]:
    head = ["id", "source", "kind", "language", "segment", "start", "end", "char_from", "char_to"]
    said = ["speaker", "faces", "text", "label", "score", *(f"p_{p}" for p in POLARITIES)]
    felt = [
        "emotion",
        *(f"emotion_{e}" for e in EMOTIONS),
        *_DIMENSIONS,
        "confidence",
        "calibration",
        "abstain",
    ]
    cues = [f"{cue}_{what}" for cue in CUES for what in ("label", "score", "emotion", "weight")]
    return [*head, *said, *felt, *cues, "error"]


def _rows(item: Json) -> list[dict[str, Cell]]:
    head: dict[str, Cell] = {key: item.get(key) for key in ("id", "source", "kind", "language")}
    error = error_of(item)
    if error:
        return [{**head, "error": error}]
    segments = overlaid(item)["segments"]
    if not segments:
        return [{**head, **_reading(item.get("overall")), **_cues(item.get("cues") or {})}]
    return [{**head, "segment": number, **_segment(segment)} for number, segment in enumerate(segments, start=1)]


def _segment(segment: Json) -> dict[str, Cell]:
    chars = segment.get("chars") or (None, None)
    return {
        "start": segment.get("start"),
        "end": segment.get("end"),
        "char_from": chars[0],
        "char_to": chars[1],
        "speaker": segment.get("speaker"),
        "faces": " ".join(f["id"] for f in segment.get("faces") or ()),
        "text": segment.get("text"),
        **_reading(segment.get("reading")),
        **_cues(segment.get("cues") or {}),
        **_corrected(segment.get("corrected")),
    }


def _corrected(said: Json | None) -> dict[str, Cell]:
    """What a user said of the segment's labels."""
    top = top_emotion(said)
    cells = {"label": label_of(said), "score": score_of(said), "emotion": top[0] if top else None}
    return {f"corrected_{name}": value for name, value in cells.items() if value is not None}


def _reading(reading: Json | None) -> dict[str, Cell]:
    reading = reading or {}
    probabilities = (reading.get("sentiment") or {}).get("probabilities") or {}
    emotions, dimensions = reading.get("emotions") or {}, reading.get("dimensions") or {}
    top = top_emotion(reading)
    abstain = reading.get("abstain")
    return {
        "label": label_of(reading),
        "score": score_of(reading),
        **{f"p_{p}": probabilities.get(p) for p in POLARITIES},
        "emotion": top[0] if top else None,
        **{f"emotion_{e}": emotions.get(e) for e in EMOTIONS},
        **{d: dimensions.get(d) for d in _DIMENSIONS},
        "confidence": reading.get("confidence"),
        "calibration": reading.get("calibration"),
        "abstain": None if abstain is None else str(bool(abstain)).lower(),
        **{f"own_{task}": _own(said) for task, said in (reading.get("own") or {}).items()},
    }


def _own(said: Mapping[str, float] | float) -> Cell:
    """The most probable class, or the number."""
    return max(said, key=lambda name: said[name]) if isinstance(said, Mapping) else float(said)


def _cues(cues: Json) -> dict[str, Cell]:
    out: dict[str, Cell] = {}
    for cue in cue_names(cues):
        top = top_emotion(cues[cue])
        out[f"{cue}_label"] = label_of(cues[cue])
        out[f"{cue}_score"] = score_of(cues[cue])
        out[f"{cue}_emotion"] = top[0] if top else None
        out[f"{cue}_weight"] = (cues[cue] or {}).get("weight")
    return out


def _cell(value: Cell) -> str:
    """Numbers to six places (`-0.2` stays a number); text that a spreadsheet would run is made text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if round(value, 6) else "0"
    text = str(value).replace("\x00", "")
    if not isinstance(value, str):
        return text
    runs = text.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if runs else text
