"""What the lab's commands share: tables of scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def print_record(record: Mapping[str, Any]) -> None:
    """One run's metrics, each with its interval and the constant's."""
    table = _table("metric", "value", "95 % interval", "constant")
    for name, found in record["metrics"].items():
        interval = "–" if math.isnan(found["low"]) else f"[{found['low']:.3f}, {found['high']:.3f}]"
        table.add_row(name, _number(found["value"]), interval, _number(record["floor"][name]))
    alone = "; one group: no interval" if record["groups"] == 1 else ""
    _print(table, f"{record['dataset']} · {record['split']} · {record['model']} · {record['n']} rows{alone}")
    if "by" in record:
        _print_by(record["by"])


def _print_by(found: Mapping[str, Any]) -> None:
    """A row per value; a task after the other, each with the samples that have its label."""
    for task in found["rows"][0]["tasks"]:
        rows = [(row["value"] or "(none)", row["tasks"][task]) for row in found["rows"]]
        metrics = list(dict.fromkeys(m for _, told in rows for m in told["metrics"]))
        table = _table(found["field"], "n", *metrics)
        for value, told in rows:
            table.add_row(value, str(told["n"]), *(_number(told["metrics"].get(m)) for m in metrics))
        _print(table, f"\n{task} by {found['field']}")


_HELD = {
    "corrections": "corrections held back: they were made where the model was wrong",
    "held_back": "texts held back",
}


def print_learned(told: Mapping[str, Any]) -> None:
    """What was learned from, and every metric before and after."""
    for part, found in told["parts"].items():
        table = _table("metric", "before", "after", "change, 95 % interval")
        for name, m in found["metrics"].items():
            span = f"{m['after'] - m['before']:+.3f} [{m['low']:+.3f}, {m['high']:+.3f}]"
            table.add_row(name, _number(m["before"]), _number(m["after"]), span)
        held = _HELD.get(part, part)
        _print(table, f"{held} · {found['n']} rows")
    if "bundle" in told:
        print(
            f"learned from {told['corrected']} texts with labels, and held to {told['left_as_read']} as they were read"
        )
        return
    print(
        f"learned from {told['corrected']} corrections and {told['pseudo_labelled']} pseudo-labels of "
        f"{told['unlabelled']} unlabelled samples"
    )


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A benchmark's summary: mean ± sd over seeds."""
    metrics = list(rows[0]["mean"])[:5]
    table = _table("model", "seeds", *metrics, "parameters", "s/epoch")
    for row in rows:
        cells = [_spread(row["mean"].get(m), row["sd"].get(m)) for m in metrics]
        table.add_row(
            row["entry"], str(row["seeds"]), *cells, f"{row['params']:,.0f}", f"{row['seconds_per_epoch']:.2f}"
        )
    constant = rows[0]["floor"]
    table.add_row("constant", "", *(_number(constant[m]) for m in metrics), "", "")
    _print(table, "test part, mean ± sd over seeds")


def _spread(mean: float | None, sd: float | None) -> str:
    """A dash where a row has no such metric, or a seed of it none."""
    return _number(mean) + ("" if sd is None or math.isnan(sd) else f" ± {sd:.3f}")


def _number(value: float | None) -> str:
    """Three digits; a metric that is undefined (a constant has no correlation) is a dash."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _print(table: Any, title: str) -> None:
    from demeanor.cli._terminal import stdout_console

    console = stdout_console()
    console.print(title)
    console.print(table)
