"""Mistakes often found in this field's tutorials, each with a test that would catch it here.

Those whose test stands elsewhere are in `ELSEWHERE`; the others are below.
"""

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build, module_of, tasks_of  # noqa: E402

from demeanor import plugins  # noqa: E402
from demeanor.batch import Output  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.training import lab  # noqa: E402
from demeanor.training.data import Rows, batches  # noqa: E402
from demeanor.training.loop import predict  # noqa: E402
from demeanor.training.measure import task_metrics  # noqa: E402
from demeanor.training.prepare import prepare  # noqa: E402
from demeanor.training.runfile import Task  # noqa: E402

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "softmax before cross-entropy, in the loss":
        "lab/test_training.py::test_cross_entropy_equals_torch_and_is_given_logits",
    "1000-way logits used as features": "lab/test_encoders_torch.py::test_resnet_features_are_its_own_and_never_logits",
    "test split used for tuning": "lab/test_lab_runs.py::test_search_never_opens_the_test_part",
    "zeros standing for missing, in a batch": "lab/test_loop.py::test_a_missing_modality_is_absent_not_zeros",
    "zeros standing for missing, in an encoder": "contracts/test_encoders.py::test_a_missing_part_is_none",
    "padding averaged into means, by a model": "lab/test_model_contract.py::test_padding_changes_nothing",
    "padding averaged into means, in a file":
        "datasets/test_mmsa_pickle.py::test_padding_is_cut_off_and_odd_numbers_become_zero",
    "pickle files loaded blindly": "datasets/test_mmsa_pickle.py::test_nothing_in_a_pickle_is_run",
}  # fmt: skip


@pytest.mark.parametrize("test", ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_test_named_for_it_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", plugins.names("fusion"))
def test_softmax_before_cross_entropy(name: str) -> None:
    """Models hand out logits: rows of classes do not sum to 1, as probabilities would."""
    own = "tasks" in module_of(name).Config.model_fields
    model = build(name, tasks={"score": 1, "kind": 3}) if own else build(name)
    classes = [task for task, size in tasks_of(model).items() if size > 1]
    with torch.no_grad():
        output = model(batch_of(name, 4))
    assert classes
    for task in classes:
        assert not torch.allclose(output.tasks[task].sum(1), torch.ones(4), atol=1e-3), task


def test_accuracy_divided_by_the_number_of_batches() -> None:
    """Eight rows right in two full batches, two wrong in the last: 0.8, and not the 0.67 of a mean over batches."""

    class Echo(torch.nn.Module):
        def forward(self, batch) -> Output:
            return Output({"kind": batch.values["text"]})

    truth = np.eye(2, dtype=np.float32)[[0, 1] * 5]
    said = truth.copy()
    said[8:] = said[8:, ::-1]
    found = predict(Echo(), Rows({"text": said}, {"kind": truth}, np.ones(10, np.float32)), 4, "cpu", "float32")
    assert task_metrics(Task(classes=["a", "b"]), found["kind"], truth)["accuracy"] == pytest.approx(0.8)


def test_images_passed_as_labels() -> None:
    """However rows are shuffled, each picture comes as a value, beside its own label."""
    shade = np.arange(10, dtype=np.float32)
    pictures = np.broadcast_to(shade[:, None, None, None], (10, 3, 4, 4)).copy()
    rows = Rows({"visual": pictures}, {"score": shade}, np.ones(10, np.float32))
    seen = []
    for batch in batches(rows, 4, np.random.default_rng(0)):
        assert batch.values["visual"].shape[1:] == (3, 4, 4)
        torch.testing.assert_close(batch.values["visual"].mean((1, 2, 3)), batch.labels["score"])
        seen += batch.labels["score"].tolist()
    assert sorted(seen) == shade.tolist()
    assert seen != sorted(seen)


def test_the_test_split_used_for_the_choice_of_an_epoch(tmp_path: Path) -> None:
    """A test part that nothing can be read from changes neither the scores nor the weights that are kept."""
    run = lab.check(
        {
            "run": {"name": "a", "model": "concat"},
            "data": {"dataset": "synthetic", "samples": 60},
            "encoders": {"text": {"name": "series"}},
            "tasks": {"score": {"scale": 3}},
            "training": {"epochs": 3, "precision": "float32", "threads": 1, "device": "cpu", "track": []},
        }
    )
    kept = []
    for spoilt in (False, True):
        store, folder = Store(tmp_path / "features"), tmp_path / str(spoilt)
        folder.mkdir()
        prepared = prepare(run, tmp_path, store, say=lambda line: None)
        assert len(prepared.parts.test)
        if spoilt:
            prepared.labels["score"][prepared.parts.test] = 1e3
            for row in prepared.parts.test:
                prepared.columns["text"][row] = np.full_like(prepared.columns["text"][row], np.nan)
        progress = lab.train(run, tmp_path, folder, store, lambda line: None, prepared)
        scores = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in progress.history]
        kept.append((progress.best_epoch, scores, torch.load(folder / "best.pt", weights_only=True)))
    (epoch, scores, weights), (other_epoch, other_scores, other_weights) = kept
    assert (epoch, scores) == (other_epoch, other_scores)
    for name in weights:
        assert torch.equal(weights[name], other_weights[name]), name


def test_pickle_files_loaded_blindly_anywhere() -> None:
    """No module unpickles, or lets a library do so: `torch.load` is told not to each time (numpy refuses unasked)."""
    for path in (ROOT / "src/demeanor").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        for call in re.findall(r"torch\.load\((?:[^()]|\([^()]*\))*\)", code):
            assert "weights_only=True" in call, f"{path}: {call}"
        assert not re.search(r"\b(?:pickle|joblib|dill)\.loads?\(|\ballow_pickle=True|weights_only=False", code), path
