"""AdaFN, the attention gate, generated labels, and the model of the three."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError, DataError  # noqa: E402
from demeanor.fusion.adafn_ag import PRESETS, AdafnAg, Config  # noqa: E402
from demeanor.layers.adaptive_norm import AdaptiveNorm, blend, moments  # noqa: E402
from demeanor.layers.attention_gate import AttentionGate  # noqa: E402
from demeanor.layers.recurrent import MaskedGru  # noqa: E402
from demeanor.losses.ulgm import FUSED, GeneratedLabels, position, proposal  # noqa: E402

pytestmark = pytest.mark.lab
NAN = float("nan")


def share(most: float = 0.5) -> AdaptiveNorm:
    return AdaptiveNorm(most).train()


def pair(seed: int = 0) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(seed)
    x = {"audio": torch.randn(3, 6, 5, generator=g), "visual": 4 + 3 * torch.randn(3, 8, 4, generator=g)}
    lengths = {"audio": torch.tensor([6, 3, 1]), "visual": torch.tensor([8, 8, 2])}
    return x, {m: torch.arange(v.shape[1])[None] < lengths[m][:, None] for m, v in x.items()}


def test_hand_case_of_adafn() -> None:
    x = torch.tensor([[[1.0], [2.0], [3.0]]])
    y = torch.tensor([[[0.0, 2.0], [2.0, 2.0], [4.0, 2.0]]])
    all_real = torch.ones(1, 3, dtype=torch.bool)
    own, other = moments(x, all_real), moments(y, all_real)
    assert (own[0].item(), own[1].item()) == (2.0, 1.0)
    told = (other[0].mean(2, keepdim=True), other[1].mean(2, keepdim=True))
    assert (told[0].item(), told[1].item()) == (2.0, 2.0)
    found = blend(x, own, told, torch.full((1, 1, 1), 0.2))
    torch.testing.assert_close(found.flatten(), torch.tensor([0.9046, 2.0, 3.0954]), atol=1e-4, rtol=0)


def test_the_module_takes_on_the_others_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    x, masks = pair()
    monkeypatch.setattr(torch, "rand_like", torch.ones_like)  # the share is then `most`
    found, own = share(0.3)(x, masks), {m: moments(x[m], masks[m]) for m in x}
    for name, other in (("audio", "visual"), ("visual", "audio")):
        real = masks[name][0]
        expected = [0.7 * own[name][k][0] + 0.3 * own[other][k][0].mean() for k in (0, 1)]  # of the unchanged other
        mean, variance = moments(found[name][:1, real], real[None, real])
        torch.testing.assert_close(mean[0], expected[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(variance[0], expected[1], rtol=1e-4, atol=1e-4)


def test_no_share_no_change_and_none_in_evaluation() -> None:
    x, masks = pair()
    for module in (share(0.0), share(0.5).eval()):
        for name, found in module(x, masks).items():
            torch.testing.assert_close(found[masks[name]], x[name][masks[name]], atol=1e-5, rtol=0)
    assert (share(0.5)(x, masks)["audio"] - x["audio"])[0].abs().max() > 1e-3
    assert list(share().parameters()) == []
    alone = {"audio": x["audio"]}
    assert share()(alone, masks)["audio"] is x["audio"]


def test_shares_stay_within_bounds_and_differ_between_samples() -> None:
    module, x = share(0.2), {"audio": torch.zeros(500, 2, 1), "visual": torch.ones(500, 2, 1)}
    masks = {m: torch.ones(500, 2, dtype=torch.bool) for m in x}
    found = module(x, masks)["audio"][:, 0, 0]  # 0 + α · (1 − 0)
    assert 0 < found.min() < 0.02
    assert 0.18 < found.max() < 0.2


def test_each_sample_by_itself_and_padding_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    x, masks = pair()
    monkeypatch.setattr(torch, "rand_like", torch.ones_like)
    found, order = share()(x, masks), torch.tensor([2, 0, 1])
    turned = share()({m: v[order] for m, v in x.items()}, {m: v[order] for m, v in masks.items()})
    junk = share()({m: torch.where(masks[m][..., None], v, 77.0) for m, v in x.items()}, masks)
    for name in x:
        torch.testing.assert_close(turned[name], found[name][order])
        torch.testing.assert_close(junk[name][masks[name]], found[name][masks[name]])
        assert found[name].isfinite().all()  # the third sample has one audio frame


def test_a_missing_partner_has_nothing_to_give() -> None:
    x, masks = pair()
    masks["visual"][1] = False
    found = share()(x, masks)["audio"]
    torch.testing.assert_close(found[1][masks["audio"][1]], x["audio"][1][masks["audio"][1]])
    assert (found[0] - x["audio"][0]).abs().max() > 1e-3


def test_gru_equals_packed_torch() -> None:
    torch.manual_seed(0)
    made, x, lengths = MaskedGru(5, 4, bidirectional=True), torch.randn(3, 6, 5), torch.tensor([6, 4, 1])
    reference = torch.nn.GRU(5, 4, batch_first=True, bidirectional=True)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    with torch.no_grad():
        for n in names:
            getattr(reference, n).copy_(getattr(made.ahead[0], n))
            getattr(reference, n + "_reverse").copy_(getattr(made.back[0], n))
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    found, _ = made(x, torch.arange(6)[None] < lengths[:, None])
    torch.testing.assert_close(found, expected)


def gate() -> AttentionGate:
    torch.manual_seed(0)
    return AttentionGate(8).eval()


def two() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    guide, target = torch.randn(2, 5, 8, generator=g), torch.randn(2, 7, 8, generator=g)
    return guide, target, torch.arange(5)[None] < torch.tensor([[5], [2]]), torch.ones(2, 7, dtype=torch.bool)


def test_gates_are_scalars_per_step_and_lengths_stay() -> None:
    made, (guide, target, guide_mask, mask) = gate(), two()
    text, sound = made(guide, target, guide_mask, mask)
    assert (text.shape, sound.shape) == ((2, 5, 8), (2, 7, 8))
    encoded, _ = made.target.encode(target, mask)
    for opened in made.target.open(encoded):
        assert opened.shape == (2, 7, 1)
        assert ((opened > 0) & (opened < 1)).all()


def attended(layer, query: torch.Tensor, source: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weight = torch.cat([layer.query.weight, layer.key.weight, layer.value.weight])
    bias = torch.cat([layer.query.bias, layer.key.bias, layer.value.bias])
    turned = [t.transpose(0, 1) for t in (query, source, source)]
    out, _ = F.multi_head_attention_forward(
        *turned, 8, 2, weight, bias, None, None, False, 0.0, layer.out.weight, layer.out.bias,
        training=False, key_padding_mask=~mask, need_weights=False,
    )  # fmt: skip
    return out.transpose(0, 1)


def test_gate_equals_the_equations() -> None:
    made, (guide, target, guide_mask, mask) = gate(), two()
    text, sound = made(guide, target, guide_mask, mask)
    u_t, u_s = made.guide.gru(guide, guide_mask)[0], made.target.gru(target, mask)[0]
    a_t = attended(made.guide.attention, u_t, u_t, guide_mask)
    a_s = attended(made.target.attention, u_s, u_s, mask)
    c_s = attended(made.cross, a_s, a_t, guide_mask)  # the query has attended to itself; keys are ungated

    def gated(side, u: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        g1 = torch.sigmoid(u @ side.retain.weight.T + side.retain.bias)
        g2 = torch.sigmoid(u @ side.compound.weight.T + side.compound.bias)
        return F.layer_norm(g1 * u + g2 * a, (8,), made.norm.weight, made.norm.bias)

    torch.testing.assert_close(text[guide_mask], gated(made.guide, u_t, a_t)[guide_mask], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(sound, gated(made.target, u_s, c_s), atol=1e-5, rtol=1e-4)
    assert (text[~guide_mask] == 0).all()


def test_a_shut_second_gate_leaves_the_target_deaf_to_text() -> None:
    made, (guide, target, guide_mask, mask) = gate(), two()
    _, before = made(guide, target, guide_mask, mask)
    _, other = made(guide + 1, target, guide_mask, mask)
    assert (other - before).abs().max() > 1e-4
    encoded, _ = made.target.encode(target, mask)
    torch.nn.init.zeros_(made.target.compound.weight)
    torch.nn.init.constant_(made.target.compound.bias, -float("inf"))
    _, shut = made(guide, target, guide_mask, mask)
    torch.testing.assert_close(shut, made.norm(made.target.open(encoded)[0] * encoded))
    torch.testing.assert_close(made(guide + 1, target, guide_mask, mask)[1], shut, atol=0, rtol=0)


def test_gate_alone_hears_no_padding() -> None:
    made, (guide, target, guide_mask, mask) = gate(), two()
    before = made(guide, target, guide_mask, mask)
    longer = torch.cat([guide, torch.full((2, 3, 8), 9.0)], 1), torch.cat([target, torch.full((2, 2, 8), 9.0)], 1)
    wider = (torch.cat([m, torch.zeros(2, n).bool()], 1) for m, n in ((guide_mask, 3), (mask, 2)))
    text, sound = made(*longer, *wider)
    torch.testing.assert_close(text[:, :5], before[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(sound[:, :7], before[1], atol=1e-5, rtol=0)


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(ConfigError, match="so 7 must be even"):
        AttentionGate(7)


def test_hand_example_of_generated_labels() -> None:
    fused = position(torch.zeros(1, 1), torch.tensor([[3.0], [1.0]]))
    own = position(torch.zeros(1, 1), torch.tensor([[3.0], [2.0]]))
    assert (fused.item(), own.item()) == (pytest.approx(2.0), pytest.approx(0.5))
    new = proposal(own, fused, torch.tensor([2.0]), 3.0)
    assert new.item() == pytest.approx(0.5)
    assert (1 / 3) * 2 + (2 / 3) * new.item() == pytest.approx(1.0)
    assert torch.tanh(torch.tensor(1.0)).item() == pytest.approx(0.7616, abs=1e-4)


def test_proposals_by_both_forms_and_at_the_edges() -> None:
    torch.manual_seed(0)
    own, fused, y = torch.randn(200), torch.randn(200) + torch.tensor([2.0, -2.0]).repeat(100), torch.randn(200)
    other = y + (own - fused) * (y + fused) / (2 * fused)
    torch.testing.assert_close(proposal(own, fused, y, 99.0), other, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(proposal(fused, fused, y.clamp(-1, 1), 1.0), y.clamp(-1, 1))
    assert proposal(own * 9, fused, y, 1.0).abs().max() == 1.0
    flat = proposal(torch.tensor([0.3]), torch.tensor([-1e-5]), torch.tensor([0.5]), 3.0)
    assert flat.item() == pytest.approx(0.8, abs=1e-3)  # the ratio would have said −3


def labelled(scores: list[float], index: list[int]) -> FeatureBatch:
    count = len(scores)
    return FeatureBatch(
        {"text": torch.zeros(count, 1, 1)},
        {"text": torch.ones(count, 1).bool()},
        {"text": torch.ones(count).bool()},
        {"score": torch.tensor(scores)},
        torch.tensor(index),
    )


def features(text: list[float], fused: list[float]) -> dict[str, torch.Tensor]:
    return {"text": torch.tensor(text)[:, None], FUSED: torch.tensor(fused)[:, None]}


def memory() -> GeneratedLabels:
    return GeneratedLabels({"text": 1}, 1, "score", 3.0)


def test_labels_rest_for_an_epoch_and_then_move_by_the_old_centres() -> None:
    made = memory()
    made.update(features([-1.0, 2.0], [-1.0, 1.0]), labelled([-1.0, 1.0], [0, 1]), 1)
    made.update(features([0.5, 3.0], [0.5, 1.0]), labelled([2.0, 0.0], [2, 3]), 1)
    batch = labelled([-1.0, 1.0, 2.0, 0.0], [0, 1, 2, 3])
    assert made.of("text", batch).tolist() == [-1.0, 1.0, 2.0, 0.0]
    # centres: text −1 | (2 + 0.5)/2, fused −1 | (1 + 0.5)/2; the row labelled 0 counts in neither
    assert made.centres_text.flatten().tolist() == [-1.0, 1.25]
    assert made.centres_fused.flatten().tolist() == [-1.0, 0.75]
    made.update(features([0.0], [0.0]), labelled([2.0], [2]), 2)
    own, fused = (1.0 - 1.25) / 1.25, (1.0 - 0.75) / 0.75
    new = 0.5 * own / fused * 2.0 + 0.5 * (2.0 + own - fused)
    moved = 2.0 / 3 + 2 / 3 * new
    assert made.of("text", batch)[2].item() == pytest.approx(moved, abs=1e-5)
    assert made.centres_text.flatten().tolist() == [-1.0, pytest.approx(1.0 if moved > 0 else 2.0)]
    assert made.labels_fused.tolist() == [-1.0, 1.0, 2.0, 0.0]


def test_a_sign_without_rows_keeps_its_centre_and_moves_nothing_before() -> None:
    made = memory()
    for epoch in (1, 2, 3):
        made.update(features([1.0], [1.0]), labelled([1.0], [0]), epoch)
    assert made.of("text", labelled([1.0], [0])).tolist() == [1.0]  # no negative centre yet
    assert made.centres_text[0].isnan().all()
    made.update(features([-1.0], [-1.0]), labelled([-1.0], [1]), 3)
    made.update(features([-2.0], [-2.0]), labelled([NAN], [1]), 3)  # unlabelled rows teach nothing
    assert made.centres_text.flatten().tolist() == [-1.0, 1.0]


def test_loss_weighs_by_how_far_a_label_has_moved() -> None:
    made, batch = memory(), labelled([2.0, -1.0, NAN], [0, 1, 2])
    own = {"text": torch.tensor([0.0, 5.0, 5.0])}
    assert made.loss(own, batch).item() == 0.0  # as yet all labels are the common one
    made.update(features([0.0] * 3, [0.0] * 3), batch, 1)
    made.labels_text[0] = 1.0
    assert made.loss(own, batch).item() == pytest.approx(0.7616 * 1.0 / 2, abs=1e-4)
    assert made.loss(own, batch, least=0.1).item() == pytest.approx((0.7616 * 1.0 + 0.1 * 6.0) / 2, abs=1e-4)
    gone = replace(batch, present={"text": torch.tensor([False, True, True])})
    assert made.loss(own, gone).item() == 0.0


def test_memory_is_saved_and_loaded_whatever_its_size() -> None:
    made, other = memory(), memory()
    made.update(features([1.0, -1.0], [1.0, -1.0]), labelled([1.0, -1.0], [4, 2]), 1)
    other.load_state_dict(made.state_dict())
    assert len(other.labels_text) == 5
    torch.testing.assert_close(other.state_dict(), made.state_dict(), equal_nan=True)
    batch = labelled([0.5, 0.7], [4, 9])
    assert other.of("text", batch).tolist() == pytest.approx([1.0, 0.7])
    assert not any(b.requires_grad for b in other.buffers())


def test_row_numbers_are_asked_for() -> None:
    with pytest.raises(DataError, match="no index"):
        memory().update(features([1.0], [1.0]), replace(labelled([1.0], [0]), index=None), 1)


def test_own_heads_are_silent_in_the_first_epoch_only() -> None:
    model, batch = build("adafn_ag", least_weight=0.0).train(), batch_of("adafn_ag", 8)
    for epoch in (1, 2):
        output = model(batch)
        terms = model.loss(output, batch)
        assert terms["own"].item() == 0.0
        model.after_step(output, batch, epoch)
    output = model(batch)
    terms = model.loss(output, batch)
    assert terms["own"].item() > 0
    terms["own"].backward()
    assert model.own["text"].heads.score.weight.grad.abs().sum() > 0
    assert model.fusion.heads.score.weight.grad is None
    assert model.eval().loss(output, batch).keys() == {"task"}  # held-back rows are never given labels


def test_evaluation_knows_no_memory() -> None:
    model, batch = build("adafn_ag"), batch_of("adafn_ag", 8)
    before = model(batch).tasks["score"]
    model.labels.update(model(batch).extra["features"], batch, 1)
    torch.testing.assert_close(model(batch).tasks["score"], before, atol=0, rtol=0)


def test_training_mixes_statistics_and_evaluation_does_not() -> None:
    model, batch = build("adafn_ag", mix=0.5), batch_of("adafn_ag", 4)
    assert torch.equal(model(batch).tasks["score"], model(batch).tasks["score"])
    model.train()
    assert not torch.equal(model(batch).tasks["score"], model(batch).tasks["score"])
    still = build("adafn_ag", mix=0.0).train()
    torch.testing.assert_close(still(batch).tasks["score"], still(batch).tasks["score"], atol=0, rtol=0)


def test_variants_and_any_number_of_modalities() -> None:
    for changes in ({"where": "encoded"}, {"raw_attention": False}, {"dims": {"text": 6, "audio": 5}}):
        model, batch = build("adafn_ag", **changes).train(), batch_of("adafn_ag", 4)
        assert sum(model.loss(model(batch), batch).values()).isfinite()
    assert set(build("adafn_ag", dims={"text": 6, "audio": 5, "visual": 4, "sensor": 3}).gates) == {
        "audio", "visual", "sensor",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="needs 'text'"):
        build("adafn_ag", dims={"audio": 5, "visual": 4})


def test_without_an_intensity_there_is_the_fused_reading_only() -> None:
    model, batch = build("adafn_ag", tasks={"polarity": 3}).train(), batch_of("adafn_ag", 4)
    batch = replace(batch, labels={"polarity": torch.eye(3)[torch.arange(4) % 3]})
    output = model(batch)
    assert model.loss(output, batch).keys() == {"task"}
    model.after_step(output, batch, 1)
    assert len(model.own) == 0


def test_recurrent_layers_learn_faster() -> None:
    model = build("adafn_ag")
    rates = {id(p): g["lr"] for g in model.param_groups(1e-3, 0.1) for p in g["params"]}
    assert len(rates) == len(list(model.parameters()))
    assert {rates[id(p)] for p in model.recurrent.parameters()} == {5e-3}
    assert {rates[id(p)] for p in model.gates.parameters()} == {1e-3}


def test_published_settings_of_mosei() -> None:
    """Its visual LSTM learns at a tenth of the rate, and dropout stands before the fused head alone."""
    model = AdafnAg(Config(**PRESETS["mosei"], dims={"text": 6, "audio": 5, "visual": 4}))
    groups = {id(p): (g["lr"], g["weight_decay"]) for g in model.param_groups(1e-3, 0.01) for p in g["params"]}
    matrices = {m: next(p for p in net.parameters() if p.ndim > 1) for m, net in model.recurrent.items()}
    assert groups[id(matrices["visual"])] == pytest.approx((1e-4, 1e-3))
    assert groups[id(matrices["audio"])] == pytest.approx((5e-3, 1e-3))
    assert groups[id(model.fusion.first.weight)] == pytest.approx((1e-3, 0.01))
    assert model.fusion.drop.p == 0.1
    assert {head.drop.p for head in model.own.values()} == {0.0}
    mosi = AdafnAg(Config(**PRESETS["mosi"], dims={"text": 6, "audio": 5, "visual": 4}))
    assert {m: head.drop.p for m, head in mosi.own.items()} == {"text": 0.1, "audio": 0.1, "visual": 0.0}
    assert mosi.fusion.drop.p == 0.0
    assert mosi.config.bound is model.config.bound is None  # a run's scale is its own
