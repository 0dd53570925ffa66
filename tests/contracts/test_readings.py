"""What holds for every reading, whatever the bundle: run over plain-rule experts and over the shipped bundle."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import demeanor
from demeanor.bundle import shipped
from demeanor.reader.executor import read_group
from demeanor.reader.manifest import Item
from demeanor.reader.reader import Reader
from demeanor.report.schema import validate
from demeanor.types import CUES
from reader_fakes import fake_reader, noise, picture, silence, speech, talking, write_video

SUBSETS = [s for n in range(1, 5) for s in itertools.combinations(CUES, n)]
TEXTS = ["I love it", "今天的天气真好", "The screen is fine but it fell apart after a week. I hate that.", "😀", "?!"]


@pytest.fixture(scope="module", params=["rules", "base"])
def reader(request: pytest.FixtureRequest) -> Reader:
    if request.param == "rules":
        return fake_reader()
    if "base" not in shipped():
        pytest.fail("the shipped bundle is missing from the package")
    return demeanor.load("base", threads=1)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("inputs")
    face = picture([(100, 60, 90, "bright")])
    black = [np.zeros((96, 128, 3), np.uint8)] * 25
    return {
        "text": {"text": TEXTS[0]},
        "image": {"image": face},
        "post": {"text": TEXTS[1], "image": picture()},
        "voice": {"audio": np.concatenate([silence(0.5), speech(2.0), silence(0.5)])},
        "clip": {"video": talking(folder / "clip.mp4", [(0.5, None, 0.0), (1.5, 220.0, 0.1), (0.5, None, 0.0)])},
        "clip with its text": {"video": folder / "clip.mp4", "text": "I love it."},
        "silence": {"audio": silence(2.0)},
        "nothing at all": {"audio": np.zeros(8000, np.float32)},
        "a moment": {"audio": speech(0.05)},
        "noise": {"audio": noise(2.0)},
        "black film": {"video": write_video(folder / "black.mp4", black, sound=silence(2.5))},
        "black picture": {"image": np.zeros((64, 64, 3), np.uint8)},
        "one pixel": {"image": np.full((1, 1, 3), 200, np.uint8)},
    }


def check(data: Mapping[str, Any], asked: set[str]) -> None:
    validate(data)
    assert set(data["cues"]) <= asked
    assert set(data["missing"]) == set(CUES) - set(data["cues"])
    for reading in (data["overall"], *data["cues"].values()):
        said = reading["sentiment"]
        if said is None:
            assert reading["confidence"] is None
            continue
        chances = said["probabilities"]
        assert sum(chances.values()) == pytest.approx(1, abs=1e-4)
        if reading["emotions"] is not None:  # some experts predict none
            assert sum(reading["emotions"].values()) == pytest.approx(1, abs=1e-4)
        assert said["label"] == max(chances, key=lambda k: chances[k])
        assert 0 <= reading["confidence"] <= 1
    if data["cues"]:
        assert sum(c["weight"] for c in data["cues"].values()) == pytest.approx(1, abs=1e-5)
        shares = sum(c["share"] for c in data["cues"].values())
        assert shares == pytest.approx(data["overall"]["sentiment"]["score"], abs=1e-5)
    else:
        assert data["overall"]["sentiment"] is None
        assert data["overall"]["abstain"]


def test_every_input_gives_a_whole_reading(reader: Reader, inputs: dict[str, dict[str, Any]]) -> None:
    for name, given in inputs.items():
        data = reader.analyze(**given, id=name).to_dict()
        check(data, set(CUES))


@pytest.mark.parametrize("name", ["post", "clip with its text", "noise"])
def test_read_twice_it_says_the_same(reader: Reader, inputs: dict[str, dict[str, Any]], name: str) -> None:
    one, two = (reader.analyze(**inputs[name]).to_dict() for _ in range(2))
    assert one.pop("provenance").keys() == two.pop("provenance").keys()
    assert one == two


@pytest.mark.parametrize("cues", SUBSETS, ids="+".join)
def test_every_subset_of_cues(reader: Reader, inputs: dict[str, dict[str, Any]], cues: tuple[str, ...]) -> None:
    whole = set(reader.analyze(**inputs["clip with its text"], cues=CUES).cues)
    a = reader.analyze(**inputs["clip with its text"], cues=cues)
    check(a.to_dict(), set(cues))
    assert set(a.cues) == whole & set(cues)
    if len(a.cues) == 1:
        (only,) = a.cues.values()
        assert only.sentiment is not None
        assert a.overall.sentiment is not None
        assert only.sentiment.probabilities == pytest.approx(a.overall.sentiment.probabilities, abs=1e-6)
        assert only.weight == pytest.approx(1.0)


def test_alone_or_among_others_a_text_reads_the_same(reader: Reader) -> None:
    items = [Item(str(n), {"text": text}) for n, text in enumerate(TEXTS)]
    together = read_group(items, reader, frozenset(CUES))
    for item, line in zip(items, together, strict=True):
        (alone,) = read_group([item], reader, frozenset(CUES))
        numbers = [d["overall"]["sentiment"]["probabilities"] for d in (alone, line)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1e-3)
        check(line, set(CUES))


def test_silence_and_blackness_say_nothing_of_a_person(reader: Reader, inputs: dict[str, dict[str, Any]]) -> None:
    for name in ("silence", "nothing at all", "black film", "black picture", "one pixel"):
        a = reader.analyze(**inputs[name])
        assert not set(a.cues) & {"words", "voice", "face"}, name


def test_more_threads_say_the_same(inputs: dict[str, dict[str, Any]]) -> None:
    if "base" not in shipped():
        pytest.fail("the shipped bundle is missing from the package")
    found = [demeanor.load("base", threads=n).analyze(**inputs["post"]) for n in (1, min(4, os.cpu_count() or 1))]
    for cue in found[0].cues:
        one, two = (a.cues[cue].sentiment for a in found)
        assert one is not None
        assert two is not None
        assert one.score == pytest.approx(two.score, abs=1e-3)


def test_a_real_talking_head(shared: Path) -> None:
    if "base" not in shipped():
        pytest.fail("the shipped bundle is missing from the package")
    a = demeanor.load("base").analyze(shared / "data" / "talking_heads" / "bbaf2n.mpg")
    check(a.to_dict(), set(CUES))
    assert a.duration == pytest.approx(3.0, abs=0.1)
    assert all(s.start is not None and s.end is not None and s.start < s.end for s in a.segments)
