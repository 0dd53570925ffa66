"""Reliability diagrams as a matplotlib figure: how often a reader is right, against how sure it is (extra `plots`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from demeanor.plugins import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _BAR, _GAP, _IDEAL = "#1c2330", "#2f6fb8", "#d9791a", "#8d939d"
_ACROSS = 4


def diagrams(tables: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """A figure with one diagram per table: accuracy by bin of confidence, the diagonal, and what lies between.

    Args:
        tables: title → `metrics.calibration.Reliability.to_dict()`; one or more.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", "plots", "drawing reliability diagrams")
    from matplotlib.figure import Figure

    columns = min(_ACROSS, len(tables))
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(2.9 * columns, 3.1 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (title, table) in zip(axes, tables.items(), strict=False):
        total = sum(table["count"])
        spans = list(zip(table["confidence"], table["accuracy"], table["count"], strict=True))
        error = sum(n * abs(a - c) for c, a, n in spans) / max(1, total)
        axis.plot([0, 1], [0, 1], color=_IDEAL, lw=1, ls="--")
        axis.vlines([c for c, _, _ in spans], *zip(*((min(c, a), max(c, a)) for c, a, _ in spans), strict=True), _GAP)
        axis.plot([c for c, _, _ in spans], [a for _, a, _ in spans], "o-", color=_BAR, ms=4, lw=1.2, clip_on=False)
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axis.set_title(title, loc="left", fontsize=10, color=_INK)
        axis.text(0.97, 0.05, f"ECE {error:.3f}\nn = {total:,.0f}", ha="right", fontsize=8, color=_INK)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(length=0, labelsize=8)
    for axis in axes[len(tables) :]:
        axis.set_axis_off()
    figure.supxlabel("how sure", fontsize=10)
    figure.supylabel("how often right", fontsize=10)
    return figure
