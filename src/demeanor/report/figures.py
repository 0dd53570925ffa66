"""Numbers, times and labels as people read them; the small vocabulary every output shares.

All functions take plain dicts of `demeanor.analysis/1` and accept null wherever the schema allows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from demeanor.types import CUES, EMOTIONS

Json = Mapping[str, Any]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

MARKS = {"positive": "▲", "neutral": "●", "negative": "▼"}
"""A mark beside every colour: nothing is told by colour alone."""


def error_of(analysis: Json) -> str | None:
    """`Type: message` of an item that could not be read, else None."""
    error = analysis.get("error")
    if not error:
        return None
    return f"{error.get('type', 'Error')}: {error.get('message', '')}"


def source_of(analysis: Json) -> str:
    """What to call the item: its source, else its id."""
    return str(analysis.get("source") or analysis.get("id") or "")


def score_of(reading: Json | None) -> float | None:
    """Sentiment score in [-1, 1], None where nothing is predicted, or a user named a label alone."""
    sentiment = (reading or {}).get("sentiment")
    return None if not sentiment or sentiment["score"] is None else float(sentiment["score"])


def label_of(reading: Json | None) -> str | None:
    """negative, neutral or positive, None where nothing is predicted."""
    sentiment = (reading or {}).get("sentiment")
    return None if not sentiment else str(sentiment["label"])


def top_emotion(reading: Json | None) -> tuple[str, float] | None:
    """The most probable emotion and its probability (first of `EMOTIONS` on a tie)."""
    emotions = (reading or {}).get("emotions")
    if not emotions:
        return None
    known = [*EMOTIONS, *sorted(set(emotions) - set(EMOTIONS))]
    name = max((n for n in known if n in emotions), key=lambda n: float(emotions[n]))
    return name, float(emotions[name])


def undecided(reading: Json | None) -> tuple[float, list[str]]:
    """Coverage and names of the polarities in a prediction set of several; none where there is one, or no set."""
    sets = (reading or {}).get("sets") or {}
    found = sets.get("sentiment") or []
    return (float(sets["coverage"]), list(found)) if len(found) > 1 else (0.0, [])


def own_of(reading: Json | None) -> dict[str, dict[str, float] | float]:
    """What a trained model says in its own words and nothing else shows: task → chances by class, or a number."""
    reading = reading or {}
    own, sentiment = reading.get("own") or {}, reading.get("sentiment")
    shown = [set(EMOTIONS)] if reading.get("emotions") else []
    shown += [set(sentiment["probabilities"])] if sentiment else []
    out: dict[str, dict[str, float] | float] = {}
    for task, said in own.items():
        known = set(said) in shown if isinstance(said, Mapping) else said == score_of(reading)
        if not known:
            out[one_line(task)] = dict(said) if isinstance(said, Mapping) else float(said)
    return out


def own_top(reading: Json | None) -> str | None:
    """The first task's most probable class with its chance, or its number; None without any."""
    said = next(iter(own_of(reading).values()), None)
    if said is None:
        return None
    return own_said(said, 1) if isinstance(said, dict) else f"{said:.2f}"


def own_said(said: dict[str, float] | float, most: int = 3) -> str:
    """`calm 62%, neutral 20%`, the most probable first; of a number `1.83`."""
    if not isinstance(said, dict):
        return f"{said:.2f}"
    first = sorted(said, key=lambda name: -float(said[name]))[:most]
    return ", ".join(f"{one_line(name)} {percent(said[name])}" for name in first)


def signed(value: float, digits: int = 2) -> str:
    """`+0.61`, `-0.20`; what rounds to zero has no sign."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def percent(value: float) -> str:
    """`72%`; what is not certain is never said to be: `>99%`."""
    return ">99%" if 0.995 <= value < 1 else f"{100 * value:.0f}%"


def clock(seconds: float, tenths: bool = False) -> str:
    """`0:03`, `12:40`, `1:02:03`, with tenths `0:03.2`; for reading, not for machines."""
    units = math.floor(seconds * 10 + 0.5) if tenths else math.floor(seconds) * 10
    whole, tenth = divmod(units, 10)
    hours, rest = divmod(whole, 3600)
    head = f"{hours}:{rest // 60:02d}" if hours else str(rest // 60)
    return f"{head}:{rest % 60:02d}" + (f".{tenth}" if tenths else "")


def one_line(text: str | None) -> str:
    """White space, control and direction-override characters collapsed to single spaces.

    A blank line would end a subtitle, an escape sequence would reach the terminal.
    """
    return " ".join(_CONTROL.sub(" ", text or "").split())


def cue_names(cues: Json) -> list[str]:
    """Names of the cues present: the known ones in their fixed order, then any others by name."""
    return [c for c in CUES if c in cues] + sorted(set(cues) - set(CUES))


def is_timed(analysis: Json) -> bool:
    """Whether any segment has times."""
    return any(s.get("start") is not None for s in analysis.get("segments") or ())


def strongest_frames(frames: Iterable[Json], cue: str, most: int = 5) -> list[Json]:
    """The frames of an explanation that count most for a cue, by time; none whose share would be shown as 0.00."""
    counting = [f for f in frames if f["cue"] == cue and round(float(f["share"]), 2)]
    return sorted(sorted(counting, key=lambda f: -abs(f["share"]))[:most], key=lambda f: float(f["time"]))
