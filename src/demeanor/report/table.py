"""The analysis as a table for the terminal; every colour has a mark beside it, so it reads without, too."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demeanor.report.figures import (
    MARKS,
    Json,
    clock,
    cue_names,
    error_of,
    label_of,
    one_line,
    own_of,
    own_said,
    own_top,
    percent,
    score_of,
    signed,
    source_of,
    top_emotion,
    undecided,
)

_STYLES = {"positive": "dark_orange", "neutral": "grey62", "negative": "dodger_blue1"}
_SHORT = {"disgust": "disg.", "neutral": "neut.", "sadness": "sad", "surprise": "surp."}
_WIDE = 100
"""From this many columns on, emotions are written in full."""


def render(analysis: Json, console: Console, limit: int = 40) -> None:
    """Print one analysis: verdict, cues, segments (the first `limit`), what is missing, warnings."""
    error = error_of(analysis)
    if error:
        console.print(Text.assemble(("✗ ", "red"), (one_line(source_of(analysis)), "bold"), f"  {one_line(error)}"))
        return
    console.print(_title(analysis))
    console.print(_verdict(analysis.get("overall") or {}))
    if analysis.get("cues"):
        console.print()
        console.print(_cue_table(analysis["cues"], console.width >= _WIDE))
    segments = analysis.get("segments") or []
    if _worth_a_table(segments):
        console.print()
        console.print(_segment_table(segments[:limit], console.width >= _WIDE))
        if len(segments) > limit:
            more = f"… {len(segments) - limit} more segments; --json, --csv or --report holds all of them"
            console.print(Text(more, style="dim"))
    _notes(analysis, console)


def text(analysis: Json, width: int = 100) -> str:
    """The same as plain text, without colour, `width` columns wide."""
    out = io.StringIO()
    render(analysis, Console(file=out, width=width, color_system=None, legacy_windows=False, highlight=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _title(analysis: Json) -> Text:
    duration = analysis.get("duration")
    facts = [analysis.get("kind"), None if duration is None else clock(duration), analysis.get("language")]
    name = one_line(source_of(analysis))
    about = " · ".join(str(f) for f in facts if f)
    return Text.assemble((name, "bold"), ("  " if name else "", ""), (about, "dim"), overflow="fold")


def _verdict(overall: Json) -> Text:
    """`▲ positive +0.61  ·····│━━━···  72% sure (pooled)  joy 68%, neutral 20%`."""
    score, confidence = score_of(overall), overall.get("confidence")
    line = _reading(overall, long=True)
    line.stylize("bold")
    if score is not None:
        line.append("  ").append_text(_bar(score, label_of(overall)))
    if confidence is not None and not overall.get("abstain"):
        line.append(f"  {percent(confidence)} sure").append(f" ({overall.get('calibration')})", "dim")
    coverage, several = undecided(overall)
    if several:
        line.append(f"  {percent(coverage)}: {' or '.join(several)}", "dim")
    emotions = overall.get("emotions") or {}
    first = sorted(emotions, key=lambda e: -float(emotions[e]))[:2]
    if first:
        line.append("  ").append(", ".join(f"{e} {percent(emotions[e])}" for e in first))
    for task, said in own_of(overall).items():
        line.append(f"\n{task}: ", "dim").append(own_said(said))
    if overall.get("abstain"):
        line.append("\nNot sure enough to say: the input is outside what this model was made for.", "italic")
    return line


def _cue_table(cues: Json, wide: bool) -> Table:
    table = _table()
    for name in ("cue", "reading", "", "weight", "share", "emotion", "sure"):
        table.add_column(name, justify="right" if name in ("weight", "share", "sure") else "left", no_wrap=True)
    for name in cue_names(cues):
        cue = cues[name] or {}
        score, weight, share, confidence = (
            score_of(cue),
            *(cue.get(k) for k in ("weight", "share", "confidence")),
        )
        table.add_row(
            Text(name),
            _reading(cue, long=True),
            Text("") if score is None else _bar(score, label_of(cue), half=8 if wide else 5),
            "–" if weight is None else percent(weight),
            "–" if share is None else signed(share),
            _emotion(cue, wide=True, chance=True),
            "–" if confidence is None else percent(confidence),
        )
    return table


def _worth_a_table(segments: Sequence[Json]) -> bool:
    """A picture's single segment only repeats the overall reading."""
    return len(segments) > 1 or any(s.get("text") or s.get("start") is not None for s in segments)


def _segment_table(segments: Sequence[Json], wide: bool) -> Table:
    placed = any(s.get("start") is not None or s.get("chars") for s in segments)
    timed = any(s.get("start") is not None for s in segments)
    voices = any(s.get("speaker") for s in segments)
    spoken = any(one_line(s.get("text")) for s in segments)
    faces = wide and any(s.get("faces") for s in segments)
    cues = cue_names({c: None for s in segments for c in s.get("cues") or {}})
    table = _table(expand=spoken)
    heads = [("time" if timed else "chars", placed), ("who", voices), ("faces", faces)]
    for name, shown in heads:
        if shown:
            table.add_column(name, no_wrap=True, max_width=16 if name == "time" else 12 if wide else 8)
    if spoken:
        table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("fused", no_wrap=True)
    for cue in cues:
        table.add_column(cue, no_wrap=True, max_width=9)
    for s in segments:
        who = Text(one_line(s.get("speaker")))
        seen = Text(" ".join(dict.fromkeys(one_line(f["id"]) for f in s.get("faces") or ())))
        row = [cell for cell, (_, shown) in zip((_place(s), who, seen), heads, strict=True) if shown]
        row += [Text(one_line(s.get("text")))] if spoken else []
        row += [
            _reading(s.get("reading") or {}),
            *(_emotion((s.get("cues") or {}).get(c), wide) for c in cues),
        ]
        table.add_row(*row)
    return table


def _notes(analysis: Json, console: Console) -> None:
    missing, warnings = analysis.get("missing") or (), analysis.get("warnings") or ()
    if missing or warnings:
        console.print()
    if missing:
        console.print(Text(f"not read: {', '.join(missing)}", style="dim"))
    for warning in warnings:
        console.print(Text(f"! {one_line(warning)}", style="yellow"))


def _table(expand: bool = False) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=expand)


def _place(segment: Json) -> Text:
    start, end, chars = (segment.get(k) for k in ("start", "end", "chars"))
    if start is not None and end is not None:
        return Text(f"{clock(start)}–{clock(end)}" if end >= 600 else f"{clock(start, True)}–{clock(end, True)}")
    return Text("" if not chars else f"{chars[0]}–{chars[1]}")


def _reading(reading: Json, long: bool = False) -> Text:
    """`▲ +0.61`, long `▲ positive +0.61`; `–` without a reading; `?` where the reader abstains."""
    score, label = score_of(reading), label_of(reading)
    if score is None or label is None:
        return Text(own_top(reading) or ("– no reading" if long else "–"), style="" if own_top(reading) else "dim")
    mark = MARKS.get(label, "·")
    said = f"{mark} {label:<8} {signed(score):>5}" if long else f"{mark} {signed(score):>5}"
    return Text(said + ("?" if reading.get("abstain") and not long else ""), style=_STYLES.get(label, ""))


def _emotion(reading: Json | None, wide: bool, chance: bool = False) -> Text:
    top = top_emotion(reading)
    if top is None:
        return Text("–", style="dim")
    name = top[0] if wide else _SHORT.get(top[0], top[0])
    return Text(f"{name} {percent(top[1])}" if chance else name, style="dim" if top[0] == "neutral" else "")


def _bar(score: float, label: str | None, half: int = 8) -> Text:
    """A bar from the middle: `········│━━━━━···`."""
    filled = min(half, round(abs(score) * half))
    left = "·" * (half - filled) + "━" * filled if score < 0 else "·" * half
    right = "━" * filled + "·" * (half - filled) if score > 0 else "·" * half
    return Text(f"{left}│{right}", style=_STYLES.get(label or "", "dim"))
