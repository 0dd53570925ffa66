"""Prediction sets of exported bundles: fitted on validation, they hold on a test part whose answers are known."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export_runs import run_of  # noqa: E402

from demeanor import bundle  # noqa: E402
from demeanor.experiments.evaluate_bundle import predictions  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.reader.joint import JointModel  # noqa: E402
from demeanor.reader.said import reading, said_of  # noqa: E402
from demeanor.training.pack import pack  # noqa: E402
from demeanor.types import POLARITIES, Reading  # noqa: E402

pytestmark = pytest.mark.lab


def spec_of(tasks: dict, samples: int = 1600) -> dict:
    return {
        "run": {"name": "sets", "model": "concat"},
        "data": {"dataset": "synthetic", "samples": samples, "snr": {"text": 1.0, "audio": 1.0}, "lengths": [2, 3]},
        "encoders": {"text": {"name": "series"}, "audio": {"name": "series"}},
        "tasks": tasks,
        "training": {
            "epochs": 4, "batch": 64, "learning_rate": 0.02, "precision": "float32", "threads": 1, "device": "cpu",
            "track": [], "keep": "last",
        },
    }  # fmt: skip


def read_test_part(spec: dict, place: Path, store: Store) -> tuple[list[Reading], list[Reading], dict]:
    """The test part as a bundle reads it, with all modalities and with text alone; and its labels."""
    prepared = run_of(spec, place, place / "run", store)
    model = JointModel(bundle.load(pack(place / "run", place / "bundle", prepared, say=lambda line: None)))
    test = prepared.parts.test
    numbers = predictions(model, prepared.samples, test, store)
    whole = [
        reading(model.spec, said_of(model.spec, {t: y[i] for t, y in numbers.items()}, ("text", "audio")))
        for i in range(len(test))
    ]
    features = [{"text": prepared.columns["text"][i]} for i in test]
    alone = [reading(model.spec, said_of(model.spec, model.numbers(f, [("text",)])[0], ("text",))) for f in features]
    return whole, alone, {t: y[test] for t, y in prepared.labels.items()}


def test_the_sets_hold_the_truth_as_often_as_stated(store: Store, tmp_path: Path) -> None:
    """Of 320 test rows; 0.05 is three standard errors of the two parts together."""
    whole, alone, labels = read_test_part(spec_of({"polarity": {}, "score": {"scale": 3.0}}), tmp_path, store)
    truth = [POLARITIES[k] for k in labels["polarity"].argmax(1)]
    for readings in (whole, alone):
        sets = [r.sets for r in readings]
        assert all(s is not None and s.coverage == 0.9 and s.sentiment and s.own for s in sets)
        covered = [t in s.sentiment for t, s in zip(truth, sets, strict=True)]
        assert np.mean(covered) == pytest.approx(0.9, abs=0.05)
        sizes = [len(s.sentiment) for s in sets]
        assert 1 <= np.mean(sizes) < 2.5
        spans = np.array([s.own["score"] for s in sets])
        inside = (spans[:, 0] <= labels["score"] / 3) & (labels["score"] / 3 <= spans[:, 1])
        assert inside.mean() == pytest.approx(0.9, abs=0.05)
    assert np.mean([len(r.sets.sentiment) for r in whole]) < np.mean([len(r.sets.sentiment) for r in alone])


def test_an_intensity_alone_gives_polarities_that_its_interval_reaches(store: Store, tmp_path: Path) -> None:
    whole, _, labels = read_test_part(spec_of({"score": {"scale": 3.0}}), tmp_path, store)
    truth = [POLARITIES[k] for k in np.digitize(labels["score"] / 3, (-1 / 6, 1 / 6))]
    assert np.mean([t in r.sets.sentiment for t, r in zip(truth, whole, strict=True)]) >= 0.85
    for r in whole:
        low, high = r.sets.own["score"]
        assert ("positive" in r.sets.sentiment) == (high > 1 / 6)
        assert ("negative" in r.sets.sentiment) == (low < -1 / 6)


def test_too_few_rows_promise_nothing(store: Store, tmp_path: Path) -> None:
    whole, _, _ = read_test_part(spec_of({"polarity": {}}, samples=96), tmp_path, store)
    assert {r.sets for r in whole} == {None}
    assert {r.calibration for r in whole} == {"pooled"}


def test_an_error_that_was_not_measured_is_not_taken_for_none(store: Store, tmp_path: Path) -> None:
    """Of eight validation rows: as unsure as who knows the training labels' mean alone."""
    spec, told = spec_of({"score": {"scale": 3.0}}, samples=40), []
    prepared = run_of(spec, tmp_path, tmp_path / "run", store)
    made = bundle.load(pack(tmp_path / "run", tmp_path / "bundle", prepared, say=told.append))
    model = JointModel(made)
    task = model.spec.tasks["score"]
    labels = prepared.labels["score"][prepared.parts.train] / 3
    assert task.rows["text+audio"] < 10
    assert task.spread == pytest.approx(labels.std() * 2 / (task.high - task.low), rel=1e-5)
    sure = reading(model.spec, said_of(model.spec, {"score": np.array(1.5)}, ("text", "audio")))
    assert sure.confidence < 0.8
    older = model.spec.model_copy(update={"tasks": {"score": task.model_copy(update={"spread": None})}})
    assert reading(older, said_of(older, {"score": np.array(1.5)}, ("text", "audio"))).confidence < 0.8
    assert any("8 labelled validation rows" in line for line in told)
