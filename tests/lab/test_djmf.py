"""DJMF: its encoder, pyramids and losses on hand cases (MODELS.md 3)."""

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.djmf import Config, Djmf, DualEncoderLayer, Pyramid, masked_max  # noqa: E402
from demeanor.losses.contrastive import info_nce  # noqa: E402
from demeanor.losses.difference import difference_loss  # noqa: E402
from demeanor.losses.distillation import distillation  # noqa: E402

pytestmark = pytest.mark.lab


def gradients(module: torch.nn.Module) -> float:
    return sum(float(p.grad.abs().sum()) for p in module.parameters() if p.grad is not None)


def test_the_dual_encoder_reads_the_layer_below_whatever_the_order_and_keeps_each_length() -> None:
    torch.manual_seed(0)
    layer = DualEncoderLayer(["audio", "visual"], 8, 2, 0.0)
    text, audio, visual = torch.randn(3, 4, 8), torch.randn(3, 7, 8), torch.randn(3, 5, 8)
    masks = {"audio": torch.ones(3, 7, dtype=torch.bool), "visual": torch.ones(3, 5, dtype=torch.bool)}
    own = torch.ones(3, 4, dtype=torch.bool)
    there = layer({"audio": (text, audio), "visual": (text, visual)}, own, masks)
    back = layer({"visual": (text, visual), "audio": (text, audio)}, own, masks)
    apart = {  # the four blocks, called the other way round, on the same layer below
        "visual": (layer.back["visual"](visual, text, own), layer.ahead["visual"](text, visual, masks["visual"])),
        "audio": (layer.back["audio"](audio, text, own), layer.ahead["audio"](text, audio, masks["audio"])),
    }
    for m, length in (("audio", 7), ("visual", 5)):
        assert [x.shape for x in there[m]] == [(3, 4, 8), (3, length, 8)]
        assert all(torch.equal(x, y) for x, y in zip(there[m], back[m], strict=True))
        assert all(torch.equal(x, y) for x, y in zip(there[m], reversed(apart[m]), strict=True))


def test_the_pyramid_hands_the_top_level_down_the_chain() -> None:
    torch.manual_seed(0)
    pyramid = Pyramid(3, 6, 4)
    for lateral in pyramid.lateral[:2]:
        torch.nn.init.zeros_(lateral.weight)
        torch.nn.init.zeros_(lateral.bias)
    levels = [torch.randn(2, 6) for _ in range(3)]
    one, two, three = pyramid.maps(levels)
    torch.testing.assert_close(three, pyramid.lateral[2](levels[2]))
    torch.testing.assert_close(two, pyramid.down[1](three))
    torch.testing.assert_close(one, pyramid.down[0](pyramid.down[1](three)))
    assert pyramid(levels).shape == (2, 4)


def test_each_level_of_a_pyramid_adds_to_those_below_it_only() -> None:
    torch.manual_seed(0)
    pyramid = Pyramid(3, 6, 4)
    levels = [torch.randn(2, 6) for _ in range(3)]
    before = pyramid.maps(levels)
    after = pyramid.maps([levels[0], levels[1] + 1, levels[2]])
    assert torch.equal(before[2], after[2])
    assert not torch.allclose(before[1], after[1])
    assert not torch.allclose(before[0], after[0])


def test_the_maximum_never_comes_from_padding_and_a_padded_row_is_zero() -> None:
    x = torch.tensor([[[-3.0], [-1.0], [9.0]], [[5.0], [6.0], [7.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_max(x, mask).tolist() == [[-1.0], [0.0]]


def test_distinctness_is_nothing_between_orthogonal_columns_and_most_between_the_same() -> None:
    waves = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    one, other = waves[:, :1] * torch.tensor([[1.0, 0.0]]), waves[:, 1:] * torch.tensor([[0.0, 1.0]])
    assert difference_loss(one, other).item() == pytest.approx(0.0, abs=1e-9)
    same = difference_loss(one, one).item()
    assert same == pytest.approx(4.0, rel=1e-4)  # (4 rows of length 1)², in one of the four products
    assert same > difference_loss(one, one + 0.5 * other).item()


def test_mutual_information_is_ln_n_for_equal_scores_and_least_where_each_finds_its_own() -> None:
    rows = torch.ones(4, dtype=torch.bool)
    assert info_nce(torch.ones(4, 3), torch.ones(4, 3), 1.0, rows).item() == pytest.approx(math.log(4))
    own = info_nce(torch.eye(4), torch.eye(4), 1.0, rows).item()
    assert own == pytest.approx(math.log(math.e + 3) - 1)
    assert own < info_nce(torch.eye(4)[[1, 0, 2, 3]], torch.eye(4), 1.0, rows).item()
    three = torch.tensor([True, True, True, False])
    assert info_nce(torch.ones(4, 3), torch.ones(4, 3), 1.0, three).item() == pytest.approx(math.log(3))
    assert info_nce(torch.ones(4, 3), torch.ones(4, 3), 1.0, ~rows).item() == 0.0


def test_a_task_without_weight_leaves_its_pyramid_alone() -> None:
    model, batch = build("djmf", weights={"polarity": 0.0}, distinct=0.0).train(), batch_of("djmf", 7)
    torch.stack(list(model.loss(model(batch), batch).values())).sum().backward()
    assert gradients(model.pyramids["polarity"]) == 0.0
    assert gradients(model.pyramids["score"]) > 0


def test_tasks_that_take_turns_move_the_trunk_and_their_own_pyramid() -> None:
    model, batch = build("djmf", schedule="alternate").train(), batch_of("djmf", 7)
    assert list(model.phases()) == ["score", "polarity"]
    for turn, other in (("score", "polarity"), ("polarity", "score")):
        model.phase = turn
        model.zero_grad(set_to_none=True)
        torch.stack(list(model.loss(model(batch), batch).values())).sum().backward()
        assert gradients(model.pyramids[turn]) > 0
        assert gradients(model.layers) > 0
        assert all(p.grad is None for part in (model.pyramids, model.heads) for p in part[other].parameters())


def test_learned_weights_start_at_the_plain_sum_and_are_learned() -> None:
    batch = batch_of("djmf", 7)
    plain, learned = build("djmf"), build("djmf", learned_weights=True)
    plain.load_state_dict({k: v for k, v in learned.state_dict().items() if not k.startswith("spread")})
    terms = learned.loss(learned(batch), batch)
    torch.testing.assert_close(terms["task"], plain.loss(plain(batch), batch)["task"])
    terms["task"].backward()
    assert all(s.grad != 0 for s in learned.spread.values())


def test_learned_weights_of_runs_that_kept_them_in_one_vector() -> None:
    model = build("djmf", learned_weights=True)
    kept = {k: v for k, v in model.state_dict().items() if not k.startswith("spread")}
    model.load_state_dict(kept | {"spread": torch.arange(1.0, 1 + len(model.config.tasks))})
    assert [model.spread[k].item() for k in model.config.tasks] == [1.0, 2.0]


def test_learned_weights_stay_where_there_is_nothing_to_weigh() -> None:
    batch = batch_of("djmf", 7)
    unlabelled = replace(batch, labels={**batch.labels, "polarity": torch.full((7, 3), math.nan)})
    for model, rows in (
        (build("djmf", learned_weights=True, weights={"polarity": 0.0}), batch),
        (build("djmf", learned_weights=True), unlabelled),
    ):
        model.loss(model(rows), rows)["task"].backward()
        assert model.spread["score"].grad is not None
        assert model.spread["polarity"].grad is None


def test_a_learned_weight_rests_while_another_task_has_its_turn() -> None:
    """Adam goes on moving what it has moved before, unless there is no gradient at all."""
    model, batch = build("djmf", learned_weights=True, schedule="alternate"), batch_of("djmf", 7)
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for phase in ("score", "polarity"):
        before = model.spread["score"].item()
        model.phase = phase
        optimiser.zero_grad()
        sum(model.loss(model(batch), batch).values()).backward()
        optimiser.step()
        assert (model.spread["score"].item() == before) == (phase == "polarity")


def test_what_the_loss_computes_takes_low_precision_outputs() -> None:
    """The loop runs `forward` alone under autocast."""
    model, batch = build("djmf").train(), batch_of("djmf", 4)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(batch)
    low, full = model.loss(output, batch), model.loss(model(batch), batch)
    for term in full:
        torch.testing.assert_close(low[term].float(), full[term], atol=0.05, rtol=0.05)


def test_one_task_needs_no_exchange() -> None:
    model, batch = build("djmf", tasks={"score": 1}), batch_of("djmf", 3)
    terms = model.loss(model(batch), batch)
    assert set(terms) == {"task", "mutual"}
    assert not model.gates


def test_any_modalities_but_two_at_least_and_an_anchor_among_them() -> None:
    assert Djmf(Config(dims={"words": 3, "pulse": 2}, width=8, heads=2)).anchor == "words"
    four = Djmf(Config(dims={"face": 3, "pulse": 2, "text": 4, "audio": 5}, width=8, heads=2))
    assert (four.anchor, four.others) == ("text", ["face", "pulse", "audio"])
    with pytest.raises(ConfigError, match="one more"):
        Djmf(Config(dims={"text": 3}))
    with pytest.raises(ConfigError, match="'speech'"):
        Djmf(Config(dims={"text": 3, "audio": 2}, anchor="speech"))


def test_rows_that_lack_a_modality_are_no_part_of_the_mutual_information() -> None:
    model, batch = build("djmf"), batch_of("djmf", 6)
    gone = torch.arange(6) < 3
    half = replace(batch, present={**batch.present, "audio": gone, "visual": gone})
    pairs = model(half).extra["pairs"]
    assert all(torch.equal(rows, gone) for _, _, rows in pairs)


def test_what_is_distilled_moves_no_other_tasks_pyramid() -> None:
    model, batch = build("djmf", schedule="alternate").train(), batch_of("djmf", 4)
    model.phase = "score"
    whole = model(batch)
    less = model(replace(batch, present={**batch.present, "audio": torch.zeros(4, dtype=torch.bool)}))
    distillation(less, whole).backward()
    for part in (model.pyramids, model.heads):
        assert all(p.grad is None or not p.grad.any() for p in part["polarity"].parameters())
        assert any(p.grad is not None and p.grad.any() for p in part["score"].parameters())
