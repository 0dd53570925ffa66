"""Dropout by bytes: chance, scale, gradient, seeds, and where torch's own takes over."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from demeanor.layers import dropout as module  # noqa: E402
from demeanor.layers.dropout import Dropout, dropout  # noqa: E402

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("p", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_it_keeps_the_mean_and_leaves_out_that_share(p: float) -> None:
    torch.manual_seed(0)
    y = dropout(torch.ones(1000, 1000), p, True)
    gone = (y == 0).double().mean().item()
    assert gone == pytest.approx(p, abs=0.5 / 256 + 0.002)
    assert y.unique().tolist() == [0.0, pytest.approx(1 / (1 - round(256 * p) / 256), rel=1e-6)]
    assert y.double().mean().item() == pytest.approx(1, abs=0.01)


def test_no_place_is_left_out_more_often_than_others() -> None:
    """The eight bytes of a random integer are alike, and neighbours are independent."""
    torch.manual_seed(1)
    gone = (dropout(torch.ones(4000, 64), 0.5, True) == 0).double()
    assert gone.mean(0).sub(0.5).abs().max().item() < 4.5 * 0.5 / 4000**0.5
    together = (gone[:, 1:] * gone[:, :-1]).mean(0)
    assert together.sub(0.25).abs().max().item() < 4.5 * (0.25 * 0.75 / 4000) ** 0.5


def test_the_gradient_goes_where_the_number_went() -> None:
    x = torch.randn(100, 100, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.3, True)
    weight = torch.randn_like(x)
    (gradient,) = torch.autograd.grad((y * weight).sum(), x, create_graph=True)
    scale = 256 / (256 - 77)
    torch.testing.assert_close(gradient, torch.where(y == 0, 0.0, weight * scale))
    torch.testing.assert_close(y, torch.where(y == 0, 0.0, x * scale))


def test_one_seed_one_mask_and_none_without_training() -> None:
    x = torch.randn(64, 1000)
    masks = []
    for _ in range(2):
        torch.manual_seed(5)
        masks.append([dropout(x, 0.5, True), dropout(x, 0.5, True)])
    assert torch.equal(masks[0][0], masks[1][0])
    assert not torch.equal(masks[0][0], masks[0][1])
    assert dropout(x, 0.5, False) is x
    assert dropout(x, 0.0, True) is x
    layer = Dropout(0.5)
    assert layer.eval()(x) is x
    assert not torch.equal(layer.train()(x), x)
    with pytest.raises(ValueError, match="expected a chance"):
        Dropout(1.5)


@pytest.mark.parametrize(("p", "size"), [(0.002, 10_000), (0.999, 10_000), (1.0, 10_000), (0.5, 100)])
def test_rare_chances_and_little_things_are_torchs(p: float, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._ByBytes, "apply", lambda *a: pytest.fail("by bytes"))
    x = torch.ones(size)
    torch.manual_seed(2)
    found = dropout(x, p, True)
    torch.manual_seed(2)
    assert torch.equal(found, F.dropout(x, p, True))


def test_half_precision_stays_half() -> None:
    assert dropout(torch.ones(100, 100, dtype=torch.bfloat16), 0.5, True).dtype == torch.bfloat16
