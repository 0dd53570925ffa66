"""Self-MM with generated labels: the hand example, the order of things, and what the first epoch teaches."""

import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.self_mm import PRESETS, Config, SelfMm  # noqa: E402
from demeanor.losses.ulgm import FUSED, GeneratedLabels, position, proposal  # noqa: E402
from demeanor.training.parallel import Group, refuse_memories  # noqa: E402

pytestmark = pytest.mark.lab
DIMS = {"text": 7, "audio": 5, "visual": 4}
NAN = float("nan")


def batch_of(count: int = 8, first: int = 0, time: int = 5, seed: int = 0) -> FeatureBatch:
    g = torch.Generator().manual_seed(seed)
    values = {m: torch.randn(count, time, d, generator=g) for m, d in DIMS.items()}
    valid = {m: torch.ones(count, time, dtype=torch.bool) for m in DIMS}
    present = {m: torch.ones(count, dtype=torch.bool) for m in DIMS}
    labels = {"score": torch.linspace(-0.9, 0.9, count)}
    return FeatureBatch(values, valid, present, labels, torch.arange(first, first + count))


def small(**changes: object) -> SelfMm:
    torch.manual_seed(0)
    return SelfMm(Config(**{**PRESETS["tiny"], "least_weight": 0.0, "dims": DIMS, **changes})).train()


def step(model: SelfMm, batch: FeatureBatch, epoch: int) -> dict[str, torch.Tensor]:
    output = model(batch)
    terms = model.loss(output, batch)
    model.after_step(output, batch, epoch)
    return terms


def labels_by_hand(y: float, fused: tuple[float, float], own: tuple[float, float], before: float, n: int) -> float:
    """From distances to the positive and the negative centre, in plain arithmetic."""
    dm, ds = (fused[1] - fused[0]) / fused[0], (own[1] - own[0]) / own[0]
    new = 0.5 * ds / dm * y + 0.5 * (y + ds - dm)
    return (n - 1) / (n + 1) * before + 2 / (n + 1) * new


def on_a_line(positive: float, negative: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A feature and centres (negative, positive) at those distances."""
    return torch.tensor([[0.0]]), torch.tensor([[-negative], [positive]])


def test_the_hand_example() -> None:
    """D_m = 1, 3; D_s = 2, 3; y = 2: a proposal of 0.5, a label of 1 in the second epoch, a weight of tanh 1."""
    fused, own = position(*on_a_line(1.0, 3.0)), position(*on_a_line(2.0, 3.0))
    assert (fused.item(), own.item()) == pytest.approx((2.0, 0.5))
    new = proposal(own, fused, torch.tensor([2.0]), 3.0)
    assert new.item() == pytest.approx(0.5)
    assert labels_by_hand(2.0, (1.0, 3.0), (2.0, 3.0), 2.0, 2) == pytest.approx(1.0)


def test_the_model_moves_its_labels_by_that_example() -> None:
    labels = GeneratedLabels({"audio": 1}, 1, "score", 3.0)
    batch = replace(batch_of(1), labels={"score": torch.tensor([2.0])})
    at = {"audio": torch.zeros(1, 1), FUSED: torch.zeros(1, 1)}
    labels.update(at, batch, 1)
    labels.centres_audio.copy_(on_a_line(2.0, 3.0)[1])
    labels.centres_fused.copy_(on_a_line(1.0, 3.0)[1])
    labels.update(at, batch, 2)
    assert labels.of("audio", batch).item() == pytest.approx(1.0)
    loss = labels.loss({"audio": torch.tensor([0.25])}, batch)
    assert loss.item() == pytest.approx(0.76159 * 0.75, abs=1e-4)


def test_both_forms_of_the_proposal_agree() -> None:
    torch.manual_seed(0)
    own, fused, y = torch.randn(3, 500, dtype=torch.float64)
    fused = fused.sign() * (fused.abs() + 0.1)
    other = y + (own - fused) * (y + fused) / (2 * fused)
    torch.testing.assert_close(proposal(own, fused, y, 1e9), other, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(proposal(fused, fused, y, 1e9), y)
    assert proposal(own, fused, y, 1.0).abs().max() <= 1.0
    assert torch.isfinite(proposal(own, torch.zeros_like(own), y, 1.0)).all()


def test_the_first_epoch_teaches_no_modality_alone() -> None:
    model, batch = small(), batch_of()
    terms = step(model, batch, 1)
    assert terms["own"] == 0
    (terms["task"] + terms["own"]).backward()
    alone = [*model.own_heads.parameters(), *(p for b in model.alone.values() for p in b.parameters())]
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in alone)
    assert model.fused.first.weight.grad.abs().sum() > 0
    terms = step(model, batch, 2)
    assert terms["own"] == 0  # labels move after the step
    model.zero_grad()
    step(model, batch, 3)["own"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.own_heads.parameters())


def test_labels_move_by_the_old_centres() -> None:
    """The second batch's labels of an epoch see the centres as the first batch left them."""
    model, one, two = small(), batch_of(8, 0), batch_of(8, 8, seed=1)
    for batch in (one, two):
        step(model, batch, 1)
    step(model, one, 2)
    memory = model.generated
    before = {m: memory.get_buffer(f"centres_{m}").clone() for m in ("audio", FUSED)}
    with torch.no_grad():  # what a training step would do
        model.alone["audio"].first.weight.mul_(1.5)
    output = model(two)
    features = output.extra["features"]
    y = two.labels["score"]
    seen = float(torch.cat([one.labels["score"], y]).abs().max())  # the end of the scale, as no other is named
    new = proposal(position(features["audio"], before["audio"]), position(features[FUSED], before[FUSED]), y, seen)
    model.after_step(output, two, 2)
    torch.testing.assert_close(memory.of("audio", two), y / 3 + 2 / 3 * new)
    kept = memory.labels_audio
    expected = torch.stack([memory.features_audio[kept < 0].mean(0), memory.features_audio[kept > 0].mean(0)])
    torch.testing.assert_close(memory.centres_audio, expected)
    assert not torch.equal(memory.centres_audio, before["audio"])


def test_rows_keep_their_labels_whatever_the_order() -> None:
    model, batch = small(), batch_of()
    for epoch in (1, 2, 3):
        step(model, batch, epoch)
    order = torch.randperm(8)
    shuffled = replace(batch, index=batch.index[order], labels={"score": batch.labels["score"][order]})
    torch.testing.assert_close(model.generated.of("text", shuffled), model.generated.of("text", batch)[order])


def test_what_is_missing_is_neither_taught_nor_remembered() -> None:
    model, batch = small(least_weight=0.5), batch_of()
    present = {**batch.present, "audio": torch.arange(8) < 4}
    labels = {"score": torch.where(torch.arange(8) == 0, NAN, batch.labels["score"])}
    step(model, replace(batch, present=present, labels=labels), 1)
    remembered = ~model.generated.labels_audio.isnan()
    assert remembered.tolist() == [False, True, True, True, False, False, False, False]
    gone = {**present, "audio": torch.zeros(8, dtype=torch.bool)}
    model.zero_grad()
    model.loss(model(replace(batch, present=gone)), replace(batch, present=gone))["own"].backward()
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in model.own_heads["audio"].parameters())
    assert model.own_heads["text"].weight.grad.abs().sum() > 0


def test_validation_rows_make_no_labels() -> None:
    model, batch = small(), batch_of()
    step(model, batch, 1)
    model.eval()
    held_out = replace(batch_of(3, seed=4), index=torch.arange(100, 103))
    assert set(model.loss(model(held_out), held_out)) == {"task"}
    assert len(model.generated.labels_audio) == 8


def test_labels_outlive_a_checkpoint() -> None:
    model, batch = small(), batch_of()
    for epoch in (1, 2):
        step(model, batch, epoch)
    other = small()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other.generated.of("visual", batch), model.generated.of("visual", batch))
    step(model, batch, 3)
    step(other, batch, 3)
    torch.testing.assert_close(other.generated.of("visual", batch), model.generated.of("visual", batch))


def test_rates_and_decays_of_the_encoders() -> None:
    model = small(rates={"audio": 5.0}, decays={"visual": 0.0})
    groups = model.param_groups(1e-3, 0.1)
    counted = [id(p) for g in groups for p in g["params"]]
    assert sorted(counted) == sorted(id(p) for p in model.parameters())

    def group(parameter: torch.nn.Parameter) -> dict[str, float]:
        found = next(g for g in groups if any(p is parameter for p in g["params"]))
        return {k: found[k] for k in ("lr", "weight_decay")}

    assert group(model.read["audio"].project.weight) == pytest.approx({"lr": 5e-3, "weight_decay": 0.1})
    assert group(model.read["visual"].project.weight) == pytest.approx({"lr": 1e-3, "weight_decay": 0.0})
    assert group(model.fused.first.weight) == pytest.approx({"lr": 1e-3, "weight_decay": 0.1})
    assert group(model.fused.first.bias) == pytest.approx({"lr": 1e-3, "weight_decay": 0.0})


def test_as_many_weights_as_the_reference_has() -> None:
    """38 762 852 of MMSA's run (docs/speed.md): 38 603 520 in its 2-layer BERT, and these."""
    model = SelfMm(Config(dims={"text": 768, "audio": 5, "visual": 20}, **PRESETS["mosi"]))
    assert 38_603_520 + sum(p.numel() for p in model.parameters()) == 38_762_852


def test_generated_labels_keep_to_the_scale_of_their_labels() -> None:
    """Whatever it is: a strong label of ±3 is not cut to 1."""
    batch = replace(batch_of(), labels={"score": torch.linspace(-3.0, 3.0, 8)})
    model = small()
    for epoch in range(1, 6):
        step(model, batch, epoch)
    own = model.generated.labels_audio
    assert 1.5 < float(own.abs().max()) <= 3.0


def test_labels_beyond_a_bound_that_is_given_are_refused() -> None:
    batch = replace(batch_of(), labels={"score": torch.linspace(-3.0, 3.0, 8)})
    with pytest.raises(ConfigError, match="'score' within ±1, got 3"):
        step(small(bound=1.0), batch, 1)
    step(small(bound=3.0), replace(batch, labels={"score": torch.where(torch.arange(8) < 4, NAN, 3.0)}), 1)
    assert not [name for name, preset in PRESETS.items() if "bound" in preset]  # a run's scale is its own


def test_several_processes_are_refused() -> None:
    refuse_memories(small(), Group(0, 1))
    with pytest.raises(ConfigError, match="expected one process, got 2"):
        refuse_memories(small(), Group(1, 2))


def test_it_needs_an_intensity() -> None:
    with pytest.raises(ConfigError, match="target = "):
        small(tasks={"polarity": 3})
    assert small(tasks={"valence": 1, "polarity": 3}, target="valence")
