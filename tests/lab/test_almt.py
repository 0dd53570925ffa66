"""ALMT: compression to tokens, the hyper-modality, and sizes against the published ones."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from model_inputs import DIMS, batch_of, build  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.almt import PRESETS, Almt, Compression, Config, HyperLayer  # noqa: E402
from demeanor.losses.tasks import task_loss  # noqa: E402

pytestmark = pytest.mark.lab


def small(**changes: object) -> Config:
    return Config(dims=DIMS, **{**PRESETS["tiny"], **changes})


def layer(**changes: object) -> HyperLayer:
    torch.manual_seed(0)
    return HyperLayer(small(**changes), ["audio", "visual"])


def tokens(seed: int = 1) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    guide, audio, visual, hyper = (torch.randn(2, 3, 16, generator=g) for _ in range(4))
    return guide, {"audio": audio, "visual": visual}, hyper


@pytest.mark.parametrize("time", [1, 2, 40])
def test_any_length_becomes_as_many_tokens(time: int) -> None:
    block = Compression(small(), 5, 30)
    x, mask = torch.randn(2, time, 5), torch.ones(2, time, dtype=torch.bool)
    found = block(x, mask)
    assert found.shape == (2, 3, 16)
    junk = torch.cat([x, torch.full((2, 4, 5), float("nan"))], 1)
    longer = torch.cat([mask, torch.zeros(2, 4, dtype=torch.bool)], 1)
    torch.testing.assert_close(block(junk, longer), found)


def test_every_real_frame_is_heard_but_no_padded_one() -> None:
    block = Compression(small(), 5, 30)
    x, mask = torch.randn(1, 6, 5, requires_grad=True), torch.tensor([[1, 1, 1, 1, 0, 0]]).bool()
    block(x, mask).square().sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad[0].abs().sum(1).numpy() > 0, mask[0].numpy())


def by_hand(made: HyperLayer, guide: np.ndarray, others: dict[str, np.ndarray]) -> np.ndarray:
    """What one sample adds to its hyper-modality, one head at a time; norms at their start."""

    def norm(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)

    def weight(linear: torch.nn.Linear) -> np.ndarray:
        return linear.weight.detach().double().numpy()

    q, heads = norm(guide) @ weight(made.query).T, []
    for h in range(2):
        cut, answer = slice(8 * h, 8 * h + 8), 0.0
        for name, x in others.items():
            k, v = norm(x) @ weight(made.keys[name]).T, norm(x) @ weight(made.values[name]).T
            e = np.exp(q[:, cut] @ k[:, cut].T / np.sqrt(8))
            answer = answer + (e / e.sum(1, keepdims=True)) @ v[:, cut]
        heads.append(answer)
    return np.concatenate(heads, 1) @ weight(made.out).T + made.out.bias.detach().double().numpy()


def test_hyper_modality_grows_as_the_equations_say() -> None:
    made, (guide, others, hyper) = layer(), tokens()
    found = (made(guide, others, hyper) - hyper).detach().numpy()
    for i in range(2):
        expected = by_hand(made, guide[i].double().numpy(), {m: x[i].double().numpy() for m, x in others.items()})
        np.testing.assert_allclose(found[i], expected, atol=1e-5)


def test_audio_without_values_has_no_say() -> None:
    made, (guide, others, hyper) = layer(), tokens()
    torch.nn.init.zeros_(made.values["audio"].weight)
    other = {**others, "audio": torch.randn(2, 3, 16) * 5}
    torch.testing.assert_close(made(guide, other, hyper), made(guide, others, hyper), atol=0, rtol=0)
    assert (made(guide, {**others, "visual": other["audio"]}, hyper) - made(guide, others, hyper)).abs().max() > 1e-3


def test_order_of_the_answering_tokens_does_not_matter() -> None:
    made, (guide, others, hyper) = layer(), tokens()
    turned = {**others, "audio": others["audio"][:, [2, 0, 1]]}
    torch.testing.assert_close(made(guide, turned, hyper), made(guide, others, hyper))


def test_language_only_asks() -> None:
    """Another language with the same queries changes nothing; with other queries it does."""
    made, (guide, others, hyper) = layer(), tokens()
    other = tokens(2)[0]
    assert (made(other, others, hyper) - made(guide, others, hyper)).abs().max() > 1e-3
    torch.nn.init.zeros_(made.query.weight)
    torch.testing.assert_close(made(other, others, hyper), made(guide, others, hyper), atol=0, rtol=0)


def test_hyper_modality_stays_as_it_was_where_nothing_comes_out() -> None:
    made, (guide, others, hyper) = layer(), tokens()
    torch.nn.init.zeros_(made.out.weight)
    torch.nn.init.zeros_(made.out.bias)
    torch.testing.assert_close(made(guide, others, hyper), hyper, atol=0, rtol=0)
    model = build("almt")
    for one in model.hyper_layers:
        torch.nn.init.zeros_(one.out.weight)
        torch.nn.init.zeros_(one.out.bias)
    batch = batch_of("almt", 2)
    torch.testing.assert_close(model(batch).extra["hyper"], torch.ones(2, 3, 16), atol=0, rtol=0)


def test_the_reference_norms_what_it_adds_to() -> None:
    made, (guide, others, hyper) = layer(residual_normed=True), tokens()
    torch.nn.init.zeros_(made.out.weight)
    torch.nn.init.zeros_(made.out.bias)
    torch.testing.assert_close(made(guide, others, hyper), torch.nn.functional.layer_norm(hyper, (16,)))


def test_calling_twice_leaves_the_learned_tokens_alone() -> None:
    model, batch = build("almt"), batch_of("almt", 2)
    first = model(batch).tasks["score"]
    torch.testing.assert_close(model(batch).tasks["score"], first, atol=0, rtol=0)
    assert torch.equal(model.hyper, torch.ones(3, 16))


def test_shapes_of_every_depth() -> None:
    model, batch = build("almt", depth=3), batch_of("almt", 4)
    language = model.language(model.compressed(batch, "text"))
    assert [x.shape for x in language] == [(4, 3, 16)] * 3
    assert len(model.hyper_layers) == 3
    assert model(batch).extra["hyper"].shape == (4, 3, 16)


def test_as_many_weights_as_the_reference() -> None:
    """Counted by hand from the reference's layers at its MOSI sizes: dim and padded length of each modality."""
    width, tokens, inner = 128, 8, 512
    block = 3 * 2 * width + 3 * width * inner + inner * width + width + 2 * width + 2 * (width * width + width)
    sizes = ((768, 50), (5, 375), (20, 500))
    compress = sum((dim + 1) * width + (2 * tokens + length) * width for dim, length in sizes)
    hyper = 4 * 2 * width + 5 * width * width + width * width + width
    rest = tokens * width + tokens * width + width + 2 * (tokens + 1) * width + width + 1
    expected = compress + (3 + 2 + 2) * block + 3 * hyper + rest
    assert expected == 2_603_649
    dims = {"text": 768, "audio": 5, "visual": 20}
    model = Almt(Config(dims=dims, residual_normed=True, **PRESETS["mosi"]))
    assert sum(p.numel() for p in model.parameters()) == expected
    corrected = Almt(Config(dims=dims, **PRESETS["mosi"]))
    assert expected - sum(p.numel() for p in corrected.parameters()) == 3 * 2 * width  # norms nothing would read
    assert abs(expected / 2.5e6 - 1) < 0.05  # the paper says 2.50 M


def test_as_many_weights_as_in_the_reference_framework() -> None:
    """41.11 M of MMSA's own ALMT, every length 50: 38 603 520 in its 2-layer BERT, and these."""
    settings = {**PRESETS["mosi"], "lengths": dict.fromkeys(DIMS, 50), "residual_normed": True}
    model = Almt(Config(dims={"text": 768, "audio": 5, "visual": 20}, **settings))
    count = sum(p.numel() for p in model.parameters())
    assert count == 2_504_449
    assert (38_603_520 + count) / 1e6 == pytest.approx(41.11, abs=0.005)


def test_padding_is_read_as_zeros_only_when_asked() -> None:
    batch = batch_of("almt", 4)
    careful, careless = build("almt"), build("almt", respect_mask=False)
    zeros = {m: v.masked_fill(~batch.mask(m)[..., None], 0.0) for m, v in batch.values.items()}
    clean = replace(batch, values=zeros)
    everything = replace(clean, valid={m: torch.ones_like(v) for m, v in batch.valid.items()})
    torch.testing.assert_close(careless(batch).tasks, careful(everything).tasks)
    assert (careless(batch).tasks["score"] - careful(batch).tasks["score"])[1:].abs().max() > 1e-4


def test_longer_than_the_learned_positions_still_reads() -> None:
    model = build("almt", lengths={"text": 4, "audio": 4, "visual": 4})
    assert model(batch_of("almt", 2, time=9)).tasks["score"].isfinite().all()


def test_two_modalities_or_four_but_never_without_the_guide() -> None:
    two = {"text": 6, "sensor": 3}
    four = {**DIMS, "sensor": 3}
    for dims in (two, four):
        model = build("almt", dims=dims)
        assert len(model.hyper_layers[0].keys) == len(dims) - 1
    with pytest.raises(ConfigError, match="needs 'text'"):
        build("almt", dims={"audio": 5, "visual": 4})
    with pytest.raises(ConfigError, match="at least one more modality"):
        build("almt", dims={"text": 6})
    assert build("almt", dims={"audio": 5, "visual": 4}, guide="audio").others == ["visual"]


def test_the_loss_is_the_squared_distance() -> None:
    labels = {"score": torch.tensor([1.0, float("nan"), -0.5])}
    found = task_loss({"score": torch.tensor([0.5, 9.0, 0.5])}, labels, squared=True)
    assert found.item() == pytest.approx((0.25 + 1.0) / 2)
    model, batch = build("almt"), batch_of("almt", 4)
    output = model(batch)
    expected = torch.nn.functional.mse_loss(output.tasks["score"], batch.labels["score"])
    torch.testing.assert_close(model.loss(output, batch)["task"], expected)
