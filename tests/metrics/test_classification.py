"""Classification scores against the worked example and scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from demeanor.errors import DataError
from demeanor.metrics import classification as c

TRUE, PREDICTED = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0]
K = (0, 1, 2)


def test_worked_example() -> None:
    assert c.accuracy(TRUE, PREDICTED) == pytest.approx(4 / 6)
    assert c.recalls(TRUE, PREDICTED, K) == pytest.approx([2 / 3, 1, 0])
    assert c.uar(TRUE, PREDICTED, K) == pytest.approx(5 / 9)
    assert c.macro_recall(TRUE, PREDICTED, K) == pytest.approx(5 / 9)
    assert c.f1(TRUE, PREDICTED, K) == pytest.approx([2 / 3, 0.8, 0])
    assert c.macro_f1(TRUE, PREDICTED, K) == pytest.approx(0.4889, abs=1e-4)
    assert c.weighted_f1(TRUE, PREDICTED, K) == pytest.approx(0.6)


def test_meld_majority_floor() -> None:
    """The counts of MELD's test part: always neutral gives 48.12 % accuracy and 31.27 % weighted F1."""
    counts = {
        "anger": 345,
        "disgust": 68,
        "fear": 50,
        "joy": 402,
        "neutral": 1256,
        "sadness": 208,
        "surprise": 281,
    }
    true = np.repeat(list(counts), list(counts.values()))
    floor = np.full(len(true), "neutral")
    assert len(true) == 2610
    assert c.accuracy(true, floor) == pytest.approx(0.4812, abs=5e-5)
    assert c.weighted_f1(true, floor, tuple(counts)) == pytest.approx(0.3127, abs=5e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("names", [(0, 1, 2, 3), ("sad", "anger", "joy", "中性")])
def test_against_scikit_learn(seed: int, names: tuple) -> None:
    rng = np.random.default_rng(seed)
    true = rng.choice(names, 300, p=[0.5, 0.3, 0.15, 0.05])
    predicted = np.where(rng.random(300) < 0.6, true, rng.choice(names, 300))
    assert (c.confusion(true, predicted, names) == sk.confusion_matrix(true, predicted, labels=list(names))).all()
    each = sk.f1_score(true, predicted, labels=list(names), average=None)
    assert c.f1(true, predicted, names) == pytest.approx(each)
    for average, score in (("macro", c.macro_f1), ("weighted", c.weighted_f1)):
        wanted = sk.f1_score(true, predicted, labels=list(names), average=average)
        assert score(true, predicted, names) == pytest.approx(wanted)
    assert c.uar(true, predicted, names) == pytest.approx(sk.balanced_accuracy_score(true, predicted))
    report = c.report(true, predicted, names)
    assert report["absent"] == []
    assert report["accuracy"] == sk.accuracy_score(true, predicted)
    wanted = sk.precision_score(true, predicted, labels=list(names), average=None)
    assert [report["classes"][str(n)]["precision"] for n in names] == pytest.approx(wanted)
    assert sum(report["classes"][str(n)]["support"] for n in names) == 300


def test_absent_classes_are_left_out_of_uar_and_named() -> None:
    true, predicted = ["joy", "joy", "fear"], ["joy", "anger", "fear"]
    names = ("anger", "fear", "joy", "sadness")
    assert c.uar(true, predicted, names) == pytest.approx(0.75)
    assert c.absent(true, names) == ("anger", "sadness")
    assert c.report(true, predicted, names)["absent"] == ["anger", "sadness"]
    # Every class of the task counts in macro-F1, as in scikit-learn with `labels=`.
    assert c.macro_f1(true, predicted, names) == pytest.approx((0 + 1 + 2 / 3 + 0) / 4)


def test_order_of_samples_and_of_classes() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 5, (2, 200))
    mixed = rng.permutation(200)
    for score in (c.uar, c.macro_f1, c.weighted_f1):
        value = score(true, predicted, range(5))
        assert score(true[mixed], predicted[mixed], range(5)) == value
        assert score(true, predicted, [3, 1, 4, 0, 2]) == pytest.approx(value)
        assert score(true, true, range(5)) == 1.0


def test_nothing_is_nan_not_zero() -> None:
    scores = [c.accuracy([], []), c.uar([], [], K), c.macro_f1([], [], K), c.weighted_f1([], [], K)]
    assert np.isnan(scores).all()


@pytest.mark.parametrize(
    ("true", "predicted", "classes"),
    [
        ([0, 3], [0, 0], K),
        ([0, 1], [0, 7], K),
        ([0, 1], [0], K),
        (["0"], ["0"], K),
        ([0, 1], [0, 1], (0, 1, 1)),
    ],
)
def test_bad_labels_are_refused(true: list, predicted: list, classes: tuple) -> None:
    with pytest.raises(DataError, match="expected"):
        c.macro_f1(true, predicted, classes)


def test_accuracy_of_names_against_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="both sides"):
        c.accuracy(["joy"], [3])
    with pytest.raises(DataError, match="alike"):
        c.accuracy([1, 2], [1])


def test_a_column_of_objects_that_are_strings_is_one_of_strings() -> None:
    true, predicted = (np.array(x, dtype=object) for x in (["joy", "fear", "joy"], ["joy", "joy", "joy"]))
    names = ("fear", "joy")
    assert c.accuracy(true, ["joy", "fear", "fear"]) == pytest.approx(2 / 3)
    assert c.confusion(true, predicted, names).tolist() == [[0, 1], [0, 2]]
    assert c.confusion(["joy"], ["joy"], np.array(names, dtype=object)).tolist() == [[0, 0], [0, 1]]
    with pytest.raises(DataError, match=r"got \[nan\]"):  # what is wrong, and not the names before it
        c.uar(np.array([*["joy"] * 5, float("nan")], dtype=object), ["joy"] * 6, names)


def test_binary_tasks_against_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y = np.maximum(rng.normal(0, 1, (300, 6)), 0)
    p = y + rng.normal(-0.2, 0.7, (300, 6))
    got = c.mosei_emotions(p, y)
    assert tuple(got) == c.MOSEI_EMOTIONS
    for i, name in enumerate(c.MOSEI_EMOTIONS):
        true, told = y[:, i] > 0, p[:, i] > 0
        assert got[name]["accuracy"] == pytest.approx((true == told).mean())
        assert got[name]["weighted_accuracy"] == pytest.approx(sk.balanced_accuracy_score(true, told))
        assert got[name]["weighted_f1"] == pytest.approx(sk.f1_score(true, told, average="weighted"))
        assert got[name]["f1"] == pytest.approx(sk.f1_score(true, told))
    several = c.multilabel_f1(y > 0, p > 0)
    for average, value in several.items():
        assert value == pytest.approx(sk.f1_score(y > 0, p > 0, average=average, zero_division=0)), average


def test_a_task_without_a_yes_has_no_balanced_accuracy() -> None:
    got = c.binary_tasks([[0], [0]], [[0], [1]], ["happy"])["happy"]
    assert np.isnan(got["weighted_accuracy"])
    assert got["accuracy"] == 0.5
    assert np.isnan(c.multilabel_f1([[0], [0]], [[0], [1]])["weighted"])


def test_binary_tasks_refuse_scores() -> None:
    with pytest.raises(DataError, match="threshold"):
        c.binary_tasks([[0, 1]], [[0.2, 0.7]], ["a", "b"])
    with pytest.raises(DataError, match="columns"):
        c.binary_tasks([[0, 1]], [[0, 1]], ["a"])


def test_averages_of_counts_are_the_functions_own_numbers() -> None:
    rng = np.random.default_rng(4)
    true, predicted = rng.integers(4, size=80), rng.integers(5, size=80)
    classes = range(5)
    found = c.averages(c.confusion(true, predicted, classes))
    assert found["accuracy"] == pytest.approx(c.accuracy(true, predicted))
    assert found["uar"] == pytest.approx(c.uar(true, predicted, classes))
    assert found["weighted_f1"] == pytest.approx(c.weighted_f1(true, predicted, classes))
    assert found["macro_f1"] == pytest.approx(c.macro_f1(true, predicted, classes)), "the class without a label counts"
    assert np.isnan(c.averages(np.zeros((3, 3), np.int64))["uar"])
