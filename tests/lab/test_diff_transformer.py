"""Differential attention against its definition, and the two models built on it."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.layers.differential import (  # noqa: E402
    DifferentialAttention,
    DifferentialAttentionV2,
    DifferentialBlock,
    PlainAttention,
    RmsNorm,
    lambda_init,
)
from demeanor.layers.joint_sequence import ModalityWeights, sinusoids  # noqa: E402

pytestmark = pytest.mark.lab

NEVER = -1e4


def attention(dim: int = 16, heads: int = 2, seed: int = 0) -> DifferentialAttention:
    torch.manual_seed(seed)
    return DifferentialAttention(dim, heads)


def test_lambda_starts_as_the_paper_says() -> None:
    table = [
        .2, .355509, .470713, .556058, .619283, .666122, .700821, .726526, .745569, .759677, .770128, .777870,
    ]  # fmt: skip
    np.testing.assert_allclose([lambda_init(layer) for layer in range(1, 13)], table, atol=1e-6)


@pytest.mark.parametrize("head", [16, 32, 64])
def test_lambda_at_the_start_is_close_to_its_initial_value(head: int) -> None:
    """Vectors drawn from N(0, .1²) spread λ by some .06 to .11: it lies within .05 of λ_init in the mean, not each."""
    found = [attention(4 * head, 2, seed).strength(torch.zeros(1, 1, 1), 3).item() for seed in range(40)]
    assert np.mean(np.abs(np.array(found) - lambda_init(3)) < 0.25) > 0.9
    assert abs(np.mean(found) - lambda_init(3)) < 0.05


def by_hand(layer: DifferentialAttention, x: np.ndarray, bias: np.ndarray, depth: int) -> np.ndarray:
    """The paper's equations, one head and one sample at a time."""
    q, k, v = (x @ m.weight.detach().double().numpy().T for m in (layer.query, layer.key, layer.value))
    q1, k1, q2, k2 = (p.detach().double().numpy() for p in (layer.q1, layer.k1, layer.q2, layer.k2))
    start = 0.8 - 0.6 * np.exp(-0.3 * (depth - 1))
    lam = np.exp(q1 @ k1) - np.exp(q2 @ k2) + start
    width = q.shape[1] // (2 * layer.heads)

    def soft(a: int) -> np.ndarray:
        cut = slice(a * width, (a + 1) * width)
        scores = q[:, cut] @ k[:, cut].T / np.sqrt(width) + bias
        e = np.exp(scores - scores.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    heads = []
    for h in range(layer.heads):
        o = (soft(2 * h) - lam * soft(2 * h + 1)) @ v[:, 2 * h * width : 2 * (h + 1) * width]
        o = o / np.sqrt((o**2).mean(1, keepdims=True) + 1e-5) * layer.norm.gain.detach().double().numpy()
        heads.append(o * (1 - start))
    return np.concatenate(heads, 1) @ layer.out.weight.detach().double().numpy().T


def test_attention_equals_the_equations() -> None:
    layer = attention()
    x, bias = torch.randn(3, 7, 16), torch.zeros(3, 7)
    bias[1, 4:], bias[2, 2] = NEVER, float(np.log(0.3))
    found = layer(x, bias, 3).detach().numpy()
    for i in range(3):
        expected = by_hand(layer, x[i].double().numpy(), bias[i].double().numpy(), 3)
        np.testing.assert_allclose(found[i], expected, atol=1e-5)


def test_rows_of_the_difference_sum_to_one_less_lambda_and_may_be_negative() -> None:
    layer, x = attention(), torch.randn(2, 6, 16)
    maps, lam = layer.maps(x, x, torch.zeros(2, 6)), layer.strength(x, 4)
    weights = maps[:, :, 0] - lam * maps[:, :, 1]
    torch.testing.assert_close(weights.sum(-1), (1 - lam).expand(2, 2, 6))
    assert (weights < 0).any()


def test_lambda_zero_is_ordinary_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = attention(), torch.randn(2, 6, 16)
    bias = torch.zeros(2, 6)
    bias[0, 4:] = NEVER
    monkeypatch.setattr(layer, "strength", lambda x, depth: torch.zeros(()))
    monkeypatch.setattr(layer, "finish", lambda heads, depth: heads)
    q = layer.query(x).view(2, 6, 2, 2, 4)[:, :, :, 0].transpose(1, 2)
    k = layer.key(x).view(2, 6, 2, 2, 4)[:, :, :, 0].transpose(1, 2)
    v = layer.value(x).view(2, 6, 2, 8).transpose(1, 2)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias[:, None, None])
    torch.testing.assert_close(layer(x, bias), layer.out(plain.transpose(1, 2).reshape(2, 6, 16)))


def test_equal_maps_leave_one_less_lambda_of_ordinary_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = attention(), torch.randn(2, 6, 16)
    with torch.no_grad():
        for projection in (layer.query, layer.key):
            pairs = projection.weight.view(2, 2, 4, 16)
            pairs[:, 1] = pairs[:, 0]
    maps = layer.maps(x, x, torch.zeros(2, 6))
    monkeypatch.setattr(layer, "finish", lambda heads, depth: heads)
    v = layer.value(x).view(2, 6, 2, 8).transpose(1, 2)
    expected = (1 - layer.strength(x, 1)) * (maps[:, :, 0] @ v)
    torch.testing.assert_close(layer(x, torch.zeros(2, 6)), layer.out(expected.transpose(1, 2).reshape(2, 6, 16)))


@pytest.mark.parametrize("kind", [DifferentialAttention, DifferentialAttentionV2, PlainAttention])
def test_masked_keys_are_not_heard_by_either_map(kind: type) -> None:
    torch.manual_seed(0)
    layer, x, source = kind(16, 2), torch.randn(2, 3, 16), torch.randn(2, 6, 16)
    bias = torch.zeros(2, 6)
    bias[:, 4:] = NEVER
    before = layer(x, bias, 1, source)
    assert before.shape == (2, 3, 16)
    source[:, 4:] = 9
    torch.testing.assert_close(layer(x, bias, 1, source), before)


def test_plain_attention_has_as_many_weights_and_equals_torch() -> None:
    plain, x = PlainAttention(16, 2), torch.randn(2, 6, 16)
    count = sum(p.numel() for p in plain.parameters())
    extra = sum(p.numel() for p in attention().parameters()) - count
    assert extra == 4 * 4 + 8  # λ's vectors and the gain of the norm
    reference = torch.nn.MultiheadAttention(16, 4, bias=False, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([plain.query.weight, plain.key.weight, plain.value.weight]))
        reference.out_proj.weight.copy_(plain.out.weight)
    torch.testing.assert_close(plain(x, torch.zeros(2, 6)), reference(x, x, x)[0])


def test_version_2_chooses_lambda_per_step_and_head() -> None:
    torch.manual_seed(0)
    layer, x = DifferentialAttentionV2(16, 4), torch.randn(2, 6, 16)
    lam = layer.strength(x, 1)
    assert lam.shape == (2, 4, 6, 1)
    assert ((lam > 0) & (lam < 1)).all()
    assert lam.std() > 0
    maps = layer.maps(x, x, torch.zeros(2, 6))
    assert maps.shape == (2, 4, 2, 6, 6)
    v = layer.value(x).view(2, 6, 4, 4).transpose(1, 2)
    first, second = maps[:, :, 0] @ v, maps[:, :, 1] @ v
    expected = layer.out((first - lam * second).transpose(1, 2).reshape(2, 6, 16))
    torch.testing.assert_close(layer(x, torch.zeros(2, 6)), expected)


def test_norm_equals_torch() -> None:
    x = torch.randn(3, 8)
    torch.testing.assert_close(RmsNorm(8)(x), torch.nn.RMSNorm(8, eps=1e-5)(x))


def test_widths_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 · 3 divides, not 16"):
        DifferentialAttention(16, 3)
    with pytest.raises(ConfigError, match="that 3 divides"):
        DifferentialAttentionV2(16, 3)


def test_positions_are_the_papers() -> None:
    found = sinusoids(torch.tensor([0, 3]), 6).numpy()
    np.testing.assert_allclose(found[0], [0, 1, 0, 1, 0, 1], atol=1e-6)
    rates = [1, 10000 ** (-2 / 6), 10000 ** (-4 / 6)]
    np.testing.assert_allclose(found[1], [f(3 * r) for r in rates for f in (np.sin, np.cos)], atol=1e-6)


@pytest.mark.parametrize("name", ["diff_transformer", "recurrent_diff_transformer"])
def test_a_weight_of_zero_removes_a_modality_and_one_is_neutral(name: str) -> None:
    batch = batch_of(name, 3)
    heard = build(name, weighting="fixed", weights={"text": 1.0})
    torch.testing.assert_close(heard(batch).tasks, build(name, weighting="fixed")(batch).tasks)
    deaf = build(name, weighting="fixed", weights={"audio": 0.0})
    other = replace(batch, values={**batch.values, "audio": batch.values["audio"] * 9 + 4})
    torch.testing.assert_close(deaf(other).tasks, deaf(batch).tasks, atol=0, rtol=0)
    assert (heard(other).tasks["score"] - heard(batch).tasks["score"]).abs().max() > 1e-4
    gone = replace(batch, present={**batch.present, "audio": torch.zeros(3, dtype=torch.bool)})
    torch.testing.assert_close(deaf(gone).tasks, deaf(batch).tasks)


def test_weights_mean_what_they_say() -> None:
    steps, masks = [torch.randn(2, 3, 8), torch.randn(2, 4, 8)], [torch.ones(2, 3).bool(), torch.ones(2, 4).bool()]
    fixed = ModalityWeights(["text", "audio"], 8, "fixed", {"audio": 0.5})
    np.testing.assert_allclose(fixed(steps, masks).numpy(), [[0, np.log(0.5)]] * 2, atol=1e-6)
    learned = ModalityWeights(["text", "audio"], 8, "learned", {})
    np.testing.assert_allclose(learned(steps, masks).detach().numpy(), np.zeros((2, 2)), atol=1e-6)
    torch.manual_seed(0)
    dynamic = ModalityWeights(["text", "audio"], 8, "dynamic", {})
    both = dynamic(steps, masks).exp()
    torch.testing.assert_close(both.sum(1), torch.full((2,), 2.0))
    assert (both[0] - both[1]).abs().max() > 1e-3  # each sample its own
    masks[1][0] = False
    alone = dynamic(steps, masks).exp()
    torch.testing.assert_close(alone[0], torch.tensor([1.0, 0.0]), atol=1e-6, rtol=0)


def test_weights_of_unknown_or_less_than_no_modalities_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected some of text, audio, visual, got smell"):
        build("diff_transformer", weights={"smell": 1.0})
    with pytest.raises(ConfigError, match="or more of text, got -1"):
        build("diff_transformer", weights={"text": -1.0})
    with pytest.raises(ConfigError, match='expected none beside "learned" ones'):
        build("diff_transformer", weighting="learned", weights={"text": 2.0})


def test_every_kind_and_weighting_reads_a_batch() -> None:
    for kind in ("differential", "differential_v2", "plain"):
        for weighting in ("fixed", "learned", "dynamic"):
            model = build("diff_transformer", kind=kind, weighting=weighting).train()
            batch = batch_of("diff_transformer", 3)
            sum(model.loss(model(batch), batch).values()).backward()
            assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_recurrence_costs_no_weights_and_one_step_is_one_layer() -> None:
    def count(steps: int) -> int:
        return sum(p.numel() for p in build("recurrent_diff_transformer", steps=steps).parameters())

    assert count(1) == count(6)
    once = build("recurrent_diff_transformer", steps=1, weighting="fixed")
    stack = build("diff_transformer", 1, layers=1, weighting="fixed")
    state = {k: v for k, v in once.state_dict().items() if k != "gain"}
    stack.load_state_dict(state)  # the gain is 0 at first
    batch = batch_of("diff_transformer", 3)
    torch.testing.assert_close(once(batch).tasks, stack(batch).tasks)


def test_the_step_sets_where_lambda_starts() -> None:
    block, x, bias = DifferentialBlock(16, 2, 0.0), torch.randn(1, 4, 16), torch.zeros(1, 4)
    assert (block(x, bias, 1) - block(x, bias, 2)).abs().max() > 1e-4


def test_lambda_can_be_all_that_is_shared() -> None:
    model = build("recurrent_diff_transformer", share="lambda", steps=3)
    first, second, third = (block.attention for block in model.blocks)
    assert first.q1 is second.q1 is third.q1
    assert first.query.weight is not second.query.weight
    with pytest.raises(ConfigError, match="share = 'block'"):
        build("recurrent_diff_transformer", share="lambda", kind="plain")


def test_deep_supervision_is_the_mean_over_steps_and_steps_can_change_afterwards() -> None:
    model, batch = build("recurrent_diff_transformer").train(), batch_of("recurrent_diff_transformer", 5)
    output = model(batch)
    each = [(tasks["score"] - batch.labels["score"]).abs().mean() for tasks in output.extra["steps"]]
    assert len(each) == 3
    torch.testing.assert_close(model.loss(output, batch)["task"], torch.stack(each).mean())
    model.eval()
    assert len(model(batch).extra["steps"]) == 1
    model.steps = 2
    torch.testing.assert_close(model(batch).tasks["score"], output.extra["steps"][1]["score"])
