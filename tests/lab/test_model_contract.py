"""One suite over every model of the lab, as MODELS.md 0.2 asks."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from model_inputs import INPUTS, VOCABULARY, batch_of, build, module_of, tasks_of  # noqa: E402

from demeanor import plugins  # noqa: E402
from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.fusion._model import FusionConfig  # noqa: E402

pytestmark = pytest.mark.lab

NAMES = plugins.names("fusion")
ONNX_TOLERANCE = 1e-4


def must_fuse(name: str) -> None:
    if not issubclass(module_of(name).Config, FusionConfig):
        pytest.skip("reads one modality")


def close(one: dict, two: dict, atol: float = 1e-5) -> None:
    assert one.keys() == two.keys()
    for task, numbers in one.items():
        torch.testing.assert_close(two[task], numbers, atol=atol, rtol=0)


def loss_of(model, batch) -> torch.Tensor:
    return torch.stack([t.float().reshape(()) for t in model.loss(model(batch), batch).values()]).sum()


def optimiser_of(model, rate: float) -> torch.optim.Optimizer:
    """Adam over the model's own groups, so that what it keeps out of training stays out."""
    groups = [{"params": g["params"]} for g in model.param_groups(rate, 0.0)]
    return torch.optim.Adam(groups, rate)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_also_for_one_sample_and_one_step(name: str) -> None:
    for count, time in ((1, 1), (1, 9), (4, 9)):
        model = build(name)
        output = model(batch_of(name, count, time))
        for task, size in tasks_of(model).items():
            assert output.tasks[task].shape == ((count,) if size == 1 else (count, size)), task
        assert output.hidden is None or output.hidden.shape[0] == count


@pytest.mark.parametrize("name", NAMES)
def test_several_tasks_at_once(name: str) -> None:
    if "tasks" not in module_of(name).Config.model_fields:
        pytest.skip("an expert of the reader: its three tasks are fixed")
    model = build(name, tasks={"score": 1, "polarity": 3})
    batch = batch_of(name, 5)
    batch = replace(batch, labels={"score": torch.linspace(-1, 1, 5), "polarity": torch.eye(3)[torch.arange(5) % 3]})
    output = model(batch)
    assert output.tasks["score"].shape == (5,)
    assert output.tasks["polarity"].shape == (5, 3)
    assert all(torch.isfinite(t).all() for t in model.train().loss(model(batch), batch).values())


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(name: str) -> None:
    model, batch = build(name), batch_of(name, 4)
    before = model(batch).tasks
    for modality, values in batch.values.items():
        if batch.valid[modality] is None:
            continue  # a picture has no padding
        extra = torch.full_like(values[:, :5], 7)
        longer = replace(
            batch,
            values={**batch.values, modality: torch.cat([values, extra], 1)},
            valid={
                **batch.valid,
                modality: torch.cat([batch.valid[modality], torch.zeros(4, 5, dtype=torch.bool)], 1),
            },
        )
        close(before, model(longer).tasks)


def one_of(batch: FeatureBatch, i: int) -> FeatureBatch:
    return FeatureBatch(
        {m: v[i : i + 1] for m, v in batch.values.items()},
        {m: None if v is None else v[i : i + 1] for m, v in batch.valid.items()},
        {m: v[i : i + 1] for m, v in batch.present.items()},
        {t: y[i : i + 1] for t, y in batch.labels.items()},
        None if batch.index is None else batch.index[i : i + 1],
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_reads_the_same_alone_and_in_a_batch(name: str) -> None:
    model, batch = build(name), batch_of(name, 5)
    whole = model(batch).tasks
    for i in range(5):
        close({t: y[i : i + 1] for t, y in whole.items()}, model(one_of(batch, i)).tasks)


def others(values: torch.Tensor) -> list[torch.Tensor]:
    """Other word ids, or the same numbers loud and reversed: both, for a median may not care about one of them."""
    return [(values + 11) % VOCABULARY] if values.dtype == torch.int64 else [50 * values, -50 * values]


@pytest.mark.parametrize("name", NAMES)
def test_every_subset_of_modalities(name: str) -> None:
    """Whatever lies where a modality is missing changes nothing; what is present does."""
    must_fuse(name)
    model, batch = build(name), batch_of(name, 4)
    modalities = list(batch.values)
    subsets = [s for n in range(1, len(modalities) + 1) for s in itertools.combinations(modalities, n)]
    for there in subsets:
        present = {m: torch.full((4,), m in there) for m in modalities}
        gone = replace(batch, present=present)
        before = model(gone).tasks
        assert all(torch.isfinite(y).all() for y in before.values()), there
        junk = {
            m: v if m in there else (torch.ones_like(v) if v.dtype == torch.int64 else v * 50 + 3)
            for m, v in batch.values.items()
        }
        close(before, model(replace(gone, values=junk)).tasks)
        for heard in there:
            found = [model(replace(gone, values={**gone.values, heard: x})).tasks for x in others(gone.values[heard])]
            moved = max((y[task] - before[task]).abs().max() for y in found for task in before)
            assert moved > 1e-6, f"{heard} is not heard beside {set(there) - {heard}}"
    none = replace(batch, present={m: torch.zeros(4, dtype=torch.bool) for m in modalities})
    assert all(torch.isfinite(y).all() for y in model(none).tasks.values())


@pytest.mark.parametrize("name", [n for n in NAMES if n not in INPUTS or n == "tuned_concat"])
def test_tokens_of_a_vision_transformer_serve_as_visual(name: str) -> None:
    """All of `vit`'s tokens as one visual sequence; what the fusion learns reaches the patches."""
    must_fuse(name)
    eye = build("vit").train()
    tokens = eye(batch_of("vit", 5)).extra["tokens"]
    batch = batch_of(name, 5)
    frames = torch.ones(tokens.shape[:2], dtype=torch.bool)
    batch = replace(
        batch,
        values={**batch.values, "visual": tokens},
        valid={**batch.valid, "visual": frames},
        present={**batch.present, "visual": torch.ones(5, dtype=torch.bool)},
    )
    dims = {**build(name).config.dims, "visual": tokens.shape[2]}
    model = build(name, dims=dims).train()
    output = model(batch)
    assert all(torch.isfinite(y).all() for y in output.tasks.values())
    model.loss(output, batch)["task"].backward()
    for p in (eye.network.embed.weight, eye.network.summary, eye.network.positions):
        assert torch.isfinite(p.grad).all()
        assert p.grad.abs().sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_training_survives_missing_modalities(name: str) -> None:
    must_fuse(name)
    model, batch = build(name).train(), batch_of(name, 6)
    present = {m: torch.arange(6) % len(batch.values) != n for n, m in enumerate(batch.values)}
    loss = loss_of(model, replace(batch, present=present))
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert torch.isfinite(loss)
    assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_numbers_and_gradients_reach_every_weight(name: str) -> None:
    # An odd number of rows: as many labels above an untrained model as below cancel the L1 loss's gradient exactly.
    first, second, batch = build(name, 3).train(), build(name, 3).train(), batch_of(name, 7)
    torch.manual_seed(5)
    terms = first.loss(first(batch), batch)
    torch.manual_seed(5)
    again = second.loss(second(batch), batch)
    assert all(torch.equal(terms[k], again[k]) for k in terms)
    assert "task" in terms
    named = {p: n for n, p in first.named_parameters()}
    trained = [p for g in first.param_groups(1e-3, 0.0) for p in g["params"]]
    reached: set[str] = set()
    for phase in first.phases():  # a phase trains some of the weights; together they train all
        first.phase = phase
        first.zero_grad(set_to_none=True)
        loss = loss_of(first, batch)
        if "score" in getattr(first(batch), "tasks", {}) and not hasattr(first.config, "tasks"):
            loss = loss + first(batch).tasks["score"].square().sum()  # experts whose recipes leave intensity out
        loss.backward()
        reached |= {named[p] for p in trained if p.grad is not None and p.grad.abs().sum() > 0}
    assert {named[p] for p in trained} - reached == set()


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_in_mixed_precision_as_the_loop_does(name: str) -> None:
    """The forward pass in bfloat16, the loss outside of it: weights used inside `loss` meet low-precision tensors."""
    model, batch = build(name).train(), batch_of(name, 6)
    for phase in model.phases():
        model.phase = phase
        with torch.autocast("cpu", torch.bfloat16):
            output = model(batch)
        loss = torch.stack([t.float().reshape(()) for t in model.loss(output, batch).values()]).sum()
        loss.backward()
        model.after_step(output, batch, 1)
        assert torch.isfinite(loss)


@pytest.mark.parametrize("name", NAMES)
def test_overfits_sixteen_samples(name: str) -> None:
    """As the loop trains it: phases in turn, then `after_step`."""
    torch.manual_seed(0)
    model, batch = build(name).train(), batch_of(name, 16)
    optimiser = optimiser_of(model, 5e-3)
    for step in range(200):
        for phase in model.phases():
            model.phase = phase
            output = model(batch)
            loss = torch.stack([t.float().reshape(()) for t in model.loss(output, batch).values()]).sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            model.after_step(output, batch, 1 + step // 10)
    pictured = any(v.ndim == 4 for v in batch.values.values())
    model.train(pictured)  # batch statistics of 16 pictures differ from the running ones
    found = model(batch).tasks
    task = "emotions" if "emotions" in found else next(iter(found))
    if found[task].ndim == 2:
        assert (found[task].argmax(1) == batch.labels[task].argmax(1)).float().mean() > 0.9
    else:
        assert (found[task] - batch.labels[task]).abs().mean() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_weights_give_the_same_numbers(name: str) -> None:
    model, batch = build(name), batch_of(name, 3)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    other = build(name, 9)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    close(model(batch).tasks, other(batch).tasks, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_gives_the_same_numbers(name: str, tmp_path) -> None:
    must_fuse(name)
    import onnxruntime

    from demeanor.training.export import export_fusion

    model = build(name)
    path = export_fusion(model, batch_of(name, 3), tmp_path / "model.onnx")
    ran = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count, time in ((1, 9), (4, 6)):
        batch = batch_of(name, count, time, seed=count)
        first = next(iter(batch.present))
        some = torch.arange(count) != 0 if count > 1 and len(batch.values) > 1 else torch.ones(count, dtype=torch.bool)
        batch = replace(batch, present={**batch.present, first: some})
        fed = {m: v.numpy() for m, v in batch.values.items()}
        fed |= {f"{m}_mask": batch.mask(m).numpy() for m, v in batch.valid.items() if v is not None}
        fed |= {f"{m}_present": batch.present[m].numpy() for m, v in batch.valid.items() if v is None}
        expected = {i.name for i in ran.get_inputs()}
        found = ran.run(list(tasks_of(model)), {k: v for k, v in fed.items() if k in expected})
        for task, numbers in zip(tasks_of(model), found, strict=True):
            truth = model(batch).tasks[task].detach().numpy()
            np.testing.assert_allclose(numbers, truth, atol=ONNX_TOLERANCE, rtol=0)


def test_every_model_says_what_it_is() -> None:
    for name in NAMES:
        module = module_of(name)
        assert issubclass(module.MODEL, torch.nn.Module)
        assert "tiny" in module.PRESETS, name
        assert module.__doc__, name
    assert set(INPUTS) <= set(NAMES)
