"""CDML: weights, consistency, translation and own tasks on hand cases (MODELS.md 5)."""

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.cdml import Attention, Cdml, Config, discrimination, translation  # noqa: E402
from demeanor.layers.gradient_reversal import reverse_gradient  # noqa: E402

pytestmark = pytest.mark.lab


def test_weights_sum_to_one_follow_the_modalities_and_skip_the_missing() -> None:
    torch.manual_seed(0)
    weigh, means = Attention(6), torch.randn(4, 3, 6)
    all_there = torch.ones(4, 3, dtype=torch.bool)
    found = weigh(means, all_there)
    torch.testing.assert_close(found.sum(1), torch.ones(4))
    torch.testing.assert_close(weigh(means[:, [2, 0, 1]], all_there), found[:, [2, 0, 1]])
    here = torch.tensor([[True, False, True], [False, False, True], [False, False, False], [True, True, True]])
    some = weigh(means, here)
    torch.testing.assert_close(some.sum(1), torch.tensor([1.0, 1.0, 0.0, 1.0]))
    assert (some[~here] == 0).all()


def test_equal_modalities_weigh_a_third_each() -> None:
    torch.manual_seed(0)
    found = Attention(6)(torch.randn(2, 1, 6).expand(-1, 3, -1), torch.ones(2, 3, dtype=torch.bool))
    torch.testing.assert_close(found, torch.full((2, 3), 1 / 3))


def test_modalities_that_say_the_same_are_read_as_they_are() -> None:
    """γ = 1/3 each, so X̃ = X; as soon as one says something else, its weight and X̃ are others."""
    dims = dict.fromkeys(("text", "audio", "visual"), 6)
    model, batch = build("cdml", dims=dims, contextual=tuple(dims)), batch_of("cdml", 4)
    for m in ("audio", "visual"):
        model.project[m].load_state_dict(model.project["text"].state_dict())
    values, valid = batch.values["text"], batch.valid["text"]
    batch = replace(batch, values=dict.fromkeys(dims, values), valid=dict.fromkeys(dims, valid))
    seen: list[torch.Tensor] = []
    model.pairs[0].register_forward_pre_hook(lambda module, given: seen.extend(given[:2]))
    plain = model.encode(batch)[0]
    model(batch)
    torch.testing.assert_close(seen[0], plain[0])
    torch.testing.assert_close(seen[1], plain[1])
    model(replace(batch, values={**batch.values, "audio": 3 * values}))
    assert not torch.allclose(seen[2], plain[0], atol=1e-3)


def test_the_gradient_is_reversed_for_what_comes_before_only() -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.4)
    assert torch.equal(y, x)
    (y * torch.tensor([3.0, 5.0])).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([-1.2, -2.0]))


def test_the_discriminator_trains_unreversed_and_its_input_reversed() -> None:
    torch.manual_seed(0)
    judge, here = torch.nn.Linear(5, 3), torch.ones(4, 3, dtype=torch.bool)

    def gradients(strength: float) -> tuple[torch.Tensor, torch.Tensor]:
        common = torch.linspace(-1, 1, 60).reshape(4, 3, 5).requires_grad_()
        judge.zero_grad()
        discrimination(judge, common, here, strength).backward()
        return common.grad, judge.weight.grad.clone()

    plain, half = gradients(-1.0), gradients(0.5)  # -1: no reversal at all
    torch.testing.assert_close(half[0], -0.5 * plain[0])
    torch.testing.assert_close(half[1], plain[1])
    assert gradients(0.0)[0].abs().sum() == 0


def test_identical_common_vectors_leave_the_discriminator_at_chance_at_best() -> None:
    here = torch.ones(8, 3, dtype=torch.bool)
    same = torch.randn(8, 1, 5, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1)
    torch.manual_seed(0)
    judge = torch.nn.Linear(5, 3)
    optimiser = torch.optim.Adam(judge.parameters(), 0.05)
    for _ in range(200):
        optimiser.zero_grad()
        loss = discrimination(judge, same, here, 1.0)
        loss.backward()
        optimiser.step()
    assert loss.item() == pytest.approx(math.log(3), abs=1e-3)
    marked = same + 3 * torch.eye(3, 5)
    assert discrimination(lambda c: 5 * (c - same)[..., :3], marked, here, 1.0).item() < 0.01


def test_missing_modalities_are_not_judged() -> None:
    common = torch.zeros(2, 3, 5)
    judge = torch.nn.Linear(5, 3)
    with torch.no_grad():
        judge.bias.copy_(torch.tensor([4.0, 0.0, 0.0]))
    only_first = torch.tensor([[True, False, False], [True, False, False]])
    expected = math.log(1 + 2 * math.exp(-4))
    assert discrimination(judge, common, only_first, 1.0).item() == pytest.approx(expected, rel=1e-4)
    assert discrimination(judge, common, ~only_first & only_first, 1.0).item() == 0.0


def test_translation_is_the_mean_squared_error_and_never_moves_its_target() -> None:
    guess = torch.tensor([[1.0, 3.0], [9.0, 9.0]], requires_grad=True)
    truth = torch.tensor([[0.0, 1.0], [0.0, 0.0]], requires_grad=True)
    loss = translation(guess, truth, torch.tensor([True, False]))
    assert loss.item() == pytest.approx((1 + 4) / 2)
    loss.backward()
    assert truth.grad is None
    torch.testing.assert_close(guess.grad, torch.tensor([[1.0, 2.0], [0.0, 0.0]]))


def test_own_heads_learn_their_own_labels_where_the_modality_is() -> None:
    model, batch = build("cdml"), batch_of("cdml", 5)
    there = torch.arange(5) < 3
    batch = replace(batch, present={**batch.present, "audio": there})
    other = replace(batch, labels={**batch.labels, "score_audio": torch.full((5,), 2.0)})
    output = model(batch)
    before, after = model.loss(output, batch), model.loss(output, other)
    audio, common = output.extra["own"]["audio"]["score"][there], batch.labels["score"][there]
    moved = model.config.own * ((audio - 2.0).abs().mean() - (audio - common).abs().mean())
    torch.testing.assert_close(after["own"] - before["own"], moved)
    assert torch.equal(before["task"], after["task"])


def test_the_reversal_starts_at_nothing_and_grows_over_the_epochs() -> None:
    model, batch = build("cdml", ramp=4), batch_of("cdml", 2)
    output, seen = model(batch), []
    for epoch in range(1, 8):
        model.after_step(output, batch, epoch)
        seen.append(float(model.reversal))
    assert seen[0] == 0.0
    assert seen == sorted(seen)
    assert seen[1] == pytest.approx(2 / (1 + math.exp(-2.5)) - 1)
    assert seen[4] == seen[6] > 0.999
    assert "reversal" in model.state_dict()  # a run that is taken up again goes on as it was


def test_what_the_loss_computes_takes_low_precision_outputs() -> None:
    """The loop runs `forward` alone under autocast."""
    model, batch = build("cdml").train(), batch_of("cdml", 4)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(batch)
    low, full = model.loss(output, batch), model.loss(model(batch), batch)
    for term in full:
        torch.testing.assert_close(low[term].float(), full[term], atol=0.05, rtol=0.05)


def test_two_modalities_read_themselves_and_four_give_six_pairs() -> None:
    two = Cdml(Config(dims={"a": 3, "b": 2}, width=8, heads=2))
    four = Cdml(Config(dims={"a": 3, "b": 2, "c": 4, "d": 5}, width=8, heads=2))
    assert (len(two.pairs), len(four.pairs)) == (1, 6)
    with pytest.raises(ConfigError, match="two or more"):
        Cdml(Config(dims={"text": 3}))
