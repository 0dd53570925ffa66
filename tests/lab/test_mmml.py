"""MMML: the cross-modal encoder, its three losses, and context."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from demeanor.batch import FeatureBatch, Output  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.mmml import CrossModalLayer, frame_length  # noqa: E402
from demeanor.losses.unimodal import own_labels  # noqa: E402

pytestmark = pytest.mark.lab

BARE = {"dims": {"text": 6, "audio": 5}}


def layer(seed: int = 0) -> CrossModalLayer:
    torch.manual_seed(seed)
    made = CrossModalLayer(["text", "audio"], 16, 2, 0.0)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return made.eval()


def sequences() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(1)
    states = {"text": torch.randn(2, 5, 16, generator=g), "audio": torch.randn(2, 7, 16, generator=g)}
    masks = {"text": torch.ones(2, 5).bool(), "audio": torch.arange(7)[None] < torch.tensor([[7], [3]])}
    return states, masks


def attended(part, x: torch.Tensor, source: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One sublayer by torch's own attention: post-norm, residual."""
    a, dim = part.attention, x.shape[2]
    weight = torch.cat([a.query.weight, a.key.weight, a.value.weight])
    bias = torch.cat([a.query.bias, a.key.bias, a.value.bias])
    turned = [t.transpose(0, 1) for t in (x, source, source)]
    out, _ = F.multi_head_attention_forward(
        *turned, dim, a.heads, weight, bias, None, None, False, 0.0, a.out.weight, a.out.bias,
        training=False, key_padding_mask=~mask, need_weights=False,
    )  # fmt: skip
    return F.layer_norm(x + out.transpose(0, 1), (dim,), part.norm.weight, part.norm.bias, 1e-12)


def test_both_sides_read_the_other_as_it_came_in() -> None:
    made, (states, masks) = layer(), sequences()
    found = made(states, masks)
    for name, other in (("text", "audio"), ("audio", "text")):
        side = made.sides[name]
        x = attended(side.cross, states[name], states[other], masks[other])  # the other's old state
        x = attended(side.own, x, x, masks[name])
        up, down = side.feed_forward[0], side.feed_forward[2]
        h = F.linear(F.relu(F.linear(x, up.weight, up.bias)), down.weight, down.bias)
        expected = F.layer_norm(x + h, (16,), side.norm.weight, side.norm.bias, 1e-12)
        torch.testing.assert_close(found[name], expected, atol=1e-4, rtol=1e-4)
    late = attended(made.sides["audio"].cross, states["audio"], found["text"], masks["text"])
    early = attended(made.sides["audio"].cross, states["audio"], states["text"], masks["text"])
    assert (late - early).abs().max() > 1e-2  # one after the other would give other numbers


def test_swapping_sequences_and_weights_swaps_what_comes_out() -> None:
    made, other, (states, masks) = layer(), layer(5), sequences()
    other.sides["text"].load_state_dict(made.sides["audio"].state_dict())
    other.sides["audio"].load_state_dict(made.sides["text"].state_dict())
    found = made(states, masks)
    turned = other({"text": states["audio"], "audio": states["text"]}, {"text": masks["audio"], "audio": masks["text"]})
    torch.testing.assert_close(turned["text"], found["audio"])
    torch.testing.assert_close(turned["audio"], found["text"])


@pytest.mark.parametrize("name", ["text", "audio"])
def test_padding_of_either_sequence_is_not_heard(name: str) -> None:
    made, (states, masks) = layer(), sequences()
    before = made(states, masks)
    longer = {**states, name: torch.cat([states[name], torch.full((2, 3, 16), 9.0)], 1)}
    wider = {**masks, name: torch.cat([masks[name], torch.zeros(2, 3).bool()], 1)}
    after = made(longer, wider)
    for m in states:
        torch.testing.assert_close(after[m][:, : states[m].shape[1]], before[m], atol=1e-5, rtol=0)


def test_frames_of_the_waveform_encoders() -> None:
    assert frame_length(96_000) == 299
    assert frame_length(16_000) == 49
    assert frame_length(400) == 1  # the receptive field
    assert frame_length(torch.tensor([96_000, 16_000])).tolist() == [299, 49]
    signal, x = torch.zeros(1, 1, 5_000), frame_length(5_000)
    for kernel, stride in zip((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), strict=True):
        signal = F.conv1d(signal, torch.ones(1, 1, kernel), stride=stride)
    assert signal.shape[2] == x


def test_the_loss_is_three_l1_terms() -> None:
    model = build("mmml", **BARE)
    batch = FeatureBatch(
        {"text": torch.zeros(2, 3, 6), "audio": torch.zeros(2, 3, 5)},
        {m: torch.ones(2, 3).bool() for m in ("text", "audio")},
        {m: torch.ones(2).bool() for m in ("text", "audio")},
        {"score": torch.tensor([1.0, -2.0])},
    )
    own = {"text": {"score": torch.tensor([0.0, -2.0])}, "audio": {"score": torch.tensor([2.0, 2.0])}}
    output = Output({"score": torch.tensor([0.5, -1.0])}, None, {"own": own})
    terms = model.loss(output, batch)
    assert {k: v.item() for k, v in terms.items()} == {"task": 0.75, "text": 0.5, "audio": 2.5}
    weighed = build("mmml", weights={"fused": 2.0, "audio": 0.1}, **BARE).loss(output, batch)
    assert {k: round(v.item(), 5) for k, v in weighed.items()} == {"task": 1.5, "text": 0.5, "audio": 0.25}
    gone = replace(batch, present={**batch.present, "audio": torch.tensor([True, False])})
    assert model.loss(output, gone)["audio"].item() == 1.0  # the first row alone
    sims = replace(batch, labels={**batch.labels, "score_audio": torch.tensor([2.0, 2.5])})
    assert {k: v.item() for k, v in model.loss(output, sims).items()} == {"task": 0.75, "text": 0.5, "audio": 0.25}


def test_own_labels_keep_row_weights_and_classes() -> None:
    here = torch.tensor([True, False])
    labels = {"polarity": torch.eye(3)[:2], "weight": torch.ones(2), "score_text": torch.tensor([0.1, 0.2])}
    found = own_labels(labels, ["polarity", "score"], "text", here)
    assert found.keys() == {"weight", "polarity", "score"}
    assert found["polarity"][0].tolist() == [1, 0, 0]
    assert found["polarity"][1].isnan().all()
    assert found["score"][1].isnan()
    assert own_labels(labels, ["score"], "audio", here).keys() == {"weight"}


def test_only_the_fused_reading_is_the_prediction() -> None:
    model, batch = build("mmml"), batch_of("mmml", 3)
    before = model(batch).tasks["score"]
    for heads in model.own.values():
        torch.nn.init.constant_(heads.score.weight, 5.0)
    torch.testing.assert_close(model(batch).tasks["score"], before, atol=0, rtol=0)


def test_text_answers_by_its_first_step_and_audio_by_its_mean() -> None:
    model, batch = build("mmml", **BARE), batch_of("mmml", 2)
    batch = replace(batch, valid={m: torch.ones_like(v) for m, v in batch.valid.items()})
    later = {**batch.values, "text": torch.cat([batch.values["text"][:, :1], batch.values["text"][:, 1:] + 1], 1)}
    turned = {**batch.values, "audio": batch.values["audio"].flip(1)}
    own = model(batch).extra["own"]
    for changed in (later, turned):
        found = model(replace(batch, values=changed))
        torch.testing.assert_close(found.extra["own"], own, atol=1e-5, rtol=0)
        if changed is later:
            assert (found.tasks["score"] - model(batch).tasks["score"]).abs().max() > 1e-4


def test_context_passes_the_same_weights_and_is_heard() -> None:
    with_it, without = build("mmml"), build("mmml", **BARE)
    stack = sum(p.numel() for p in without.layers.parameters())
    assert sum(p.numel() for p in with_it.layers.parameters()) == stack
    assert with_it.hidden[0].in_features == 2 * without.hidden[0].in_features  # 4d against 2d
    batch = batch_of("mmml", 3)
    other = replace(batch, values={**batch.values, "text_context": batch.values["text_context"] + 1})
    assert (with_it(other).tasks["score"] - with_it(batch).tasks["score"]).abs().max() > 1e-4
    swapped = {"text": "text_context", "audio": "audio_context"}
    turned = replace(
        batch,
        values={**batch.values, **{m: batch.values[c] for m, c in swapped.items()}},
        valid={**batch.valid, **{m: batch.valid[c] for m, c in swapped.items()}},
    )
    ours, theirs = with_it.talk(turned, ""), with_it.talk(batch, "_context")
    torch.testing.assert_close(ours, theirs)


def test_nothing_said_before_is_no_context() -> None:
    """The first utterance of a video: the learned steps stand alone, whatever lies where the context would."""
    model, batch = build("mmml"), batch_of("mmml", 3)
    gone = {m: torch.zeros(3, dtype=torch.bool) if m.endswith("_context") else p for m, p in batch.present.items()}
    first = replace(batch, present=gone)
    junk = {m: v * 99 if m.endswith("_context") else v for m, v in batch.values.items()}
    torch.testing.assert_close(model(replace(first, values=junk)).tasks, model(first).tasks, atol=0, rtol=0)
    pooled, fused = model.talk(first, "_context")
    assert all(p.abs().max() == 0 for p in pooled.values())
    assert all(f.isfinite().all() and f.abs().max() > 0 for f in fused.values())


def test_one_modality_may_lack_a_context_and_three_may_talk() -> None:
    dims = {"text": 6, "audio": 5, "visual": 4, "text_context": 6}
    model = build("mmml", dims=dims, fuse="concatenation")
    assert model.names == ["text", "audio", "visual"]
    g = torch.Generator().manual_seed(0)
    batch = FeatureBatch(
        {m: torch.randn(3, 5, d, generator=g) for m, d in dims.items()},
        {m: torch.ones(3, 5).bool() for m in dims},
        {m: torch.ones(3).bool() for m in dims},
        {"score": torch.tensor([0.5, -0.5, 0.1])},
    )
    terms = model.loss(model(batch), batch)
    assert terms.keys() == {"task", "text", "audio", "visual"}
    sum(terms.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="two or more modalities in dims, got text, text_context"):
        build("mmml", dims={"text": 6, "text_context": 6})
    with pytest.raises(ConfigError, match="'text_context' is 7 wide and 'text' is 6"):
        build("mmml", dims={"text": 6, "audio": 5, "text_context": 7})
    with pytest.raises(ConfigError, match="'visual' is not in dims"):
        build("mmml", dims={"text": 6, "audio": 5, "visual_context": 7})


def test_frames_of_the_models_width_are_not_projected() -> None:
    model = build("mmml", dims={"text": 16, "audio": 5})
    assert isinstance(model.project["text"], torch.nn.Identity)
    assert isinstance(model.project["audio"], torch.nn.Linear)
