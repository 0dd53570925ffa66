"""UMDF and the MCIM-DFIM classifier: frames, patterns, gates and distillation on hand cases (MODELS.md 8)."""

from collections import Counter
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build, module_of  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion import umdf  # noqa: E402
from demeanor.fusion.mcim_dfim import McimDfim  # noqa: E402
from demeanor.fusion.umdf import Umdf, draw_patterns, mutual_distance, mutual_divergence  # noqa: E402
from demeanor.layers.interaction import Dfim, Frames, resample  # noqa: E402

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("length", [1, 3, 6, 8])
def test_frames_are_those_of_adaptive_pooling_over_real_steps(length: int) -> None:
    x = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(0))
    lengths = [6, 4, 1]
    mask = torch.arange(6)[None] < torch.tensor(lengths)[:, None]
    found = resample(x, mask, length)
    for row, n in enumerate(lengths):
        expected = torch.nn.functional.adaptive_avg_pool1d(x[row : row + 1, :n].transpose(1, 2), length)
        torch.testing.assert_close(found[row], expected[0].T)
    assert (resample(x, torch.zeros_like(mask), length) == 0).all()


def test_patterns_are_never_empty_differ_and_cover_all_seven() -> None:
    torch.manual_seed(0)
    a, b = draw_patterns(torch.ones(3000, 3, dtype=torch.bool), complete=False)
    assert a.any(1).all()
    assert b.any(1).all()
    assert (a != b).any(1).all()
    for drawn in (a, b):
        counts = Counter(tuple(row) for row in drawn.tolist())
        assert len(counts) == 7
        assert min(counts.values()) > 3000 / 7 * 0.8  # equally likely: five deviations


def test_patterns_take_only_what_a_sample_has() -> None:
    torch.manual_seed(0)
    here = torch.tensor([[True, False, True], [False, True, False], [False, False, False]]).repeat_interleave(50, 0)
    a, b = draw_patterns(here, complete=False)
    for drawn in (a, b):
        assert not (drawn & ~here).any()
        assert drawn[:100].any(1).all()
    assert (a[:50] != b[:50]).any(1).all()
    assert torch.equal(a[50:], b[50:])  # one modality, or none: nothing to choose
    whole, part = draw_patterns(here, complete=True)
    assert torch.equal(whole, here)
    assert (part[:50] != here[:50]).any(1).all()


def test_the_divergence_of_a_hand_case_is_symmetric_and_nothing_between_equals() -> None:
    a, b = torch.tensor([[0.0, 0.0]]), torch.tensor([[torch.tensor(3.0).log(), 0.0]])  # ½ ½ against ¾ ¼
    half, three = torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25])
    expected = ((half * (half / three).log()).sum() + (three * (three / half).log()).sum()) / 2
    torch.testing.assert_close(mutual_divergence(a, b, 1.0), expected[None])
    torch.testing.assert_close(mutual_divergence(b, a, 1.0), expected[None])
    assert mutual_divergence(b, b, 4.0).item() == 0.0
    torch.testing.assert_close(mutual_divergence(4 * a, 4 * b, 4.0), expected[None])


def test_each_branch_learns_from_its_own_side_of_the_divergence_only() -> None:
    a = torch.tensor([[0.3, -0.2, 0.1]], requires_grad=True)
    b = torch.tensor([[-0.4, 0.9, 0.0]], requires_grad=True)
    mutual_divergence(a, b, 2.0).sum().backward()
    student = torch.tensor([[0.3, -0.2, 0.1]], requires_grad=True)
    p = (student / 2).softmax(1)
    (0.5 * (p * (p.log() - (b.detach() / 2).log_softmax(1))).sum()).backward()
    torch.testing.assert_close(a.grad, student.grad)
    assert b.grad.abs().sum() > 0
    x, y = torch.tensor([1.0], requires_grad=True), torch.tensor([4.0], requires_grad=True)
    distance = mutual_distance(x, y)
    assert distance.item() == 3.0
    distance.sum().backward()
    assert (x.grad.item(), y.grad.item()) == (-0.5, 0.5)


def test_nothing_is_distilled_where_both_branches_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("umdf", tasks={"score": 1, "polarity": 3}).train()
    batch = replace(batch_of("umdf", 5), labels={"score": torch.zeros(5), "polarity": torch.eye(3)[[0, 1, 2, 0, 1]]})
    monkeypatch.setattr(umdf, "draw_patterns", lambda here, complete: (here, here))
    terms = model.loss(model(batch), batch)
    assert [terms[k].item() for k in ("features", "logits")] == pytest.approx([0.0, 0.0], abs=1e-7)
    alone = model.eval().loss(model(batch), batch)
    torch.testing.assert_close(terms["task"], 2 * alone["task"])
    monkeypatch.undo()
    torch.manual_seed(0)
    terms = model.train().loss(model(batch), batch)
    assert terms["features"].item() > 0
    assert terms["logits"].item() > 0


def test_branches_see_what_their_patterns_say() -> None:
    model, batch = build("umdf").train(), batch_of("umdf", 4)
    torch.manual_seed(3)
    output = model(batch)
    torch.manual_seed(3)
    frames, here = model.frames.read(batch)
    a, b = draw_patterns(here, complete=True)
    assert torch.equal(a, here)
    for name, pattern in (("a", a), ("b", b)):
        present = {m: pattern[:, n] for n, m in enumerate(model.frames.names)}
        alone = model.eval()(replace(batch, present=present)).tasks["score"]
        torch.testing.assert_close(output.extra[name]["score"], alone)
    assert len(frames) == 3


@pytest.mark.parametrize("name", ["umdf", "mcim_dfim"])
def test_a_missing_modality_is_marked_not_zero(name: str) -> None:
    """Its frames are no keys; zeros that are really there are something else."""
    model, batch = build(name), batch_of(name, 3)
    gone = replace(batch, present={**batch.present, "audio": torch.zeros(3, dtype=torch.bool)})
    zeros = replace(batch, values={**batch.values, "audio": torch.zeros_like(batch.values["audio"])})
    before = model(gone).tasks["score"]
    assert (before - model(zeros).tasks["score"]).abs().min() > 1e-6
    heard = model.frames.hear(*model.frames.read(gone))
    silent = model.frames.names.index("audio")
    assert heard.masks[silent].sum(1).tolist() == [1, 1, 1]
    with torch.no_grad():
        model.frames.missing["audio"].add_(1.0)
    assert (before - model(gone).tasks["score"]).abs().min() > 1e-6


def test_a_closed_gate_returns_the_frames_and_an_open_one_what_was_enhanced() -> None:
    torch.manual_seed(0)
    block, h = Dfim(6), torch.randn(2, 5, 6)
    with torch.no_grad():
        block.gate.weight.zero_()
        block.gate.bias.fill_(-100.0)
        torch.testing.assert_close(block(h), h)
        block.gate.bias.fill_(100.0)
        block.score.weight.zero_()  # all frames matter alike: H¹ = 2 H
        torch.testing.assert_close(block(h), block.feed_forward(2 * h))


def test_frame_scores_enhance_the_frames_that_matter() -> None:
    block = Dfim(1)
    with torch.no_grad():
        for weight, value in ((block.inner.weight, 50.0), (block.inner.bias, 0.0), (block.score.weight, 20.0)):
            weight.fill_(value)
        block.gate.weight.zero_()
        block.gate.bias.fill_(100.0)
        block.feed_forward = torch.nn.Identity()
        h = torch.tensor([[[1.0], [-1.0], [-1.0]]])
        torch.testing.assert_close(block(h), torch.tensor([[[4.0], [-1.0], [-1.0]]]))  # e = 1, 0, 0: h · (1 + 3 e)


def test_all_modalities_get_as_many_frames_and_one_is_too_few() -> None:
    batch = batch_of("umdf", 4, 9)
    frames, here = Frames({"text": 6, "audio": 5, "visual": 4}, 8, 7).read(batch)
    assert [x.shape for x in frames] == [(4, 7, 8)] * 3
    assert here.all()
    for model in (Umdf, McimDfim):
        with pytest.raises(ConfigError, match="two or more"):
            model(module_of("umdf").Config(dims={"text": 3}))


def test_modalities_of_any_name_and_number() -> None:
    for model, name in ((Umdf, "umdf"), (McimDfim, "mcim_dfim")):
        config = module_of(name).Config(dims={"a": 6, "b": 5, "c": 4, "d": 3}, width=8, heads=2, frames=3)
        found = model(config).eval()
        batch = batch_of("umdf", 2)
        values = {"a": batch.values["text"], "b": batch.values["audio"], "c": batch.values["visual"]}
        values["d"] = torch.randn(2, 4, 3)
        valid = {m: torch.ones(v.shape[:2], dtype=torch.bool) for m, v in values.items()}
        present = {m: torch.ones(2, dtype=torch.bool) for m in values}
        assert found(replace(batch, values=values, valid=valid, present=present)).tasks["score"].shape == (2,)
