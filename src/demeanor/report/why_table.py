"""An explanation as tables for the terminal; every colour has a mark beside it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demeanor.report.figures import MARKS, Json, clock, one_line, percent, signed, source_of, strongest_frames

_STYLES = {"positive": "dark_orange", "neutral": "grey62", "negative": "dodger_blue1"}
_FAINT = 0.03  # shares below it are not marked
_CHANGES = 12  # at most


def render(analysis: Json, why: Json, console: Console) -> None:
    """Print one explanation: the reasons in words, cues, words, seconds, what would change it."""
    language = "zh" if str(analysis.get("language") or "").split("-")[0] == "zh" else "en"
    name = one_line(source_of(analysis))
    if name:
        console.print(Text(name, style="bold"))
    for number, said in enumerate(why["said"]):
        console.print(Text(one_line(said[language]), style="bold" if number == 0 else ""))
    if len(why["cues"]) > 1:
        console.print()
        console.print(_cues(why["cues"]))
    segments = analysis.get("segments") or []
    looked = [s for s in why["segments"] if s["words"] or s["voice"]]
    if looked:
        console.print()
    for found in looked:
        _segment(found, segments[found["segment"]], len(segments) > 1, language, console)
    _frames(why, console)
    if why["counterfactuals"]:
        console.print()
        console.print(_changes(why["counterfactuals"][:_CHANGES], segments))
    for limit in why["limits"]:
        console.print(Text(f"! {one_line(limit)}", style="yellow"))


def _cues(cues: Sequence[Json]) -> Table:
    table = _table("cue", "says", "weight", "share", "without it")
    for cue in cues:
        table.add_row(
            Text(cue["cue"]),
            _outcome(cue),
            "–" if cue["weight"] is None else percent(cue["weight"]),
            "–" if cue["share"] is None else signed(cue["share"]),
            _outcome(cue["without"]),
        )
    return table


def _segment(found: Json, segment: Json, named: bool, language: str, console: Console) -> None:
    """One segment: its words with their shares, its seconds."""
    start = segment.get("start")
    place = Text("")
    if named:
        place = Text(f"{clock(start, True) if start is not None else found['segment'] + 1}  ", style="dim")
    if found["words"]:
        console.print(place + _marked(segment.get("text") or "", found["words"]["parts"]))
    if found["voice"]:
        line = Text("    voice " if named else "voice ", style="dim")
        for part in found["voice"]["parts"]:
            line.append(f" {clock(part['start'], True)} ", style="dim").append_text(_share(part["share"]))
        console.print(line)
    if found["conflict"]:
        console.print(Text(f"    {found['conflict'][language]}", style="yellow"))


def _marked(text: str, parts: Sequence[Json]) -> Text:
    """The text, with its share behind every word that counts: `cold▼-0.21`."""
    line, at = Text(), 0
    for part in parts:
        line.append(text[at : part["start"]].replace("\n", " "))
        said, at = one_line(text[part["start"] : part["end"]]), part["end"]
        if abs(part["share"]) < _FAINT:
            line.append(said)
        else:
            line.append(said, style=_style(part["share"])).append_text(_share(part["share"]))
    return line


def _share(value: float) -> Text:
    if abs(value) < _FAINT:
        return Text("·", style="dim")
    return Text(f"{'▼' if value < 0 else '▲'}{signed(value)}", style=_style(value))


def _style(value: float) -> str:
    return _STYLES["negative" if value < 0 else "positive"]


def _frames(why: Json, console: Console) -> None:
    for cue in dict.fromkeys(f["cue"] for f in why["frames"]):
        own = strongest_frames(why["frames"], cue)
        if not own:
            continue
        line = Text(f"{cue}: frames that count ", style="dim")
        for frame in own:
            line.append(f" {clock(frame['time'], True)} ").append(signed(frame["share"]), style=_style(frame["share"]))
        console.print(line)


def _changes(changes: Sequence[Json], segments: Sequence[Json]) -> Table:
    table = _table("left out", "in", "reading")
    table.columns[0].no_wrap = False
    for change in changes:
        gone = (
            change["items"] if change["kind"] == "cues" else [_quoted(c, change) for c in range(len(change["items"]))]
        )
        where = ""
        if change["segment"] is not None:
            start = segments[change["segment"]].get("start")
            where = str(change["segment"] + 1) if start is None else clock(start, True)
        reading = _outcome(change["before"]) + Text(" → ", style="dim") + _outcome(change["after"])
        table.add_row(Text(", ".join(gone)), where, reading)
    return table


def _quoted(at: int, change: Json) -> str:
    text = one_line(change["texts"][at])
    return f"“{text if len(text) <= 48 else text[:47] + '…'}”" if text else f"#{change['items'][at] + 1}"


def _outcome(found: Json | None) -> Text:
    if found is None or found["label"] is None:
        return Text("–", style="dim")
    return Text(f"{MARKS[found['label']]} {found['label']} {signed(found['score'])}", style=_STYLES[found["label"]])


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True, justify="right" if name in ("weight", "share") else "left")
    return table
