"""MISA: its losses by their properties, the reversed gradient, and what is shared."""

import pytest

torch = pytest.importorskip("torch")

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.misa import PRESETS, Config, Misa  # noqa: E402
from demeanor.layers.cross_attention import CrossBlock  # noqa: E402
from demeanor.layers.gradient_reversal import reverse_gradient  # noqa: E402
from demeanor.losses.cmd import central_moment_discrepancy  # noqa: E402
from demeanor.losses.difference import difference_loss  # noqa: E402

pytestmark = pytest.mark.lab
DIMS = {"text": 7, "audio": 5, "visual": 4}


def batch_of(count: int = 6, time: int = 5, seed: int = 0) -> FeatureBatch:
    g = torch.Generator().manual_seed(seed)
    values = {m: torch.randn(count, time, d, generator=g) for m, d in DIMS.items()}
    valid = {m: torch.ones(count, time, dtype=torch.bool) for m in DIMS}
    present = {m: torch.ones(count, dtype=torch.bool) for m in DIMS}
    return FeatureBatch(values, valid, present, {"score": torch.linspace(-1, 1, count)}, torch.arange(count))


def small(**changes: object) -> Misa:
    torch.manual_seed(0)
    return Misa(Config(**{**PRESETS["tiny"], "dims": DIMS, **changes}))


def test_moments_of_a_sample_are_its_own() -> None:
    x, y = torch.rand(50, 4), torch.rand(30, 4)
    assert central_moment_discrepancy(x, x) == 0
    torch.testing.assert_close(central_moment_discrepancy(x, y), central_moment_discrepancy(y, x))
    assert central_moment_discrepancy(x, y) > 0


def test_a_shift_moves_the_mean_and_nothing_else() -> None:
    x = torch.rand(200, 3, dtype=torch.float64)
    shift = torch.tensor([0.3, 0.0, 0.4], dtype=torch.float64)
    assert central_moment_discrepancy(x, x + shift).item() == pytest.approx(0.5, abs=1e-9)


def test_moments_by_hand() -> None:
    """{0, 1} against {½, ½}: equal means, c₂ = ¼ against 0, c₃ = 0, c₄ = 1/16, c₅ = 0."""
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [0.5]])
    assert central_moment_discrepancy(x, y).item() == pytest.approx(0.25 + 1 / 16)
    assert central_moment_discrepancy(x, y, moments=2).item() == pytest.approx(0.25)


def test_gradients_of_equal_samples_are_finite() -> None:
    x = torch.rand(4, 3, requires_grad=True)
    central_moment_discrepancy(x, x.detach()).backward()
    assert torch.isfinite(x.grad).all()
    assert central_moment_discrepancy(x[:0], x) == 0


def test_orthogonal_views_cost_nothing() -> None:
    """Columns that share no direction over the batch."""
    one = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    other = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    assert difference_loss(one, other) < 1e-12
    assert difference_loss(one, one).item() == pytest.approx(16.0, rel=1e-4)  # four rows of length 1: (Σ 1)²


def test_difference_is_the_mean_squared_product_of_unit_rows() -> None:
    torch.manual_seed(0)
    p, s = torch.randn(9, 4), torch.randn(9, 5)
    unit = [(x - x.mean(0)) / (x - x.mean(0)).norm(dim=1, keepdim=True) for x in (p, s)]
    expected = sum((unit[0][:, i] @ unit[1][:, j]) ** 2 for i in range(4) for j in range(5)) / 20
    torch.testing.assert_close(difference_loss(p, s), expected, atol=1e-5, rtol=1e-4)
    assert difference_loss(p[:1], s[:1]) == 0


def test_the_gradient_is_reversed() -> None:
    x = torch.randn(3, requires_grad=True)
    y = reverse_gradient(x, 0.8)
    assert torch.equal(y, x)
    (y * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    torch.testing.assert_close(x.grad, -0.8 * torch.tensor([1.0, 2.0, 3.0]))


def test_an_adversary_is_fooled_by_what_it_reads() -> None:
    """Its own weights go down its loss, the shared encoder's go up."""
    model, batch = small(alike="adversarial", similarity=1.0), batch_of()

    def adversary() -> torch.Tensor:
        return model.loss(model(batch), batch)["similarity"]

    before = adversary()
    before.backward()
    with torch.no_grad():
        for p in model.discriminate.parameters():
            p -= 0.05 * p.grad
    better = adversary()
    assert better < before
    with torch.no_grad():
        model.shared.weight -= 0.05 * model.shared.weight.grad
    assert adversary() > better


def test_one_encoder_is_shared_and_the_tokens_keep_their_order() -> None:
    model, batch = small().eval(), batch_of()
    seen = []
    model.attend.forward = lambda x, source, mask: seen.append(x) or x
    extra = model(batch).extra
    tokens = torch.cat([extra["private"], extra["shared"]])
    assert seen[0].shape == (6, 6, 32)
    torch.testing.assert_close(seen[0], tokens.transpose(0, 1))
    for n in range(3):
        torch.testing.assert_close(extra["shared"][n], model.shared(extra["projected"][n]).sigmoid())
    assert ((tokens > 0) & (tokens < 1)).all()


def test_its_transformer_layer_is_torchs() -> None:
    torch.manual_seed(0)
    theirs = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True).eval()
    ours = CrossBlock(16, 2, 32, norm="post").eval()
    parts = zip(
        (ours.attention.query, ours.attention.key, ours.attention.value),
        theirs.self_attn.in_proj_weight.chunk(3),
        theirs.self_attn.in_proj_bias.chunk(3),
        strict=True,
    )
    with torch.no_grad():
        for linear, weight, bias in parts:
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
    pairs = [(ours.attention.out, theirs.self_attn.out_proj), (ours.up, theirs.linear1), (ours.down, theirs.linear2)]
    for mine, other in [*pairs, (ours.norm1, theirs.norm1), (ours.norm2, theirs.norm2)]:
        mine.load_state_dict(other.state_dict())
    x, mask = torch.randn(3, 6, 16), torch.arange(6)[None] < torch.tensor([[6], [4], [1]])
    expected = theirs(x, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, x, mask)[mask], expected[mask], atol=1e-5, rtol=1e-5)


def test_rows_without_a_modality_take_no_part_in_its_losses() -> None:
    model, batch = small().eval(), batch_of()
    present = {**batch.present, "audio": torch.arange(6) < 4}
    half = FeatureBatch(batch.values, batch.valid, present, batch.labels, batch.index)
    extra = model(half).extra
    terms = model.loss(model(half), half)
    audio, text = extra["private"][1], extra["private"][0]
    rows = torch.arange(6) < 4
    expected = sum(difference_loss(extra["private"][n], extra["shared"][n]) for n in (0, 2))
    expected = expected + difference_loss(audio[rows], extra["shared"][1][rows])
    expected = expected + difference_loss(text[rows], audio[rows]) + difference_loss(text, extra["private"][2])
    expected = expected + difference_loss(audio[rows], extra["private"][2][rows])
    torch.testing.assert_close(terms["difference"], 0.1 * expected)


def test_lengths_of_text_are_the_references_quirk() -> None:
    batch = batch_of()
    batch = FeatureBatch(
        batch.values, {**batch.valid, "text": torch.arange(5)[None].expand(6, 5) < 2}, batch.present, batch.labels
    )
    changed = {**batch.values, "audio": batch.values["audio"].clone()}
    changed["audio"][:, 3:] += 5
    other = FeatureBatch(changed, batch.valid, batch.present, batch.labels)
    quirk, right = small(lengths_of_text=True).eval(), small().eval()
    torch.testing.assert_close(quirk(batch).tasks["score"], quirk(other).tasks["score"])
    assert not torch.allclose(right(batch).tasks["score"], right(other).tasks["score"], atol=1e-4)


def test_as_many_weights_as_the_reference_uses() -> None:
    """MMSA's count without its BERT, and without two parts that its forward pass or loss never uses."""
    model = Misa(Config(dims={"text": 768, "audio": 5, "visual": 20}, **PRESETS["mosi"]))
    count = sum(p.numel() for p in model.parameters())
    assert count == 1_138_033 - 2 * 2 * 768 - (128 * 4 + 4)  # the norm of text's absent LSTMs, the idle discriminator


def test_it_needs_two_modalities() -> None:
    with pytest.raises(ConfigError, match="two modalities"):
        Misa(Config(dims={"text": 7}))
