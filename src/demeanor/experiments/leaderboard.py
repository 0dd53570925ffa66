"""results/leaderboard.md out of the records: mean ± sd over seeds, floors, differences, counts of test reads."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.experiments import records
from demeanor.training.measure import LOWER_IS_BETTER

SHOWN = 6
"""Metrics per table at the most."""
FIRST = (
    "mae", "corr", "non0_acc2", "has0_acc2", "acc7", "acc2", "accuracy", "weighted_f1", "uar", "macro_f1",
)  # fmt: skip

HEAD = """# Leaderboard

Made by `python -m demeanor.experiments.leaderboard` from [records.jsonl](records.jsonl); not edited by hand. Numbers
are mean ± standard deviation over seeds on the test part named, which is read once per finished run; "(2 of 3)" is of
the seeds that have that number, the others having none. *Constant* always says the median label or the most frequent
class of that part. *Against* is the mean difference over seeds to the row named, with its 95 % interval over clusters
(videos, speakers, duplicate groups): a difference counts only where the interval excludes 0 (**bold**). Rows like
`concat (text)` have that modality alone. Seconds are wall time beside other work, megabytes the whole process.
"""

Record = Mapping[str, Any]
Differences = Mapping[str, Mapping[str, Any]]
"""Entry → row of a benchmark's summary."""


def write_leaderboard(results: Path = records.DEFAULT) -> Path:
    """Write leaderboard.md beside the records; its path."""
    everything = records.read(results)
    tables: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in everything:
        if "entry" in record:
            tables[(record["dataset"], record["protocol"], record.get("bench", ""))].append(record)
    summaries = _summaries(results.parent)
    pieces = [HEAD]
    for (dataset, protocol, bench), rows in sorted(tables.items()):
        told = [r for r in summaries.get(bench, ()) if _is_of(r, dataset, protocol)]
        pieces.append(_table(f"{dataset}: {protocol} ({bench})", rows, {r["entry"]: r for r in told}))
    apart = {p.parent.name: records.read(p) for p in sorted(results.parent.glob(f"*/{results.name}"))}
    pieces.append(_reads(everything, apart))
    path = results.parent / "leaderboard.md"
    path.write_text("\n".join(pieces), encoding="utf-8")
    return path


def _summaries(folder: Path) -> dict[str, list[Record]]:
    """Per benchmark its summary rows."""
    files = sorted(folder.glob("bench-*.json"))
    return {f.stem.removeprefix("bench-"): json.loads(f.read_text(encoding="utf-8")) for f in files}


def _is_of(row: Record, dataset: str, protocol: str) -> bool:
    """Whether a summary's row belongs to a table; rows were once written without saying to which."""
    return (row.get("dataset", dataset), row.get("protocol", protocol)) == (dataset, protocol)


def _table(title: str, rows: Sequence[Record], summary: Differences) -> str:
    latest = records.latest(rows)
    lost = {e: seeds for e, found in latest.items() if (seeds := [r["seed"] for r in found if records.has_diverged(r)])}
    latest = {entry: found for entry, found in latest.items() if entry not in lost}
    rows = [r for r in rows if not records.has_diverged(r)]
    if not latest:
        return "\n".join([f"## {title}", "", *_left_out(lost)])
    newest = rows[-1]
    shown = next(iter(summary.values()), newest).get("shown")  # of the last comparison, not of the last test read
    metrics = _metrics(newest["metrics"], shown or newest.get("shown"))
    told = dict.fromkeys(o for r in summary.values() for o in r.get("against", {}))
    against = [other for other in told if other not in lost]
    first = metrics[0]
    head = ["model", "seeds", *metrics, *(f"{first} against {o}" for o in against), "parameters", "s/epoch", "MB"]
    lines = [f"## {title}", "", _row(head), _row(["---"] * len(head))]
    lines.append(
        _row(["*constant*", "", *(_number(newest["floor"].get(m)) for m in metrics), *[""] * (len(against) + 3)])
    )
    for entry in _ranked(latest, first):
        found = latest[entry]
        cells = [records.spread([_value(r, m) for r in found]) for m in metrics]
        differences = [_difference(_interval(summary, entry, o, first)) for o in against]
        cost = [f"{found[0]['params']:,}", f"{_average(found, 'seconds_per_epoch'):.1f}"]
        lines.append(_row([entry, str(len(found)), *cells, *differences, *cost, f"{_average(found, 'peak_mb'):.0f}"]))
    notes = [*_notes(rows, latest, first), *_left_out(lost), *_verdicts(latest, summary, against, first)]
    return "\n".join([*lines, "", *notes, ""])


def _left_out(lost: Mapping[str, Sequence[int]]) -> list[str]:
    """Rows of which a run diverged, and its seeds: the mean of those that ended would be of the lucky ones."""
    told = "; ".join(f"{entry} (seed {', '.join(map(str, seeds))})" for entry, seeds in lost.items())
    return [f"Left out, for runs of theirs diverged: {told}.", ""] if lost else []


def _ranked(latest: Mapping[str, Sequence[Record]], metric: str) -> list[str]:
    """Entries, the best first; those of which a seed lacks that metric below them, those without it last."""
    sign = 1 if metric.endswith(LOWER_IS_BETTER) else -1
    values = {entry: [_value(r, metric) for r in found] for entry, found in latest.items()}

    def rank(entry: str) -> tuple[int, float]:
        known = [v for v in values[entry] if v is not None]
        return 0 if len(known) == len(values[entry]) else 1 if known else 2, sign * float(np.mean(known or [0]))

    return sorted(values, key=rank)


def _metrics(found: Iterable[str], shown: str | None) -> list[str]:
    names = list(found)
    known = [n for f in FIRST for n in names if n == f or n.endswith(f"_{f}")]
    return list(dict.fromkeys([*([shown] if shown in names else []), *known, *names]))[:SHOWN]


def _notes(rows: Sequence[Record], latest: Mapping[str, Sequence[Record]], metric: str) -> list[str]:
    """Encoders, rows, reads, commands; the folds' mean and worst, where folds are whole speakers or domains."""
    encoders = {m: name for found in latest.values() for r in found for m, name in r["encoders"].items()}
    commands = "; ".join(f"`{c}`" for c in sorted({r["command"] for r in rows}))
    told = [
        f"Encoders: {', '.join(f'{m} `{name}`' for m, name in encoders.items())}. {rows[-1]['n']:,} test rows, read "
        f"{sum(_is_read(r) for r in rows)} times, once per row of this table and seed. {commands}",
        "",
    ]
    for entry, found in latest.items():
        held = [f for r in found for f in r.get("folds", ()) if "held" in f]
        if held:
            told += [_by_domain(entry, held, metric), ""]
    return told


def _by_domain(entry: str, folds: Sequence[Mapping[str, Any]], metric: str) -> str:
    """A part where the metric is not defined (all rows of one class, say) has –, and no share in the mean."""
    values: dict[str, list[float]] = defaultdict(list)
    for fold in folds:
        value = fold["metrics"].get(metric)
        values[", ".join(fold["held"])] += [] if value is None else [value]
    means = {held: float(np.mean(v)) for held, v in values.items() if v}
    order = sorted(means, key=means.__getitem__, reverse=metric.endswith(LOWER_IS_BETTER))
    each = ", ".join(f"{held} {_number(means.get(held))}" for held in [*order, *(h for h in values if h not in means)])
    mean = _number(float(np.mean(list(means.values()))) if means else None)
    worst = f"{order[0]} {_number(means[order[0]])}" if order else "–"
    return f"{entry}, {metric} of each part left out: mean {mean}, worst {worst} ({each})."


def _verdicts(
    latest: Mapping[str, Sequence[Record]], summary: Differences, against: Sequence[str], metric: str
) -> list[str]:
    """Per row compared with: which models are better or worse than it, and which cannot be told from it."""
    lines = []
    for other in against:
        sides: dict[str, list[str]] = {"better": [], "worse": [], "same": []}
        for entry in _ranked(latest, metric):
            found = _interval(summary, entry, other, metric)
            if found is not None:
                sides[_side(found, metric)].append(entry)
        told = [f"better: {_names(sides['better'])}", f"not distinguishable: {_names(sides['same'])}"]
        told += [f"worse: {_names(sides['worse'])}"]
        lines += [f"Against {other}, by {metric}: {'; '.join(told)}.", ""]
    return lines


def _interval(summary: Differences, entry: str, other: str, metric: str) -> Mapping[str, float] | None:
    found: Mapping[str, float] | None = summary.get(entry, {}).get("against", {}).get(other, {}).get(metric)
    return found if found and found["value"] is not None and found["low"] is not None else None


def _side(found: Mapping[str, float], metric: str) -> str:
    if found["low"] <= 0 <= found["high"]:
        return "same"
    up = found["value"] > 0
    return "better" if up != metric.endswith(LOWER_IS_BETTER) else "worse"


def _names(entries: Sequence[str]) -> str:
    return ", ".join(entries) or "none"


def _reads(everything: Iterable[Record], apart: Mapping[str, Sequence[Record]]) -> str:
    """How often each data set's held-back part was read: by the lab, in the folders `apart`, and for the reader."""
    by = {True: "by the lab", False: "for the reader"}
    # Runs of the lab have a run file, whether a benchmark tested them or `demeanor evaluate` did.
    read = Counter((r["dataset"], by["entry" in r or "config_sha256" in r]) for r in _read_once(everything))
    read += Counter((r["dataset"], f"in {name}/") for name, rows in apart.items() for r in _read_once(rows))
    columns = ["by the lab", *(f"in {name}/" for name in apart), "for the reader"]
    lines = ["## How often test parts were read", "", _row(["data set", *columns, "in all"])]
    lines.append(_row(["---"] * (len(columns) + 2)))
    for dataset in sorted({d for d, _ in read}):
        counts = [read[dataset, column] for column in columns]
        lines.append(_row([dataset, *map(str, counts), str(sum(counts))]))
    return "\n".join([*lines, "", "One read is one model with one seed on one protocol, or one figure of a card.", ""])


def _read_once(rows: Iterable[Record]) -> list[Record]:
    """Those for which a test part was read; the reads of single folds are in that of all folds, where there is one."""
    rows = list(rows)
    pooled = {(r["bench"], r["entry"], r["seed"], at) for r in rows for at in r.get("folds_read_at", ())}
    at = ("bench", "fold_of", "seed", "test_read_at")
    return [r for r in rows if _is_read(r) and tuple(r.get(k) for k in at) not in pooled]


def _is_read(record: Record) -> bool:
    """Whether a test part was read for it: what was measured again is of predictions that were there."""
    return not record.get("measured_again") and bool(record.get("test_read_at")) and record.get("split") != "valid"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"


def _value(row: Record, metric: str) -> float | None:
    """None where the metric is not defined, or was none when the record was made."""
    found: float | None = row["metrics"].get(metric, {}).get("value")
    return found


def _average(rows: Sequence[Record], key: str) -> float:
    return float(np.mean([r[key] for r in rows]))


def _difference(found: Mapping[str, float] | None) -> str:
    if found is None:
        return ""
    text = f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"
    return text if found["low"] <= 0 <= found["high"] else f"**{text}**"


if __name__ == "__main__":
    print(write_leaderboard())
