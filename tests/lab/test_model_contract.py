"""One suite over every model of the lab, as MODELS.md 0.2 asks."""

import importlib
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from demeanor import plugins  # noqa: E402
from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.fusion._model import Model  # noqa: E402

pytestmark = pytest.mark.lab

CONFIGS = {
    "text_transformer": {
        "vocabulary": 50,
        "dim": 32,
        "heads": 4,
        "inner": 64,
        "layers": 2,
        "positions": 32,
        "dropout": 0.0,
    },
    "image_cnn": {"width": 8, "depths": (1, 1), "dropout": 0.0},
    "audio_cnn": {"dim": 12, "width": 16, "dropout": 0.0, "input_dropout": 0.0, "members": 2},
    "concat": {"dims": {"text": 6, "visual": 5}, "dropout": 0.0, "width": 16},
}
NAMES = plugins.names("fusion")


def build(name: str, seed: int = 0) -> Model:
    torch.manual_seed(seed)
    module = importlib.import_module(f"demeanor.fusion.{name}")
    return module.MODEL(module.Config(**CONFIGS[name])).eval()


def batch_of(name: str, count: int, time: int = 9, seed: int = 0) -> FeatureBatch:
    g = torch.Generator().manual_seed(seed)
    present = torch.ones(count, dtype=torch.bool)
    lengths = torch.randint(1, time + 1, (count,), generator=g)
    lengths[0] = time
    valid = torch.arange(time)[None] < lengths[:, None]
    if name == "text_transformer":
        values, valids = {"text": torch.randint(0, 50, (count, time), generator=g)}, {"text": valid}
    elif name == "audio_cnn":
        values, valids = {"audio": torch.randn(count, time, 12, generator=g)}, {"audio": valid}
    elif name == "image_cnn":
        values, valids = {"visual": torch.randn(count, 1, 16, 16, generator=g)}, {"visual": None}
    else:
        dims = CONFIGS["concat"]["dims"]
        values = {m: torch.randn(count, d, generator=g) for m, d in dims.items()}
        valids = dict.fromkeys(dims)
    emotions = torch.eye(7)[torch.arange(count) % 7]
    polarity = torch.eye(3)[torch.arange(count) % 3]
    labels = {"polarity": polarity, "emotions": emotions, "score": torch.linspace(-0.9, 0.9, count)}
    return FeatureBatch(values, valids, dict.fromkeys(values, present), labels, torch.arange(count))


def test_every_model_is_covered() -> None:
    assert sorted(CONFIGS) == NAMES, "a new model needs a small config here"


@pytest.mark.parametrize("name", NAMES)
def test_shapes_also_for_one_sample_and_one_step(name: str) -> None:
    for count, time in ((1, 1), (1, 9), (4, 9)):
        output = build(name)(batch_of(name, count, time))
        assert output.tasks["polarity"].shape == (count, 3)
        assert output.tasks["emotions"].shape == (count, 7)
        assert output.tasks["score"].shape == (count,)
        assert output.hidden is not None
        assert output.hidden.shape[0] == count
        assert output.tasks["score"].abs().max() <= 1


@pytest.mark.parametrize("name", ["text_transformer", "audio_cnn"])
def test_padding_changes_nothing(name: str) -> None:
    model, batch = build(name), batch_of(name, 4)
    modality = next(iter(batch.values))
    extra = torch.full_like(batch.values[modality][:, :5], 7)
    longer = replace(
        batch,
        values={modality: torch.cat([batch.values[modality], extra], 1)},
        valid={modality: torch.cat([batch.valid[modality], torch.zeros(4, 5, dtype=torch.bool)], 1)},
    )
    for task, numbers in model(batch).tasks.items():
        torch.testing.assert_close(model(longer).tasks[task], numbers, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_reads_the_same_alone_and_in_a_batch(name: str) -> None:
    model, batch = build(name), batch_of(name, 5)
    whole = model(batch).tasks
    for i in range(5):
        alone = FeatureBatch(
            {m: v[i : i + 1] for m, v in batch.values.items()},
            {m: None if v is None else v[i : i + 1] for m, v in batch.valid.items()},
            {m: v[i : i + 1] for m, v in batch.present.items()},
        )
        for task, numbers in model(alone).tasks.items():
            torch.testing.assert_close(numbers[0], whole[task][i], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_numbers_and_gradients_reach_every_weight(name: str) -> None:
    first, second, batch = build(name, 3), build(name, 3), batch_of(name, 6)
    terms = first.train().loss(first(batch), batch)
    again = second.train().loss(second(batch), batch)
    assert all(torch.equal(terms[k], again[k]) for k in terms)
    assert "task" in terms
    # Some models leave intensity to their score weight; ask every head for a gradient.
    output = first(batch)
    (sum(terms.values()) + sum(t.float().square().sum() for t in output.tasks.values())).backward()
    missed = [
        n for n, p in first.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    ]
    assert missed == []


@pytest.mark.parametrize("name", NAMES)
def test_overfits_sixteen_samples(name: str) -> None:
    model, batch = build(name).train(), batch_of(name, 16)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(200):
        loss = sum(model.loss(model(batch), batch).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.train(name == "image_cnn")  # batch statistics of 16 samples differ from the running ones
    guess = model(batch).tasks["emotions"].argmax(1)
    assert (guess == batch.labels["emotions"].argmax(1)).float().mean() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_weights_give_the_same_numbers(name: str, tmp_path) -> None:
    model, batch = build(name), batch_of(name, 3)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    other = build(name, 9)
    other.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    for task, numbers in model(batch).tasks.items():
        assert torch.equal(other(batch).tasks[task], numbers)


def test_a_missing_modality_counts_as_its_mean_whatever_lies_there() -> None:
    model, batch = build("concat"), batch_of("concat", 4)
    gone = replace(batch, present={"text": torch.zeros(4, dtype=torch.bool), "visual": torch.ones(4, dtype=torch.bool)})
    junk = replace(gone, values={**batch.values, "text": batch.values["text"] * 50 + 3})
    for task, numbers in model(gone).tasks.items():
        torch.testing.assert_close(model(junk).tasks[task], numbers)
