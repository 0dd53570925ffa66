"""Every data set keeps the contract: a whole card, unique ids, labels and parts as promised, groups undivided."""

import inspect
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dataset_trees import build
from demeanor import plugins
from demeanor.datasets._dataset import Card
from demeanor.errors import DataError
from demeanor.types import EMOTIONS, POLARITIES, Sample

NAMES = plugins.names("datasets")
FORMATS = {"folder", "mmsa_pickle", "synthetic", "table"}  # whose counts are whatever one has
pytestmark = pytest.mark.filterwarnings("ignore::demeanor.datasets._gaps.DataWarning")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def samples(name: str, tmp_path: Path) -> list[Sample]:
    found: list[Sample] = plugins.load("datasets", name).read(build(name, tmp_path / name))
    return found


def test_the_card_is_whole(name: str) -> None:
    module = plugins.load("datasets", name)
    card: Card = module.CARD
    assert card.name == name
    assert all((card.title, card.labels, card.splits, card.groups, card.licence, len(card.source) > 20))
    assert all(card.labels.values())
    assert all(card.splits.values())
    assert bool(card.counts) == (name not in FORMATS)
    assert set(card.counts) <= {"train", "valid", "test", "all"}
    lines = module.__doc__.splitlines()
    assert lines[0].endswith(".")
    assert name in FORMATS - {"mmsa_pickle"} or any(line.startswith("Paper: ") for line in lines)


def test_options_have_defaults_and_are_documented(name: str) -> None:
    read = plugins.load("datasets", name).read
    root, *options = inspect.signature(read).parameters.values()
    assert root.name == "root"
    reserved = {"dataset", "root", "name", "protocol", "valid", "folds", "fold", "fold_seed"}  # keys of a run file
    for option in options:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert option.default is not inspect.Parameter.empty
        assert option.name not in reserved
        assert f"{option.name}: " in (read.__doc__ or "")


def test_ids_are_unique(samples: Sequence[Sample]) -> None:
    assert samples
    assert all(isinstance(s.id, str) and s.id for s in samples)
    assert len({s.id for s in samples}) == len(samples)


def test_every_sample_has_something_to_read(samples: Sequence[Sample]) -> None:
    for s in samples:
        assert s.text or s.image is not None or s.audio is not None or s.video is not None or s.series
        assert s.text is None or s.text.strip()


def test_labels_are_as_the_card_says(name: str, samples: Sequence[Sample]) -> None:
    card = plugins.load("datasets", name).CARD
    assert any(s.labels for s in samples)
    for s in samples:
        assert "*" in card.labels or set(s.labels) <= set(card.labels)
        for label, value in s.labels.items():
            assert isinstance(value, str) or math.isfinite(value)
            if label.startswith("score") or label in ("valence", "arousal", "dominance"):
                assert isinstance(value, float)
                assert -1 <= value <= 1
        assert s.labels.get("polarity", "neutral") in POLARITIES
        emotions = str(s.labels.get("emotions", "joy")).split(",")
        assert set(emotions) <= set(EMOTIONS)
        assert len(set(emotions)) == len(emotions)


def test_groups_stand_in_one_part(samples: Sequence[Sample]) -> None:
    parts: dict[str, set[str | None]] = {}
    for s in samples:
        assert s.group
        assert s.split in ("train", "valid", "test", None)
        parts.setdefault(s.group, set()).add(s.split)
    assert all(len(p) == 1 for p in parts.values())


def test_reading_twice_gives_the_same(name: str, tmp_path: Path) -> None:
    root, read = build(name, tmp_path / name), plugins.load("datasets", name).read
    for one, other in zip(read(root), read(root), strict=True):
        assert plain(one) == plain(other)


def plain(sample: Sample) -> list[object]:
    fields = [getattr(sample, field) for field in Sample.__dataclass_fields__ if field != "series"]
    fields += [(m, x.tobytes()) for m, x in sample.series.items()]
    return [x.tobytes() if isinstance(x, np.ndarray) else x for x in fields]


def test_series_are_finite_steps(samples: Sequence[Sample]) -> None:
    for s in samples:
        for values in s.series.values():
            assert values.ndim == 2
            assert len(values)
            assert values.dtype == np.float32
            assert np.isfinite(values).all()


def test_a_wrong_folder_says_what_was_expected(name: str, tmp_path: Path) -> None:
    if name == "synthetic":
        pytest.skip("it reads nothing")
    (tmp_path / "holiday.png").write_bytes(b"")
    module = plugins.load("datasets", name)
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=r"expected .*found") as caught:
            module.read(root)
        assert module.CARD.source in str(caught.value)
