"""What follows from several raters: agreement, disputes, one label from many."""

import numpy as np
import pytest

from demeanor.label.agree import agreement, disagreement, disputes, settled
from demeanor.label.store import LabelStore, Mark
from demeanor.label.task import Task, create_task
from demeanor.metrics.agreement import krippendorff_alpha

STEP = 0.333


def mark(score: float | None = None, *emotions: str, polarity: str | None = None) -> Mark:
    values = {"score": score, "polarity": polarity, "emotions": list(emotions)}
    return Mark({k: v for k, v in values.items() if v not in (None, [])})


@pytest.fixture
def labelled(task: Task) -> LabelStore:
    """Ann and Bob on all six, Eve on two; decisions by Eve are no ratings."""
    store = task.store()
    ann = [(1, "joy"), (-1, "anger"), (0.667, "joy"), (0, "neutral"), (-1, "disgust"), (0.333, "joy")]
    bob = [(1, "joy"), (-0.667, "anger"), (1, "joy"), (0, "neutral"), (-1, "anger"), (-1, "anger")]
    for name, given in (("Ann", ann), ("Bob", bob), ("Eve", bob[:2])):
        for item, (score, emotion) in zip(task.items, given, strict=False):
            store.add(name, item.id, {"score": score, "emotions": [emotion]})
    store.add("Eve", "c2", {"score": -0.333, "emotions": ["sadness"]}, decides=True)
    store.add("Ann", "c1", {}, skipped=True)
    return store


def test_alpha_of_every_label(task: Task, labelled: LabelStore) -> None:
    found = {(a.label, a.level): a for a in agreement(task, labelled, n=200)}
    nan = np.nan
    scores = [[1, 1, 1], [-1, -0.667, -0.667], [0.667, 1, nan], [0, 0, nan], [nan, -1, nan], [0.333, -1, nan]]
    emotions = [[1, 1, 1], [2, 2, 2], [1, 1, nan], [3, 3, nan], [nan, 2, nan], [1, 2, nan]]
    assert found["score", "interval"].alpha.value == pytest.approx(krippendorff_alpha(scores, "interval"))
    assert found["score", "ordinal"].alpha.value == pytest.approx(krippendorff_alpha(scores, "ordinal"))
    assert found["polarity", "nominal"].alpha.value == pytest.approx(krippendorff_alpha(np.sign(scores)))
    assert found["emotions", "nominal"].alpha.value == pytest.approx(krippendorff_alpha(emotions))
    joy = np.where(np.isnan(emotions), nan, np.array(emotions) == 1)
    assert found["joy", "nominal"].alpha.value == pytest.approx(krippendorff_alpha(joy))
    assert ("fear", "nominal") not in found, "nobody named it"
    a = found["score", "interval"]
    assert (a.items, a.ratings) == (5, 12), "an item that only one could tell is not among them"
    assert a.alpha.low <= a.alpha.value <= a.alpha.high


def test_one_rater_agrees_with_nobody(task: Task) -> None:
    store = task.store()
    assert agreement(task, store) == []
    store.add("Ann", "a1", {"score": 1, "emotions": ["joy"]})
    assert agreement(task, store) == []
    assert disputes(task, store) == []


def test_polarity_tasks_have_no_score(task: Task, manifest: object) -> None:
    other = create_task(task.folder.parent / "other", task.items, ["polarity"])
    store = other.store()
    for name in ("Ann", "Bob"):
        for item, polarity in zip(other.items, ("positive", "negative"), strict=False):
            store.add(name, item.id, {"polarity": polarity})
    found = agreement(other, store, n=20)
    assert [(a.label, a.level, a.alpha.value) for a in found] == [
        ("polarity", "nominal", 1.0), ("polarity", "ordinal", 1.0),
    ]  # fmt: skip


def test_disputes_are_the_worst_first(task: Task, labelled: LabelStore) -> None:
    (found,) = disputes(task, labelled)
    assert found.item == "c2"
    assert set(found.marks) == {"Ann", "Bob"}
    assert found.disagreement == pytest.approx((1.333 / 2 + 1) / 2)
    labelled.add("Bob", "a1", {"score": -1, "emotions": ["fear"]})
    assert [d.item for d in disputes(task, labelled)] == ["c2", "a1"]


def test_what_is_a_disagreement() -> None:
    assert disagreement([mark(1)]) is None
    assert disagreement([mark(1), mark(None, "joy")]) is None, "nothing both have said"
    assert disagreement([mark(1), mark(-1)]) == 1
    assert disagreement([mark(None, "joy"), mark(None, "joy", "surprise")]) == 0.5
    assert disagreement([mark(polarity="negative"), mark(polarity="positive"), mark(polarity="positive")]) == 2 / 3
    assert disagreement([mark(polarity="negative"), mark(-0.5)]) == 0, "a score says its polarity"


def test_a_step_or_a_feeling_more_is_no_dispute(task: Task) -> None:
    store = task.store()
    for name, score, emotions in (("Ann", 0.667, ["joy"]), ("Bob", 1, ["joy", "surprise"])):
        store.add(name, "a1", {"score": score, "emotions": emotions})
    assert disputes(task, store) == []
    store.add("Bob", "a1", {"score": 1, "emotions": ["surprise"]})
    assert [d.item for d in disputes(task, store)] == ["a1"]


def test_a_score_and_a_class_are_in_dispute_where_their_polarities_differ(task: Task) -> None:
    store = task.store()
    store.add("Ann", "a1", {"score": 1, "emotions": ["joy"]})
    store.add("Bob", "a1", {"polarity": "negative", "emotions": ["joy"]})
    store.add("Ann", "a2", {"score": 1})
    store.add("Bob", "a2", {"polarity": "positive"})
    assert [d.item for d in disputes(task, store)] == ["a1"]


def test_one_label_from_many() -> None:
    assert settled([]) == {}
    assert settled([mark(1, "joy"), mark(0.667, "joy", "surprise")]) == {
        "score": 0.8335, "polarity": "positive", "emotions": ["joy"],
    }  # fmt: skip
    three = [mark(1, "joy"), mark(0.333, "surprise", "joy"), mark(-1, "surprise")]
    assert settled(three) == {"score": 0.111, "polarity": "positive", "emotions": ["joy", "surprise"]}
    assert settled([mark(1, "joy"), mark(-1, "anger")]) == {"score": 0.0}, "no class without a majority"
    assert settled([mark(0), mark(STEP)])["polarity"] == "positive", "a step apart: the sign of the mean"
    assert settled([mark(-STEP), mark(STEP)]) == {"score": 0.0}
    assert settled([mark(polarity="neutral")]) == {"polarity": "neutral"}


def test_a_decision_stands_for_all() -> None:
    given = [mark(1, "joy"), mark(1, "joy")]
    assert settled(given, mark(-1, "anger")) == {"score": -1, "polarity": "negative", "emotions": ["anger"]}
    assert settled(given, Mark({}, skipped=True)) == {}, "nobody can tell"


def test_what_a_decision_leaves_open_is_the_raters() -> None:
    given = [mark(0.333, "joy"), mark(-1, "joy")]
    assert settled(given, mark(1)) == {"score": 1, "polarity": "positive", "emotions": ["joy"]}
    assert settled(given, mark(None, "anger")) == {"score": -0.3335, "emotions": ["anger"]}
    assert settled([mark(1, "joy")], mark(polarity="negative")) == {"polarity": "negative", "emotions": ["joy"]}
    overruled = [Mark({"score": 0.9, "polarity": "positive"}), Mark({"score": 0.6, "polarity": "positive"})]
    assert settled(overruled, mark(polarity="neutral")) == {"polarity": "neutral"}
