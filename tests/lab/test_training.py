"""The loop, its data and its losses."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from demeanor.fusion.concat import Concat, Config  # noqa: E402
from demeanor.losses.tasks import masked_cross_entropy, sign_hinge, task_loss  # noqa: E402
from demeanor.training import loop  # noqa: E402
from demeanor.training.calibrate import calibrate, calibration_error, range_of  # noqa: E402
from demeanor.training.data import Rows, batches, polarity_target, targets  # noqa: E402
from demeanor.training.folds import actor_folds, group_folds  # noqa: E402
from demeanor.training.held_out import SENTENCES, is_held_out  # noqa: E402
from demeanor.training.loop import Settings, arithmetic, fit, predict, rate  # noqa: E402
from demeanor.training.measure import floor, task_metrics  # noqa: E402
from demeanor.training.prepare import scored  # noqa: E402
from demeanor.training.runfile import Task, checked  # noqa: E402
from demeanor.training.words import read_corpora, with_typos  # noqa: E402
from demeanor.types import Sample  # noqa: E402

pytestmark = pytest.mark.lab
NAN = float("nan")


def small(count: int = 40, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 6)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[(x[:, 0] > 0.4).astype(int) + (x[:, 0] > -0.4)]
    labels = {
        "polarity": y,
        "emotions": np.full((count, 7), NAN, np.float32),
        "score": np.full(count, NAN, np.float32),
    }
    return Rows({"text": x}, labels, np.ones(count, np.float32))


def test_cross_entropy_equals_torch_and_is_given_logits() -> None:
    logits, truth = torch.randn(8, 7), torch.arange(8) % 7
    expected = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
    torch.testing.assert_close(masked_cross_entropy(logits, torch.eye(7)[truth]), expected)


def test_unlabelled_rows_cost_nothing_and_unknown_classes_are_left_out() -> None:
    logits = torch.tensor([[2.0, 9.0, -1.0], [0.3, 0.1, 0.2]], requires_grad=True)
    target = torch.tensor([[1.0, -1.0, 0.0], [NAN, NAN, NAN]])
    losses = masked_cross_entropy(logits, target)
    assert losses[1] == 0
    assert losses[0].item() == pytest.approx(math.log(1 + math.exp(-3.0)), abs=1e-5)
    losses.sum().backward()
    assert logits.grad[0, 1] == 0
    assert logits.grad[1].abs().sum() == 0


def test_task_loss_is_the_mean_over_labelled_rows_only() -> None:
    score = torch.tensor([0.5, -0.5, 0.0])
    labels = {"score": torch.tensor([1.0, NAN, 0.0])}
    assert task_loss({"score": score}, labels).item() == pytest.approx(0.25)


def test_sign_hinge_pushes_only_unlabelled_scores_to_their_side() -> None:
    polarity = torch.eye(3)[[2, 0, 1, 2]]
    labelled = torch.tensor([NAN, NAN, NAN, 0.1])
    assert sign_hinge(torch.tensor([0.5, -0.5, 0.1, -1.0]), polarity, labelled) == 0
    assert sign_hinge(torch.tensor([-0.1, -0.5, 0.1, -1.0]), polarity, labelled).item() == pytest.approx(0.1)


def test_targets_derive_polarity_and_leave_surprise_open() -> None:
    made = targets(
        [
            Sample("a", labels={"emotions": "joy"}),
            Sample("b", labels={"emotions": "surprise"}),
            Sample("c", labels={"score": 0.5}),
            Sample("d", labels={"emotions": "joy,anger"}),
            Sample("e", labels={"polarity": "neutral"}),
        ],
        {"emotions": ["disgust"]},
    )
    assert made["polarity"][0].tolist() == [0, 0, 1]
    assert np.isnan(made["polarity"][[1, 3]]).all()
    assert made["polarity"][2].tolist() == [0, 0, 1]
    assert made["emotions"][0].tolist() == [0, -1, 0, 1, 0, 0, 0]
    assert np.isnan(made["emotions"][[2, 4]]).all()
    np.testing.assert_allclose(polarity_target(-1 / 6), [0.5, 0.5, 0])


def test_every_row_comes_once_an_epoch_and_padding_is_marked() -> None:
    values = [np.arange(n + 1, dtype=np.int64) for n in range(23)]
    labels = {"score": np.arange(23, dtype=np.float32)}
    rows = Rows({"text": values}, labels, np.ones(23, np.float32))
    seen = []
    for batch in batches(rows, 5, np.random.default_rng(0)):
        seen += batch.index.tolist()
        lengths = batch.valid["text"].sum(1)
        assert lengths.tolist() == [i + 1 for i in batch.index.tolist()]
    assert sorted(seen) == list(range(23)), "the last, smaller batch must not be lost"


def test_schedule_rises_then_falls_to_nothing() -> None:
    shares = [rate(step, 100, 0.1) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert max(shares) == pytest.approx(1.0)
    assert shares[-1] < 0.01


def test_stepped_once_an_epoch_the_schedule_is_almts() -> None:
    """200 epochs: the first 20 rise by a twentieth each, then a cosine over the other 180."""
    shares = [rate(epoch - 1, 200, 0.1) for epoch in range(1, 201)]
    assert shares[:20] == pytest.approx([epoch / 20 for epoch in range(1, 21)])
    assert shares[20:] == pytest.approx([0.5 * (1 + math.cos(math.pi * done / 180)) for done in range(180)])


def test_a_stopped_run_ends_as_an_unstopped_one(tmp_path: Path) -> None:
    rows = small()

    def go(folder: Path, epochs_at_first: int | None) -> Concat:
        settings = Settings(epochs=4, batch=8, learning_rate=1e-2, precision="float32", average=0.9, device="cpu")
        torch.manual_seed(1)
        model = Concat(Config(dims={"text": 6}, dropout=0.0))
        if epochs_at_first:
            calls = 0

            def stop(m):
                nonlocal calls
                calls += 1
                if calls > epochs_at_first:
                    raise KeyboardInterrupt
                return {"score": float(calls)}

            with pytest.raises(KeyboardInterrupt):
                fit(model, lambda e: rows, stop, settings, folder, say=lambda s: None)
            model = Concat(Config(dims={"text": 6}, dropout=0.0))
        fit(
            model,
            lambda e: rows,
            lambda m: {"score": 1.0},
            settings.model_copy(update={"keep": "last"}),
            folder,
            say=lambda s: None,
        )
        return model

    whole, resumed = go(tmp_path / "a", None), go(tmp_path / "b", 2)
    for (name, first), second in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(first, second, msg=name)


def test_a_resumed_average_is_where_the_model_is(tmp_path: Path) -> None:
    def model() -> Concat:
        return Concat(Config(dims={"text": 6}, dropout=0.0))

    settings = Settings(epochs=1, batch=8, precision="float32", average=0.9, device="cpu", track=())
    fit(model(), lambda e: small(), lambda m: {"score": 1.0}, settings, tmp_path, say=lambda s: None)
    elsewhere = settings.model_copy(update={"device": "meta"})  # as a GPU: weights of the CPU cannot be added to it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that loading into the meta device copies nothing
        resumed = loop._Run(model(), elsewhere, tmp_path, None, lambda s: None)
    assert resumed.average is not None
    assert resumed.average.steps > 0
    assert {value.device.type for value in resumed.average.state.values()} == {"meta"}


def test_learns_a_plain_rule_and_predicts_in_order(tmp_path: Path) -> None:
    rows = small(400)
    model = Concat(Config(dims={"text": 6}, dropout=0.0))
    settings = Settings(epochs=20, batch=32, learning_rate=2e-2, precision="float32", device="cpu", keep="last")
    fit(model, lambda e: rows, lambda m: {"score": 0.0}, settings, tmp_path, say=lambda s: None)
    fresh = small(300, seed=5)
    guess = predict(model, fresh, 7)["polarity"].argmax(1)
    assert (guess == fresh.labels["polarity"].argmax(1)).mean() > 0.8


def test_folds_keep_actors_and_groups_whole_and_sexes_balanced() -> None:
    folds = actor_folds(list(range(1, 21)), 5, 0)
    assert sorted(actor for fold in folds for actor in fold) == list(range(1, 21))
    assert all(sum(a % 2 for a in fold) == 2 for fold in folds)
    groups = [f"g{i % 7}" for i in range(50)]
    placed = group_folds(groups, 5, 0)
    assert all(len({p for p, g in zip(placed, groups, strict=True) if g == name}) == 1 for name in set(groups))


@pytest.mark.parametrize(
    "text",
    [*SENTENCES, "I really love this film!", "That movie was awful.", "今天天气真不错", "我真的很开心！"],
)
def test_the_worked_examples_and_their_near_paraphrases_are_recognised(text: str) -> None:
    assert is_held_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "I love the way this movie shows the city at night",
        "天气预报说明天会有大雨，出行请注意安全，带好雨具",
        "Great service",
    ],
)
def test_other_texts_may_be_learned_from(text: str) -> None:
    assert not is_held_out(text)


@pytest.mark.parametrize("supported", [True, False])
def test_a_cpu_without_16_bit_arithmetic_computes_in_float32(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    for precision in ("bfloat16", "float32"):
        with arithmetic(torch.device("cpu"), precision):
            found = torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype
        assert found == (torch.bfloat16 if supported and precision == "bfloat16" else torch.float32)


def test_typos_fall_on_a_share_of_the_texts_and_are_the_same_every_time() -> None:
    samples = [Sample(str(n), text=f"The train number {n} leaves at five 明天见") for n in range(400)]
    typed = with_typos(samples, 0.3)
    changed = [(a.text or "", b.text or "") for a, b in zip(samples, typed, strict=True) if a.text != b.text]
    assert 80 < len(changed) < 160
    assert all("明天见" in after and abs(len(after) - len(before)) < 10 for before, after in changed)
    assert typed == with_typos(samples, 0.3)
    assert with_typos(samples, 0.0) == samples


@pytest.mark.parametrize("file", ["words.toml", "words_everyday.toml", "words_dialogue.toml"])
def test_no_training_row_is_a_worked_example_or_stands_in_a_test_part(file: str, shared: Path) -> None:
    from demeanor.training.run import read_run_file

    root = Path(__file__).parents[2]
    spec = read_run_file(root / "recipes" / file)
    corpora = read_corpora(spec["data"], root / "recipes" / "tables", shared / "data")
    learned = [s for _, samples in corpora for s in samples if s.split == "train"]
    assert len(learned) > 100_000
    assert not [s.text for s in learned if is_held_out(s.text or "")]
    key = lambda s: "".join(c for c in (s.text or "").lower() if c.isalnum())  # noqa: E731
    sealed = {key(s) for _, samples in corpora for s in samples if s.split == "test"}
    assert not [s.text for s in learned if len(key(s)) >= 20 and key(s) in sealed]
    for _, samples in corpora:
        groups = {split: {s.group for s in samples if s.split == split} for split in ("train", "valid", "test")}
        assert not groups["train"] & groups["test"]


def test_rows_of_several_classes_are_in_no_figure_of_one_label() -> None:
    """`anger,joy` names neither above the other: counting the first of them would call whoever says joy wrong."""
    target = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0.4, 0.6, 0], [NAN] * 3], np.float32)
    said = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 0]]
    assert scored(target).tolist() == [True, True, False, True, False]
    assert task_metrics(Task(classes=["a", "b", "c"]), said, target)["accuracy"] == 1.0
    described = {"classes": ["a", "b", "c"], "rows": {}, "calibration": {}, "sets": {}}
    calibrate(described, "text", np.tile(4 * said, (4, 1)), np.tile(target, (4, 1)))
    assert described["rows"] == {"text": 12}
    error = calibration_error(described, "text", np.tile(4 * said, (4, 1)), np.tile(target, (4, 1)))
    assert error == pytest.approx(0, abs=0.02), "all twelve are right, and surely so"


@pytest.mark.parametrize(
    ("labels", "low", "high"),
    [((-0.4, 0.8), -1, 1), ((0, 1), 0, 1), ((0.2, 0.6), 0.2, 0.6), ((-1, 3), -3, 3), ((0.5, 0.5), -0.5, 1.5)],
)
def test_a_score_that_is_nowhere_below_0_has_the_range_of_its_labels(labels, low: float, high: float) -> None:
    assert range_of(np.array(labels), "score") == (low, high)


def test_edges_of_sims_lie_in_the_precision_of_the_labels() -> None:
    """In float64 a float32 label of -0.7 is above the edge of that name, and a prediction of it in another class."""
    labels = np.array([-0.7, -0.1, 0.1, 0.7], np.float32)
    inside = labels - np.float32(0.05)  # closed on the right: each lies with the edge above it
    found = task_metrics(Task(metrics="sims"), inside, labels)
    assert (found["acc3"], found["acc5"]) == (1.0, 1.0)


def test_a_floor_takes_a_side_where_the_median_is_none() -> None:
    tasks = {"score": {"metrics": "mosi"}}
    run = checked({"run": {"name": "f", "model": "concat"}, "data": {"dataset": "synthetic"}, "tasks": tasks,
                   "encoders": {"text": {"name": "series"}}})  # fmt: skip
    labels = {"score": np.array([-2, 0, 0, 0, 1, 1, 2], np.float32)}
    found = floor(run, labels, labels)
    assert found["mae"] == pytest.approx(6 / 7), "the median is 0"
    assert found["non0_acc2"] == pytest.approx(3 / 4), "most of those that are not 0 are positive"
    assert found["non0_f1"] == pytest.approx(3 / 4 * 6 / 7)
    assert floor(run, {"score": -labels["score"]}, labels)["non0_acc2"] == pytest.approx(1 / 4), "as in training"
