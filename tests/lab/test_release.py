"""Scores of a release candidate: gaps between kinds of texts and pictures, by hand."""

import numpy as np
import pytest

from demeanor.experiments.release import _classes, _intensity, by_light, by_text
from demeanor.types import POLARITIES, Evidence, Sample

NEUTRAL = np.full(7, 1 / 7)


def said(label: str) -> Evidence:
    polarity = np.full(3, 0.1)
    polarity[POLARITIES.index(label)] = 0.8
    return Evidence(polarity, NEUTRAL, 0.0, 1.0)


def test_gaps_are_differences_of_accuracy() -> None:
    english = [Sample(f"e{i}", text="The soup was cold" + " again" * (i % 2)) for i in range(60)]
    chinese = [Sample(f"z{i}", text="汤是凉的，而且这已经是第三次了，真的不想再来") for i in range(60)]
    samples, evidence = [], []
    for i, one in enumerate((*english, *chinese)):
        # Right: every second English sentence (the long ones) and three quarters of the Chinese ones, all of them long.
        right = i % 2 == 1 if i < 60 else i % 4 > 0
        label, other = ("negative", "positive") if i % 8 < 4 else ("positive", "negative")
        samples.append(Sample(one.id, text=one.text, labels={"polarity": label}))
        evidence.append(said(label if right else other))
    clusters, sides = np.array([s.id for s in samples]), by_text([s.text or "" for s in samples])
    found = _classes("made", "by hand", "polarity", POLARITIES, samples, evidence, clusters, sides)
    chinese_gap, long_gap = found["metrics"]["gap_chinese"], found["metrics"]["gap_long"]
    assert chinese_gap["value"] == pytest.approx(0.75 - 0.5)
    assert chinese_gap["low"] < 0.25 < chinese_gap["high"]
    assert long_gap["value"] == pytest.approx(45 / 60 - 30 / 60)


def test_no_gap_between_languages_where_one_has_too_few() -> None:
    texts = ["The soup was cold, and so was the tea"] * 60 + ["汤是凉的，而且这已经是第三次了，真的不想再来"]
    sides = by_text(texts)
    assert sides["gap_chinese"].sum() == 1
    samples = [Sample(str(i), text=t, labels={"polarity": "negative"}) for i, t in enumerate(texts)]
    evidence, clusters = [said("negative")] * len(texts), np.arange(len(texts))
    found = _classes("made", "by hand", "polarity", POLARITIES, samples, evidence, clusters, sides)
    assert not [name for name in found["metrics"] if name.startswith("gap_")]


def test_pictures_are_dark_or_light() -> None:
    pictures = [np.full((4, 4, 3), light, np.uint8) for light in (10, 200, 90, 255)]
    assert by_light(pictures)["gap_dark"].tolist() == [True, False, True, False]


def test_the_floor_of_two_sides_is_one_of_them() -> None:
    samples = [Sample(str(i), labels={"score": v}) for i, v in enumerate((-0.5, 0.0, 0.0, 0.0, 0.5, 0.5))]
    found = _intensity("made", "by hand", samples, [said("neutral")] * 6, np.arange(6))["floor"]
    assert found["mae"] == pytest.approx(0.75)
    assert found["non0_acc2"] == pytest.approx(2 / 3)
