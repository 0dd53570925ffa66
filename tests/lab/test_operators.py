"""The algebra of MODELS 12.0 and FEATURES J, by hand; resampling, masked norm and sequence heads."""

import itertools

import pytest

torch = pytest.importorskip("torch")

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.layers import operators as ops  # noqa: E402
from demeanor.layers.align import resample, side_by_side  # noqa: E402
from demeanor.layers.norms import MaskedBatchNorm  # noqa: E402
from demeanor.layers.pooling import AttentivePool  # noqa: E402
from demeanor.layers.sequence_heads import sequence_head  # noqa: E402

pytestmark = pytest.mark.lab

ONE = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
TWO = torch.tensor([[5.0, 6.0], [7.0, 8.0]])
BOTH = torch.ones(2, 2, dtype=torch.bool)
FIRST = torch.tensor([[True, False], [True, False]])
NONE = torch.zeros(2, 2, dtype=torch.bool)


def simple() -> dict[str, torch.nn.Module]:
    """Every operator on two or three vectors of width 2 that has no order."""
    torch.manual_seed(0)
    dims = [2, 2]
    return {
        "sum": ops.Sum(dims),
        "mean": ops.Mean(dims),
        "max": ops.Max(dims),
        "fixed": ops.Weighted(dims, "fixed"),
        "learned": ops.Weighted(dims, "learned"),
        "dynamic": ops.Weighted(dims, "dynamic"),
        "product": ops.Product(dims),
        "softened": ops.Product(dims, squash=True, soften=True),
        "gated": ops.Gated(dims),
        "concat": ops.Concat(dims),
        "tensor": ops.TensorProduct(dims),
        "lowrank": ops.LowRank(dims, 3, 2),
    }


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (ops.Concat([2, 2]), [[1, 2, 5, 6], [3, 4, 7, 8]]),
        (ops.Sum([2, 2]), [[6, 8], [10, 12]]),
        (ops.Mean([2, 2]), [[3, 4], [5, 6]]),
        (ops.Max([2, 2]), [[5, 6], [7, 8]]),
        (ops.Weighted([2, 2], "fixed", [0.5, 0.5]), [[3, 4], [5, 6]]),
        (ops.Weighted([2, 2], "fixed", [3, 1]), [[2, 3], [4, 5]]),
        (ops.Weighted([2, 2], "learned"), [[3, 4], [5, 6]]),
        (ops.Product([2, 2]), [[5, 12], [21, 32]]),
        (ops.Product([2, 2], soften=True), [[12, 21], [32, 45]]),
        (ops.TensorProduct([2, 2]), [[1, 5, 6, 1, 5, 6, 2, 10, 12], [1, 7, 8, 3, 21, 24, 4, 28, 32]]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_worked_examples(operator, expected) -> None:
    found = operator([ONE, TWO], BOTH)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32), atol=0, rtol=0)
    assert found.shape[1] == operator.out


def test_squashed_product_is_the_product_of_the_tanh() -> None:
    found = ops.Product([2, 2], squash=True)([ONE, TWO], BOTH)
    torch.testing.assert_close(found, torch.tanh(ONE) * torch.tanh(TWO))


@pytest.mark.parametrize("name", simple())
def test_a_missing_vector_is_neutral_whatever_lies_there(name: str) -> None:
    operator = simple()[name]
    junk = [torch.full_like(TWO, v) for v in (float("nan"), float("inf"), -1e6)]
    found = [operator([ONE, j], FIRST) for j in junk]
    assert all(torch.equal(found[0], f) for f in found)
    assert torch.isfinite(found[0]).all()
    alone = {
        "concat": torch.cat([ONE, torch.zeros_like(ONE)], 1),
        "softened": 1 + torch.tanh(ONE),
        "tensor": ops.TensorProduct([2, 2])([ONE, torch.zeros_like(TWO)], BOTH),
    }
    if name != "lowrank":  # linear in Z: checked against the full tensor below
        torch.testing.assert_close(found[0], alone.get(name, ONE))


@pytest.mark.parametrize("name", simple())
def test_nothing_present_stays_finite(name: str) -> None:
    found = simple()[name]([ONE, TWO], NONE)
    assert torch.isfinite(found).all()
    if name in ("sum", "mean", "max", "fixed", "learned", "dynamic", "gated", "concat"):
        assert (found == 0).all()


@pytest.mark.parametrize("make", [ops.Sum, ops.Mean, ops.Max, ops.Product])
def test_order_of_the_vectors_does_not_matter(make) -> None:
    g = torch.Generator().manual_seed(0)
    vectors = [torch.randn(4, 5, generator=g) for _ in range(3)]
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 1, 1]]).bool()
    operator = make([5] * 3)
    expected = operator(vectors, present)
    for order in itertools.permutations(range(3)):
        torch.testing.assert_close(operator([vectors[i] for i in order], present[:, list(order)]), expected)


@pytest.mark.parametrize("mode", ["fixed", "learned", "dynamic"])
def test_weights_of_those_present_sum_to_one(mode: str) -> None:
    torch.manual_seed(1)
    operator = ops.Weighted([2] * 3, mode, [1, 2, 3] if mode == "fixed" else None)
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0]]).bool()
    weights = operator.weights([torch.randn(3, 2) for _ in range(3)], present)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert (weights[~present] == 0).all()
    if mode == "fixed":
        torch.testing.assert_close(weights[1], torch.tensor([0.25, 0, 0.75]))


def test_mean_of_equal_vectors_is_that_vector() -> None:
    torch.testing.assert_close(ops.Mean([2, 2])([ONE, ONE], BOTH), ONE)


def test_gate_of_two_is_the_sigmoid_of_the_paper() -> None:
    torch.manual_seed(0)
    operator = ops.Gated([2, 2])
    gate = torch.sigmoid(operator.gate(torch.cat([ONE, TWO], 1)))
    torch.testing.assert_close(operator([ONE, TWO], BOTH), gate * ONE + (1 - gate) * TWO)
    with torch.no_grad():
        operator.gate.bias.fill_(1e3)
    torch.testing.assert_close(operator([ONE, TWO], BOTH), ONE)
    three = ops.Gated([2] * 3).gates([ONE, TWO, ONE], torch.ones(2, 3, dtype=torch.bool))
    torch.testing.assert_close(three.sum(1), torch.ones(2, 2))


def test_slices_of_the_tensor_are_the_interactions() -> None:
    g = torch.Generator().manual_seed(0)
    a, v, t = (torch.randn(3, d, generator=g) for d in (2, 3, 4))
    z = ops.TensorProduct([2, 3, 4])([a, v, t], torch.ones(3, 3, dtype=torch.bool)).view(3, 3, 4, 5)
    assert (z[:, 0, 0, 0] == 1).all()
    torch.testing.assert_close(z[:, 0, 0, 1:], t)
    torch.testing.assert_close(z[:, 1:, 0, 1:], a[:, :, None] * t[:, None])
    torch.testing.assert_close(z[:, 1:, 1:, 1:], torch.einsum("ba,bv,bt->bavt", a, v, t))
    without = ops.TensorProduct([2, 3, 4])([a, v, t], torch.tensor([[False, True, True]] * 3)).view(3, 3, 4, 5)
    assert (without[:, 1:] == 0).all()
    torch.testing.assert_close(without[:, 0], z[:, 0])


@pytest.mark.parametrize(
    ("dims", "out"), [((32, 128, 32), 140_481), ((16, 128, 128), 282_897), ((32, 128, 256), 1_094_049)]
)
def test_size_of_the_tensor_as_published(dims, out) -> None:
    assert ops.TensorProduct(dims).out == out


@pytest.mark.parametrize("missing", [None, 0, 2])
def test_low_rank_fusion_is_a_linear_layer_of_low_rank_on_the_tensor(missing) -> None:
    torch.manual_seed(0)
    dims, out, rank = (2, 3, 4), 5, 3
    operator = ops.LowRank(dims, out, rank)
    with torch.no_grad():
        operator.bias.normal_()
    g = torch.Generator().manual_seed(1)
    vectors = [torch.randn(6, d, generator=g) for d in dims]
    present = torch.ones(6, 3, dtype=torch.bool)
    if missing is not None:
        present[:, missing] = False
    full = torch.einsum("k,kao,kvo,kto->avto", operator.mix[0], *operator.factors).flatten(0, 2)
    expected = ops.TensorProduct(dims)(vectors, present) @ full + operator.bias
    torch.testing.assert_close(operator(vectors, present), expected, atol=1e-5, rtol=1e-5)
    assert sum(p.numel() for p in operator.parameters()) == rank * sum(d + 1 for d in dims) * out + rank + out


def test_rank_one_is_the_plain_product() -> None:
    torch.manual_seed(0)
    operator = ops.LowRank([2, 2], 3, 1)
    with torch.no_grad():
        operator.mix.fill_(1)
    ones = torch.ones(2, 1)
    one, two = (torch.cat([ones, x], 1) @ f[0] for x, f in zip((ONE, TWO), operator.factors, strict=True))
    torch.testing.assert_close(operator([ONE, TWO], BOTH), one * two)


def test_operators_nest() -> None:
    inner = ops.Product([2, 2])([ONE, TWO], BOTH)
    found = ops.Mean([2, 2])([inner, ONE], BOTH)
    torch.testing.assert_close(found, torch.tensor([[3.0, 7.0], [12.0, 18.0]]))


def test_different_widths_and_wrong_weights_are_refused() -> None:
    with pytest.raises(ConfigError, match="one width"):
        ops.Sum([2, 3])
    with pytest.raises(ConfigError, match="expected 2 weights"):
        ops.Weighted([2, 2], "fixed", [1.0])
    with pytest.raises(ConfigError, match="none negative"):
        ops.Weighted([2, 2], "fixed", [1.0, -1.0])
    names = ("text", "audio")
    for wrong in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=f"or more of audio, got {wrong}"):
            ops.refuse_weights({"audio": wrong}, names)
    with pytest.raises(ConfigError, match="expected one above 0, got 0 of all, text, audio"):
        ops.refuse_weights({"text": 0.0, "audio": 0.0}, names)
    ops.refuse_weights({"text": 0.0}, names)  # the other counts 1


def lengths(*counts: int, time: int) -> torch.Tensor:
    return torch.arange(time)[None] < torch.tensor(counts)[:, None]


def test_aligned_steps_are_joined_as_they_are() -> None:
    g = torch.Generator().manual_seed(0)
    one, two = torch.randn(3, 7, 2, generator=g), torch.randn(3, 7, 3, generator=g)
    mask = lengths(7, 3, 1, time=7)
    joined, found = side_by_side([(one, mask), (two, mask)])
    assert torch.equal(found, mask)
    assert torch.equal(joined, torch.cat([one, two], 2) * mask[..., None])


def test_resampling_averages_by_overlap() -> None:
    x, mask = torch.tensor([[[1.0], [2.0], [4.0], [99.0]]]), lengths(3, time=4)
    down = resample(x, mask, torch.tensor([2]), torch.arange(3))
    torch.testing.assert_close(down, torch.tensor([[[(1 + 0.5 * 2) / 1.5], [(0.5 * 2 + 4) / 1.5], [0.0]]]))
    up = resample(x, mask, torch.tensor([6]), torch.arange(6))
    torch.testing.assert_close(up[0, :, 0], torch.tensor([1.0, 1, 2, 2, 4, 4]))


def test_a_sample_takes_the_length_of_the_first_modality_it_has() -> None:
    one, two = torch.ones(3, 4, 1), torch.full((3, 6, 1), 2.0)
    joined, mask = side_by_side([(one, lengths(4, 0, 0, time=4)), (two, lengths(6, 5, 0, time=6))])
    assert mask.sum(1).tolist() == [4, 5, 0]
    assert joined.shape == (3, 5, 2)
    torch.testing.assert_close(joined[0, :4], torch.tensor([[1.0, 2.0]] * 4))
    torch.testing.assert_close(joined[1], torch.tensor([[0.0, 2.0]] * 5))
    assert (joined[2] == 0).all()


def test_masked_norm_agrees_with_torch_and_never_counts_padding() -> None:
    torch.manual_seed(0)
    ours, theirs = MaskedBatchNorm(3), torch.nn.BatchNorm1d(3)
    x, mask = torch.randn(5, 4, 3) * 3 + 2, lengths(4, 2, 0, 3, 1, time=4)
    for _ in range(3):
        found = ours(x.masked_fill(~mask[..., None], 1e3), mask)
        torch.testing.assert_close(found[mask], theirs(x[mask]))
        assert (found[~mask] == 0).all()
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    count = int(mask.sum())  # torch's running variance is the unbiased one
    kept = 0.9**3
    torch.testing.assert_close(ours.var - kept, (theirs.running_var - kept) * (count - 1) / count)


def test_masked_norm_of_one_row_uses_what_it_has_seen() -> None:
    norm = MaskedBatchNorm(2)
    x = torch.tensor([[3.0, -1.0]])
    torch.testing.assert_close(norm(x, torch.tensor([True])), x / (1 + 1e-5) ** 0.5)
    assert torch.equal(norm.mean, torch.zeros(2))


@pytest.mark.parametrize("kind", ["cnn", "rnn", "lstm"])
def test_sequence_heads_see_real_steps_only(kind: str) -> None:
    torch.manual_seed(0)
    head = sequence_head(kind, 3, 5, 2)
    x = torch.randn(3, 6, 3)
    found = head(x.masked_fill(~lengths(6, 2, 0, time=6)[..., None], 50.0), lengths(6, 2, 0, time=6))
    torch.testing.assert_close(found[:1], head(x[:1], lengths(6, time=6)))
    torch.testing.assert_close(found[1:2], head(x[1:2, :2], lengths(2, time=2)))
    assert (found[2] == 0).all()
    assert not torch.allclose(head(x[:1].flip(1), lengths(6, time=6)), found[:1])


def test_attention_weights_sum_to_one_and_leave_padding_out() -> None:
    torch.manual_seed(0)
    pool, mask = AttentivePool(4, 3), lengths(5, 2, 0, time=5)
    x = torch.randn(3, 5, 4)
    mean, weights = pool(x, mask)
    torch.testing.assert_close(weights.sum(1), torch.tensor([1.0, 1.0, 0.0]))
    assert (weights[~mask] == 0).all()
    by_hand = pool.ask(torch.tanh(pool.look(x[1, :2])))[:, 0].softmax(0) @ x[1, :2]
    torch.testing.assert_close(mean[1], by_hand)
