"""The figure: the right numbers in the right lanes, Chinese titles without warnings, long films gathered."""

import io
from typing import Any

import matplotlib.figure
import numpy as np
import pytest
import report_analyses as made

from demeanor.errors import InputError
from demeanor.report.plot import timeline


@pytest.mark.parametrize("build", [made.video, made.chinese_audio, made.pure_text, made.empty, made.hostile])
def test_it_draws_without_a_warning(build: Any) -> None:
    out = io.BytesIO()
    timeline(build()).savefig(out, format="png", dpi=50)
    assert len(out.getvalue()) > 2000


def test_lanes_and_curve_hold_the_scores() -> None:
    analysis = made.video()
    figure = timeline(analysis)
    assert isinstance(figure, matplotlib.figure.Figure)
    fused, words, voice, face, emotions = figure.axes
    scores = [s["reading"]["sentiment"]["score"] for s in analysis["segments"]]
    assert fused.lines[0].get_ydata()[::2] == pytest.approx(scores)
    assert fused.lines[0].get_xdata()[1::2] == pytest.approx([s["end"] for s in analysis["segments"]])
    assert [p.get_height() for p in voice.patches] == pytest.approx(
        [s["cues"]["voice"]["sentiment"]["score"] for s in analysis["segments"]]
    )
    assert (words.get_ylabel(), face.get_ylabel()) == ("words", "face")
    assert len(face.patches) == 11
    assert len(emotions.collections) == 7
    assert fused.get_title(loc="left") == "visit-to-the-new-place.mp4"


def test_a_long_film_is_gathered_into_means() -> None:
    analysis = made.long_film(3000)
    drawn = timeline(analysis).axes[0].lines[0]
    scores = np.array([s["reading"]["sentiment"]["score"] for s in analysis["segments"]])
    assert drawn.get_ydata()[::2] == pytest.approx(scores.reshape(300, 10).mean(axis=1))


@pytest.mark.parametrize("build", [made.image, made.failed], ids=lambda f: f.__name__)
def test_nothing_over_time_is_said_so(build: Any) -> None:
    with pytest.raises(InputError, match=r"a plot"):
        timeline(build())
