"""MMIM: the bound against the true information, entropies against Gaussians, contrast, phases and memory."""

import math

import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.mmim import (  # noqa: E402
    PRESETS,
    Config,
    GaussianBound,
    Mmim,
    gaussian_entropy,
    gaussian_log_likelihood,
    predictive_coding,
)

pytestmark = pytest.mark.lab
DIMS = {"text": 7, "audio": 5, "visual": 4}
TRUE = -0.5 * math.log(1 - 0.64)  # the information of two standard normals with correlation .8
ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


def correlated(count: int = 100_000) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, count, 1, generator=g)
    return x, 0.8 * x + 0.6 * noise


def bound(slope: float, variance: float) -> float:
    x, y = correlated()
    logs = torch.full_like(y, math.log(variance))
    return gaussian_log_likelihood(y, slope * x, logs).item() + ENTROPY


def batch_of(count: int = 24, time: int = 5, seed: int = 0) -> FeatureBatch:
    g = torch.Generator().manual_seed(seed)
    values = {m: torch.randn(count, time, d, generator=g) for m, d in DIMS.items()}
    valid = {m: torch.ones(count, time, dtype=torch.bool) for m in DIMS}
    present = {m: torch.ones(count, dtype=torch.bool) for m in DIMS}
    return FeatureBatch(values, valid, present, {"score": torch.linspace(-1, 1, count)}, torch.arange(count))


def small(**changes: object) -> Mmim:
    torch.manual_seed(0)
    return Mmim(Config(**{**PRESETS["tiny"], "dims": DIMS, **changes})).train()


def test_the_bound_is_tight_for_the_true_conditional() -> None:
    assert pytest.approx(0.5108, abs=1e-4) == TRUE
    assert bound(0.8, 0.36) == pytest.approx(TRUE, abs=0.02)
    assert bound(0.5, 0.5) == pytest.approx(0.3966, abs=0.02)


def test_the_bound_never_exceeds_the_information() -> None:
    rng = torch.Generator().manual_seed(1)
    for _ in range(50):
        slope, log_variance = torch.randn(2, generator=rng).tolist()
        assert bound(slope, math.exp(log_variance)) <= TRUE + 0.02


def test_the_likelihood_is_torchs() -> None:
    y, mean, logs = torch.randn(3, 20, 5)
    theirs = torch.distributions.Normal(mean, (0.5 * logs).exp()).log_prob(y).sum(1).mean()
    torch.testing.assert_close(gaussian_log_likelihood(y, mean, logs), theirs)


def test_without_its_normaliser_infinite_variance_is_best() -> None:
    y, mean = torch.randn(2, 20, 5)
    wide = torch.full_like(y, 30.0)
    assert gaussian_log_likelihood(y, mean, wide, normaliser=False).item() == pytest.approx(0.0, abs=1e-6)
    assert gaussian_log_likelihood(y, mean, wide).item() < gaussian_log_likelihood(y, mean, torch.zeros_like(y)).item()


def test_a_bound_is_learned() -> None:
    """Fitted to correlated Gaussians it comes near the true information and stays below."""
    torch.manual_seed(0)
    x, y = (z.repeat(1, 4) if n == 0 else z for n, z in enumerate(correlated(4000)))
    net = GaussianBound(4, 1)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(400):
        optimiser.zero_grad()
        (-net.likelihood(x, y, learn=True)).backward()
        optimiser.step()
    found = net.likelihood(x, y, learn=True).item() + ENTROPY
    assert TRUE - 0.05 < found < TRUE + 0.05


@pytest.mark.parametrize("seed", [0, 1])
def test_the_entropy_of_gaussians(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    root = torch.randn(4, 4, generator=g) + 2 * torch.eye(4)
    rows = torch.randn(200_000, 4, generator=g) @ root.T
    expected = 0.5 * torch.logdet(root @ root.T).item()
    assert gaussian_entropy(rows).item() == pytest.approx(expected, rel=0.02, abs=0.02)
    full = torch.distributions.MultivariateNormal(torch.zeros(4), root @ root.T).entropy().item()
    assert full - expected == pytest.approx(4 / 2 * (1 + math.log(2 * math.pi)), abs=1e-4)


def test_the_covariance_is_the_biased_one() -> None:
    rows = torch.tensor([[1.0], [3.0], [5.0]])
    assert gaussian_entropy(rows, ridge=0.0).item() == pytest.approx(0.5 * math.log(8 / 3))
    assert math.isfinite(gaussian_entropy(torch.ones(3, 2)).item())


def test_contrast_of_equals_is_the_log_of_their_number() -> None:
    h = torch.ones(8, 4)
    assert predictive_coding(h, h).item() == pytest.approx(math.log(8))


def test_aligned_pairs_beat_every_permutation_and_the_bound_saturates() -> None:
    h = torch.eye(4)
    best = predictive_coding(h * 3, h).item()
    assert best == pytest.approx(math.log(math.e + 3) - 1)
    for shift in (1, 2, 3):
        assert predictive_coding(h.roll(shift, 0), h).item() > best
    torch.manual_seed(0)
    for _ in range(20):
        low = math.log(math.exp(1) + 31 * math.exp(-1)) - 1
        assert predictive_coding(torch.randn(32, 6), torch.randn(32, 6)).item() >= low


def test_a_fixed_vector_meets_all_predictions() -> None:
    """Rows are vectors, columns predictions: mean over i of logsumexp_j s_ij - s_ii."""
    torch.manual_seed(0)
    z, h = torch.randn(2, 5, 3)
    unit = [x / x.norm(dim=1, keepdim=True) for x in (h, z)]
    expected = sum(
        math.log(sum(math.exp(unit[0][i] @ unit[1][j]) for j in range(5))) - float(unit[0][i] @ unit[1][i])
        for i in range(5)
    )
    assert predictive_coding(z, h).item() == pytest.approx(expected / 5, abs=1e-5)


def test_the_first_phase_changes_the_bounds_networks_alone() -> None:
    model, batch = small(), batch_of()
    assert list(model.phases()) == ["bound", "fusion"]
    groups = model.param_groups(1e-2, 0.0)
    own = {id(p) for p in model.bounds.parameters()}
    for phase in model.phases():
        model.phase = phase
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        optimiser = torch.optim.Adam([{"params": g["params"]} for g in groups], 1e-2)
        torch.stack(list(model.loss(model(batch), batch).values())).sum().backward()
        optimiser.step()
        changed = {id(p) for n, p in model.named_parameters() if not torch.equal(p, before[n])}
        assert changed == (own if phase == "bound" else {id(p) for p in model.parameters()} - own)
        model.zero_grad(set_to_none=True)
    assert {id(p) for g in groups if g["phase"] == "bound" for p in g["params"]} == own
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))


def test_the_second_phase_raises_the_bound_through_the_encoders() -> None:
    model, batch = small(bound=1.0), batch_of()
    model.phase = "fusion"
    model.loss(model(batch), batch)["bound"].backward()
    assert model.read["audio"].project.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.bounds.parameters())


def test_memory_is_detached_by_class_and_drops_zeros() -> None:
    model, batch = small(), batch_of(24)
    model.phase = "fusion"
    batch = replace(batch, labels={"score": torch.cat([torch.zeros(4), torch.ones(8), -torch.ones(12)])})
    output = model(batch)
    model.after_step(output, batch, 1)
    for positive, negative in model._memory.values():
        assert (len(positive), len(negative)) == (8, 12)
        assert not positive.requires_grad
    joined = model._projected(output, batch)["text_audio"]
    assert [len(g) for g in joined] == [16, 24]
    model.after_step(output, batch, 1)  # one batch is kept, not two
    assert [len(g) for g in model._memory["text_audio"]] == [8, 12]
    model.phase = "bound"  # a new epoch starts without
    model.loss(output, batch)
    assert not model._memory


def test_classes_too_small_for_a_covariance_are_left_out() -> None:
    model, batch = small(out=16), batch_of(8)  # projections of 4: six rows are needed
    one_sided = replace(batch, labels={"score": torch.tensor([1.0] * 7 + [-1.0])})
    output = model(one_sided)
    positive = model._projected(output, one_sided)
    expected = sum(gaussian_entropy(groups[0]) for groups in positive.values())
    torch.testing.assert_close(model.entropy(output, one_sided), expected)
    few = replace(batch, labels={"score": torch.tensor([1.0, 0, 0, 0, 0, 0, 0, -1.0])})
    assert model.entropy(model(few), few) == 0


def test_rows_without_a_modality_take_no_part() -> None:
    model, batch = small(), batch_of()
    there = torch.arange(24) < 20
    part = replace(batch, present={**batch.present, "audio": there})
    vectors = model(part).extra["vectors"]
    by_hand = sum(
        model.bounds[f"text_{m}"].likelihood(vectors["text"][r], vectors[m][r], learn=True)
        for m, r in (("audio", there), ("visual", slice(None)))
    )
    torch.testing.assert_close(model.likelihood(model(part), learn=True), by_hand)


def test_classes_of_a_classification() -> None:
    model = small(tasks={"polarity": 3})
    batch = replace(batch_of(), labels={"polarity": torch.eye(3)[torch.arange(24) % 3]})
    output = model(batch)
    assert [len(g) for g in model._projected(output, batch)["text_visual"]] == [8, 8, 8]
    assert all(torch.isfinite(t) for t in model.loss(output, batch).values())


def test_pairs_and_centre() -> None:
    assert small().pairs == [("text", "audio"), ("text", "visual")]
    assert small(all_pairs=True).pairs[-1] == ("audio", "visual")
    assert small(text="audio").pairs == [("audio", "text"), ("audio", "visual")]
    with pytest.raises(ConfigError, match="text = "):
        small(dims={"audio": 5, "visual": 4})


def test_as_many_weights_as_the_reference_has() -> None:
    """38 885 193 of MMSA's run (docs/speed.md): its 2-layer BERT, these, and two projections never trained."""
    model = Mmim(Config(dims={"text": 768, "audio": 5, "visual": 20}, **PRESETS["mosi"]))
    assert 38_603_520 + sum(p.numel() for p in model.parameters()) + 2 * (16 * 4 + 4) == 38_885_193
