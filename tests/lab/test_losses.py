"""Losses against torch's own or a sum done by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from demeanor.losses.balance import blend_weights, modulation, quality, scale_gradient  # noqa: E402
from demeanor.losses.contrastive import info_nce, supervised_contrastive  # noqa: E402
from demeanor.losses.cosine import cosine_loss  # noqa: E402

pytestmark = pytest.mark.lab


def vectors(seed: int, count: int = 6, dim: int = 5) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def test_cosine_loss_is_torchs_embedding_loss() -> None:
    one, two = vectors(0), vectors(1)
    same = torch.tensor([1, -1, 1, -1, -1, 1])
    for margin in (0.0, 0.3):
        expected = F.cosine_embedding_loss(one, two, same, margin)
        torch.testing.assert_close(cosine_loss(one, two, same, margin), expected)


def test_cosine_loss_of_equal_and_opposite_vectors() -> None:
    x = vectors(0)
    assert cosine_loss(x, 3 * x).item() == pytest.approx(0, abs=1e-6)
    assert cosine_loss(x, -x).item() == pytest.approx(2, abs=1e-6)


def test_rows_that_do_not_count_have_no_say() -> None:
    one, two = vectors(0), vectors(1)
    same = torch.tensor([1, -1, 0, 1, 0, -1])
    kept = same != 0
    torch.testing.assert_close(cosine_loss(one, two, same), cosine_loss(one[kept], two[kept], same[kept]))
    torch.testing.assert_close(info_nce(one, two, rows=kept), info_nce(one[kept], two[kept]))
    none = torch.zeros(6, dtype=torch.bool)
    assert info_nce(one, two, rows=none).item() == 0
    assert cosine_loss(one, two, none.int()).item() == 0


def test_info_nce_is_cross_entropy_both_ways() -> None:
    one, two = vectors(0), vectors(1)
    scores = torch.stack([torch.stack([F.cosine_similarity(a, b, dim=0) for b in two]) for a in one]) / 0.2
    truth = torch.arange(6)
    expected = (F.cross_entropy(scores, truth) + F.cross_entropy(scores.T, truth)) / 2
    torch.testing.assert_close(info_nce(one, two, 0.2), expected)


def test_info_nce_of_vectors_all_alike_is_the_log_of_their_number() -> None:
    same = torch.ones(8, 3)
    assert info_nce(same, same).item() == pytest.approx(math.log(8), abs=1e-5)


def test_supervised_contrastive_as_the_paper_writes_it() -> None:
    z, classes, tau = F.normalize(vectors(0), dim=1), torch.tensor([0, 1, 0, 1, 0, 2]), 0.5
    losses = []
    for i in range(6):
        partners = [p for p in range(6) if p != i and classes[p] == classes[i]]
        if not partners:
            continue
        below = sum(math.exp(float(z[i] @ z[a]) / tau) for a in range(6) if a != i)
        losses.append(-sum(math.log(math.exp(float(z[i] @ z[p]) / tau) / below) for p in partners) / len(partners))
    assert supervised_contrastive(4 * z, classes, tau).item() == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_supervised_contrastive_without_a_pair_is_zero_and_unlabelled_are_no_class() -> None:
    z = vectors(0).requires_grad_()
    alone = supervised_contrastive(z, torch.arange(6))
    alone.backward()
    assert alone.item() == 0
    assert torch.isfinite(z.grad).all()
    assert supervised_contrastive(vectors(0), torch.full((6,), -1)).item() == 0


def test_learning_it_brings_a_class_together() -> None:
    z, classes = vectors(3, 12).requires_grad_(), torch.arange(12) % 3
    optimiser = torch.optim.Adam([z], 0.05)
    for _ in range(150):
        optimiser.zero_grad()
        supervised_contrastive(z, classes).backward()
        optimiser.step()
    cosine = F.normalize(z.detach(), dim=1) @ F.normalize(z.detach(), dim=1).T
    same = classes[:, None] == classes[None]
    assert cosine[same].min() > cosine[~same].max()


def test_quality_is_the_chance_given_to_the_truth_and_the_nearness_of_numbers() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0], [9.0, 0.0], [9.0, 0.0]])
    labels = {"polarity": torch.tensor([[1.0, 0.0], [1.0, 0.0], [float("nan")] * 2, [0.0, 1.0]])}
    rows = torch.tensor([True, True, True, False])
    assert quality({"polarity": logits}, labels, rows).item() == pytest.approx((0.5 + 0.75) / 2)
    said, true = torch.tensor([0.5, 1.0]), torch.tensor([0.5, 0.0])
    found = quality({"score": said}, {"score": true}, torch.ones(2, dtype=torch.bool))
    assert found.item() == pytest.approx((1 + math.exp(-1)) / 2)


def test_only_the_modality_that_is_ahead_is_held_back() -> None:
    found = modulation(torch.tensor([0.8, 0.4]), 0.5)
    torch.testing.assert_close(found, torch.tensor([1 - math.tanh(0.5 * 2), 1.0]))
    assert torch.equal(modulation(torch.tensor([0.5, 0.5, 0.5]), 0.5), torch.ones(3))
    three = modulation(torch.tensor([0.9, 0.3, 0.3]), 0.2)
    torch.testing.assert_close(three, torch.tensor([1 - math.tanh(0.2 * 3), 1.0, 1.0]))
    assert torch.equal(modulation(torch.tensor([0.9]), 0.5), torch.ones(1))
    assert torch.equal(modulation(torch.tensor([0.9, 0.1]), 0.0), torch.ones(2))


def test_a_modality_without_a_labelled_row_is_not_compared() -> None:
    nobody = torch.zeros(2, dtype=torch.bool)
    assert quality({"score": torch.ones(2)}, {"score": torch.ones(2)}, nobody).isnan()
    assert quality({"score": torch.ones(2)}, {}, ~nobody).isnan()
    nan = math.nan
    assert torch.equal(modulation(torch.tensor([0.9, nan, nan]), 0.5), torch.ones(3))
    found = modulation(torch.tensor([0.8, nan, 0.4]), 0.5)
    torch.testing.assert_close(found, torch.tensor([1 - math.tanh(0.5 * 2), 1.0, 1.0]))


def test_scaled_gradient_changes_what_learns_not_what_is_said() -> None:
    x = vectors(0).requires_grad_()
    y = scale_gradient(x, torch.tensor(0.25))
    assert torch.equal(y, x)
    y.square().sum().backward()
    torch.testing.assert_close(x.grad, 0.25 * 2 * x.detach())


def test_noise_has_the_gradients_own_spread_and_no_mean() -> None:
    torch.manual_seed(0)
    x = torch.zeros(20000, requires_grad=True)
    slope = torch.linspace(-1, 3, 20000)
    (scale_gradient(x, torch.tensor(0.5), noisy=True) * slope).sum().backward()
    noise = x.grad - 0.5 * slope
    assert noise.mean().item() == pytest.approx(0, abs=0.03)
    assert noise.std().item() == pytest.approx(slope.std().item(), rel=0.03)


def test_blend_weights_favour_what_generalises() -> None:
    before = {"text": (1.0, 1.0), "audio": (1.0, 1.0)}
    after = {"text": (0.5, 0.6), "audio": (0.2, 0.8)}
    # text: gained .4, overfits by .1; audio: gained .2, overfits by .6
    raw = {"text": 0.4 / 0.01, "audio": 0.2 / 0.36}
    expected = {m: w / sum(raw.values()) for m, w in raw.items()}
    assert blend_weights(before, after) == pytest.approx(expected)
    worse = {"text": (0.5, 0.6), "audio": (0.2, 1.8)}
    assert blend_weights(before, worse) == pytest.approx({"text": 1.0, "audio": 0.0})
    assert blend_weights(before, before) == pytest.approx({"text": 0.5, "audio": 0.5})
