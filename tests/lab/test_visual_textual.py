"""The visual-textual network: alignment and correlation on hand cases (MODELS.md 4)."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.visual_textual import Align, Config, Correlate, VisualTextual  # noqa: E402

pytestmark = pytest.mark.lab

WORDS = torch.arange(5)[None] < torch.tensor([[5], [3], [0]])
REGIONS = torch.arange(4)[None] < torch.tensor([[4], [4], [4]])


def sides() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.randn(3, 4, 8, generator=g), torch.randn(3, 5, 8, generator=g)


def test_the_rows_of_both_correlations_sum_to_one_over_what_is_real() -> None:
    torch.manual_seed(0)
    over_words, over_regions = Correlate(8).maps(*sides(), REGIONS, WORDS)
    assert over_words.shape == (3, 4, 5)
    assert over_regions.shape == (3, 5, 4)
    torch.testing.assert_close(over_words[:2].sum(2), torch.ones(2, 4))
    torch.testing.assert_close(over_regions.sum(2), torch.ones(3, 5))
    assert (over_words[1, :, 3:] == 0).all()
    assert (over_words[2] == 0).all()  # no word at all


def test_correlation_is_the_identity_without_weights_and_moves_by_less_than_one() -> None:
    torch.manual_seed(0)
    block, (p, t) = Correlate(8), sides()
    with torch.no_grad():
        block.to_regions.weight.mul_(2)
        moved_p, moved_t = block(p, t, REGIONS, WORDS)
        assert 0 < (moved_p - p).abs().max() < 1
        assert 0 < (moved_t - t).abs().max() < 1
        assert torch.equal(moved_p[2], p[2])  # a picture without words stays as it is
        block.to_regions.weight.zero_()
        block.to_words.weight.zero_()
        same_p, same_t = block(p, t, REGIONS, WORDS)
    assert torch.equal(same_p, p)
    assert torch.equal(same_t, t)


def test_padded_words_leave_regions_and_real_words_alone() -> None:
    torch.manual_seed(0)
    block, (p, t) = Correlate(8), sides()
    junk = torch.where(WORDS[..., None], t, torch.full_like(t, 30.0))
    one, other = block(p, t, REGIONS, WORDS), block(p, junk, REGIONS, WORDS)
    torch.testing.assert_close(one[0], other[0])
    torch.testing.assert_close(one[1][WORDS], other[1][WORDS])


def test_one_region_and_one_word_take_each_other_whole() -> None:
    block = Correlate(2)
    with torch.no_grad():
        block.to_regions.weight.copy_(torch.eye(2))
        block.to_words.weight.copy_(torch.eye(2))
    p, t, real = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0.5, -1.0]]]), torch.ones(1, 1, dtype=torch.bool)
    found_p, found_t = block(p, t, real, real)
    torch.testing.assert_close(found_p, p + torch.tanh(t))
    torch.testing.assert_close(found_t, t + torch.tanh(p))


@pytest.mark.parametrize("pool", ["attention", "mean"])
def test_regions_in_another_order_read_the_same_only_without_places(pool: str) -> None:
    batch = batch_of("visual_textual", 3)
    full = torch.ones(3, 9, dtype=torch.bool)
    batch = replace(batch, valid={**batch.valid, "visual": full})
    turned = replace(batch, values={**batch.values, "visual": batch.values["visual"].flip(1)})
    without, placed = build("visual_textual", places=0, pool=pool), build("visual_textual", places=9, pool=pool)
    torch.testing.assert_close(without(batch).tasks, without(turned).tasks)
    assert (placed(batch).tasks["score"] - placed(turned).tasks["score"]).abs().max() > 1e-6


def test_what_is_not_there_adds_nothing_in_alignment() -> None:
    torch.manual_seed(0)
    align, (p, t) = Align(8, 2, "add"), sides()
    torch.testing.assert_close(align(p, t, WORDS)[2], align.norm(p[2]))


def test_setting_beside_instead_of_adding_trains_as_well() -> None:
    model, batch = build("visual_textual", align="concat").train(), batch_of("visual_textual", 5)
    model.loss(model(batch), batch)["task"].backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_names_of_the_two_sides_are_ones_own_and_others_are_refused() -> None:
    VisualTextual(Config(dims={"post": 3, "photo": 4}, words="post", picture="photo", width=8, heads=2))
    for dims in ({"text": 3}, {"text": 3, "audio": 4}, {"text": 3, "visual": 4, "audio": 5}):
        with pytest.raises(ConfigError, match="picture regions"):
            VisualTextual(Config(dims=dims))
