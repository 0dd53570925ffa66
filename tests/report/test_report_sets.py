"""What cannot be told apart is said in the table and on the page, in both languages; reliability diagrams are drawn."""

from pathlib import Path

import numpy as np
import pytest
import report_analyses as made

from demeanor.metrics.calibration import reliability
from demeanor.report import table
from demeanor.report.html import render
from demeanor.report.schema import validate


def analysis(*names: str) -> dict:
    found = made.pure_text()
    found["overall"]["sets"] = {"coverage": 0.9, "sentiment": list(names), "emotions": None}
    validate(found)
    return found


def test_several_polarities_are_named_and_one_is_not() -> None:
    several, one = analysis("neutral", "positive"), analysis("positive")
    assert "90%: neutral or positive" in table.text(several, 120)
    assert "90%:" not in table.text(one, 120)
    assert "90% sure: one of neutral, positive" in render(several, language="en")
    assert "90% 的把握：中性、积极之一" in render(several, language="zh")
    assert "90% sure: one of" not in render(one, language="en")


def test_reliability_diagrams(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from demeanor.report.reliability import diagrams

    sure = np.linspace(0.4, 1, 200)
    tables = {f"cue {n}": reliability(sure, np.arange(200) % 2 == 0).to_dict() for n in range(5)}
    figure = diagrams(tables)
    shown = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title(loc="left") for axis in shown] == list(tables)
    assert f"ECE {reliability(sure, np.arange(200) % 2 == 0).error:.3f}" in shown[0].texts[0].get_text()
    figure.savefig(tmp_path / "five.png")
