"""MulT: lengths, keys, symmetry, and the parallel blocks against single ones."""

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.mult import PRESETS, Config, Mult  # noqa: E402
from demeanor.layers.cross_attention import CrossBlock  # noqa: E402
from demeanor.layers.parallel_blocks import ParallelBlock, project  # noqa: E402
from demeanor.training.export import export_fusion  # noqa: E402

pytestmark = pytest.mark.lab
DIMS = {"text": 7, "audio": 5, "visual": 4}


def batch_of(lengths: dict[str, int], count: int = 3, seed: int = 0) -> FeatureBatch:
    g = torch.Generator().manual_seed(seed)
    values = {m: torch.randn(count, t, DIMS[m], generator=g) for m, t in lengths.items()}
    valid = {m: torch.ones(count, t, dtype=torch.bool) for m, t in lengths.items()}
    present = {m: torch.ones(count, dtype=torch.bool) for m in lengths}
    return FeatureBatch(values, valid, present, {"score": torch.zeros(count)}, torch.arange(count))


def small(**changes: object) -> Mult:
    torch.manual_seed(0)
    settings = {**PRESETS["tiny"], "dims": DIMS, **changes}
    return Mult(Config(**settings)).eval()


def copy_block(block: ParallelBlock, number: int, dim: int) -> CrossBlock:
    """One of the parallel blocks as an ordinary one."""
    single = CrossBlock(dim, block.heads)
    kv = block.keyvalue
    pairs = [
        (single.attention.query, block.query.weight[number], block.query.bias[number]),
        (single.attention.key, kv.weight[number][:, :dim], kv.bias[number][:, :dim]),
        (single.attention.value, kv.weight[number][:, dim:], kv.bias[number][:, dim:]),
        (single.attention.out, block.out.weight[number], block.out.bias[number]),
        (single.up, block.up.weight[number], block.up.bias[number]),
        (single.down, block.down.weight[number], block.down.bias[number]),
    ]
    with torch.no_grad():
        for linear, weight, bias in pairs:
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias[0])
        for norm, parallel in ((single.norm1, block.norm1), (single.norm2, block.norm2)):
            norm.weight.copy_(parallel.scale[number, 0])
            norm.bias.copy_(parallel.shift[number, 0])
    return single.eval()


def random_norms(block: ParallelBlock) -> ParallelBlock:
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return block


def test_parallel_blocks_equal_single_ones() -> None:
    """Folded norms, one product for all keys, and single attention calls change no number."""
    torch.manual_seed(0)
    layers = [random_norms(ParallelBlock(3, 8, 2)) for _ in range(2)]
    x, source = torch.randn(3, 4, 6, 8), torch.randn(4, 5, 8)
    mask = torch.arange(5)[None] < torch.tensor([5, 3, 1, 0])[:, None]
    keys = project(layers, source, mask, [0, 1, 2])
    found = layers[1](layers[0](x, keys[0]), keys[1])
    for number in range(3):
        expected = x[number]
        for layer in layers:
            expected = copy_block(layer, number, 8)(expected, source, mask)
        torch.testing.assert_close(found[number], expected, atol=1e-5, rtol=1e-5)


def test_self_attention_blocks_equal_single_ones() -> None:
    torch.manual_seed(1)
    block = random_norms(ParallelBlock(2, 8, 4))
    x = torch.randn(2, 3, 5, 8)
    masks = [torch.arange(5)[None] < torch.tensor(n)[:, None] for n in ([5, 2, 0], [1, 4, 5])]
    found = block(x, block.own_keys(x, masks))
    for number in range(2):
        expected = copy_block(block, number, 8)(x[number], x[number], masks[number])
        torch.testing.assert_close(found[number], expected, atol=1e-5, rtol=1e-5)


def test_one_length_or_several_make_no_difference() -> None:
    """Aligned batches run all streams at once; the same numbers follow target by target."""
    model, batch = small(kernels={}), batch_of({"text": 6, "audio": 6, "visual": 6})
    together = model(batch).hidden
    model._one_length = lambda embedded: False
    torch.testing.assert_close(model(batch).hidden, together, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("time", [1, 2, 5, 12])
def test_a_convolution_shortens_by_its_kernel_less_one(time: int) -> None:
    model = small(kernels={"text": 5})
    x, mask = model.low_level("text", batch_of({"text": time, "audio": 3, "visual": 3}))
    assert x.shape[1] == max(time - 4, 1) == int(mask[0].sum())
    lengths = model.low_level("audio", batch_of({"text": time, "audio": 3, "visual": 3}))[1].sum(1)
    assert lengths.tolist() == [3, 3, 3]


def test_a_stream_is_as_long_as_its_target() -> None:
    model = small(kernels={})
    batch = batch_of({"text": 9, "audio": 4, "visual": 6})
    low = {m: model.low_level(m, batch) for m in model.names}
    keys = model.source_keys({m: x for m, (x, _) in low.items()}, {m: mask for m, (_, mask) in low.items()})
    at = model.streams.index(("audio", "visual"))
    out = model.cross[0](low["audio"][0][None], [keys[0][at]], slice(at, at + 1))
    assert out.shape == (1, 3, 4, 8)


def test_keys_of_every_layer_come_from_the_first_features() -> None:
    """Layers with the same weights give the same keys, however deep: nothing but the norm stands between."""
    model = small(layers=3)
    with torch.no_grad():
        for block in model.cross[1:]:
            block.load_state_dict(model.cross[0].state_dict())
    x = {m: torch.randn(2, 5, 8) for m in model.names}
    masks = {m: torch.ones(2, 5, dtype=torch.bool) for m in model.names}
    first, second, third = model.source_keys(x, masks)
    for stream in range(len(model.streams)):
        for k in range(2):
            torch.testing.assert_close(second[stream][k], first[stream][k])
            torch.testing.assert_close(third[stream][k], first[stream][k])
    block, stream = model.cross[0], model.streams.index(("text", "audio"))
    normed = torch.nn.functional.layer_norm(
        x["audio"], (8,), block.norm1.scale[stream, 0], block.norm1.shift[stream, 0]
    )
    expected = normed @ block.keyvalue.weight[stream] + block.keyvalue.bias[stream]
    torch.testing.assert_close(torch.cat(first[stream][:2], 2), expected, atol=1e-5, rtol=1e-5)


def test_swapping_two_sources_permutes_the_streams() -> None:
    """Weights and inputs of two sources exchanged: the two streams of a target change places."""
    torch.manual_seed(0)
    block = random_norms(ParallelBlock(2, 8, 2))
    swapped = ParallelBlock(2, 8, 2)
    swapped.load_state_dict({k: v.flip(0) for k, v in block.state_dict().items()})
    target, sources = torch.randn(3, 6, 8), [torch.randn(3, t, 8) for t in (4, 7)]
    masks = [torch.ones(3, x.shape[1], dtype=torch.bool) for x in sources]
    one = [project([block], s, m, [n])[0][0] for n, (s, m) in enumerate(zip(sources, masks, strict=True))]
    two = [project([swapped], sources[n], masks[n], [1 - n])[0][0] for n in (1, 0)]
    x = torch.stack([target, target])
    torch.testing.assert_close(swapped(x, two), block(x, one).flip(0))


def test_the_vector_is_that_of_the_last_real_step() -> None:
    """The last layer asks for that step alone; a full layer gives the same numbers there."""
    model, batch = small(), batch_of({"text": 8, "audio": 6, "visual": 5})
    captured = {}
    whole = model.memory[-1].forward
    model.memory[-1].forward = lambda x, keys, part, future: captured.setdefault(
        part.start, whole(x, keys, part, future)
    )
    model(batch)
    assert [x.shape[2] for x in captured.values()] == [1, 1, 1]
    averaged = small(pool="mean")
    full = {}
    deep = averaged.memory[-1].forward
    averaged.memory[-1].forward = lambda x, keys, part, future: full.setdefault(part.start, deep(x, keys, part, future))
    averaged(batch)
    for target, time in enumerate((6, 6, 5)):  # the kernel of text takes two of its eight
        assert full[target].shape[2] == time
        torch.testing.assert_close(captured[target][:, :, 0], full[target][:, :, -1], atol=1e-5, rtol=1e-5)


def test_the_mask_of_the_future_is_the_references() -> None:
    model = small(future_mask=True)
    source = torch.zeros(1, 5, 8)
    (mask,) = model._future(
        [torch.ones(1, 3, dtype=torch.bool)], [(source, source, torch.ones(1, 5, dtype=torch.bool))]
    )
    assert (mask[0, 0] == 0).int().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert torch.isfinite(model(batch_of({"text": 8, "audio": 6, "visual": 5})).hidden).all()


def test_padding_counts_where_the_reference_counts_it() -> None:
    batch = batch_of({"text": 6, "audio": 6, "visual": 6})
    short = FeatureBatch(
        batch.values, {**batch.valid, "audio": torch.arange(6)[None].expand(3, 6) < 3}, batch.present, batch.labels
    )
    assert not torch.allclose(small(respect_mask=False)(short).hidden, small()(short).hidden)


def test_as_many_weights_as_the_reference_has() -> None:
    """MMSA's MulT at MOSI's settings has 2.57 M, in this very number when written stream by stream."""
    model = Mult(Config(dims={"text": 768, "audio": 5, "visual": 20}, **PRESETS["mosi"]))
    assert sum(p.numel() for p in model.parameters()) == 2_571_551


def test_any_number_of_modalities_from_two() -> None:
    for names in (["text", "audio"], ["text", "audio", "visual"]):
        model = small(dims={m: DIMS[m] for m in names}, kernels={})
        assert len(model.streams) == len(names) * (len(names) - 1)
        assert model(batch_of(dict.fromkeys(names, 4))).tasks["score"].shape == (3,)
    with pytest.raises(ConfigError, match="two modalities"):
        small(dims={"text": 7})


def test_only_weights_decay() -> None:
    model = small()
    decay, rest = model.param_groups(1e-3, 0.1)
    named = {id(p): n for n, p in model.named_parameters()}
    assert not any(w in named[id(p)] for p in decay["params"] for w in ("bias", "scale", "shift"))
    assert len(decay["params"]) + len(rest["params"]) == len(named)
    assert (decay["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)


def test_the_mask_of_the_future_goes_by_own_lengths_in_a_graph_too(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = small(future_mask=True)
    lengths = {"text": 9, "audio": 4, "visual": 14}
    path = export_fusion(model, batch_of({"text": 6, "audio": 8, "visual": 5}), tmp_path / "m.onnx")
    other = batch_of(lengths)
    with torch.no_grad():
        expected = model(other).tasks["score"]
        assert not torch.allclose(expected, small()(other).tasks["score"], atol=1e-4), "the mask takes something"
        longer = replace(
            other,
            values={m: F.pad(x, (0, 0, 0, 3), value=7.0) for m, x in other.values.items()},
            valid={m: F.pad(x, (0, 3)) for m, x in other.valid.items()},
        )
        torch.testing.assert_close(model(longer).tasks["score"], expected, atol=1e-5, rtol=1e-4)
    feed = {m: x.numpy() for m, x in other.values.items()} | {f"{m}_mask": x.numpy() for m, x in other.valid.items()}
    (found,) = onnxruntime.InferenceSession(str(path)).run(None, feed)
    torch.testing.assert_close(torch.from_numpy(found), expected, atol=1e-5, rtol=1e-4)
