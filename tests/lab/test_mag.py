"""MAG: the displacement by hand, its bound, and its place in a text Transformer."""

import pytest

torch = pytest.importorskip("torch")

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion import text_transformer  # noqa: E402
from demeanor.fusion.mag import PRESETS, Config, Mag  # noqa: E402
from demeanor.layers.adaptation_gate import AdaptationGate, bounded  # noqa: E402

pytestmark = pytest.mark.lab
OTHERS = {"audio": 3, "visual": 2}


def gate(dim: int = 4, **settings: float) -> AdaptationGate:
    torch.manual_seed(0)
    return AdaptationGate(dim, OTHERS, **settings).eval()


def inputs(count: int = 5, time: int = 6, dim: int = 4, scale: float = 1.0):
    g = torch.Generator().manual_seed(1)
    words = torch.randn(count, time, dim, generator=g)
    return words, {m: torch.randn(count, time, d, generator=g) * scale for m, d in OTHERS.items()}


def test_the_displacement_is_cut_to_the_length_of_the_word() -> None:
    """e = [3, 4] is 5 long, h = [6, 8] is 10, β = 1: α = .5."""
    e, h = torch.tensor([3.0, 4.0]), torch.tensor([6.0, 8.0])
    torch.testing.assert_close(bounded(e, h, 1.0), torch.tensor([3.0, 4.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(bounded(e, h, 2.0), h, atol=1e-5, rtol=0)
    torch.testing.assert_close(bounded(e, h / 10, 1.0), h / 10)


@pytest.mark.parametrize("shift", [0.1, 1.0])
@pytest.mark.parametrize("scale", [0.1, 1.0, 50.0])
def test_a_displacement_is_never_longer_than_beta_words(shift: float, scale: float) -> None:
    words, others = inputs(scale=scale)
    moved = gate(shift=shift).displacement(words, others)
    assert (moved.norm(dim=-1) <= shift * words.norm(dim=-1) * (1 + 1e-5)).all()
    assert moved.abs().max() > 0


def test_the_gate_is_the_papers_sum() -> None:
    """h of one step from the weights themselves."""
    model, (words, others) = gate(shift=1e6), inputs(1, 1)
    e, h = words[0, 0], torch.zeros(4)
    for name, x in others.items():
        linear = model.gates[name]
        open_ = (linear.weight @ torch.cat([x[0, 0], e]) + linear.bias).clamp(min=0)
        h = h + open_ * (model.displace[name].weight @ x[0, 0])
    torch.testing.assert_close(model.displacement(words, others)[0, 0], h)


def test_silence_or_closed_gates_leave_the_normed_word() -> None:
    model, (words, others) = gate(), inputs()
    quiet = {m: torch.zeros_like(x) for m, x in others.items()}
    torch.testing.assert_close(model(words, quiet), model.norm(words))
    with torch.no_grad():
        for linear in model.gates.values():
            linear.weight.zero_()
            linear.bias.zero_()
    torch.testing.assert_close(model(words, others), model.norm(words))


def test_gradients_are_finite_where_nothing_is_said() -> None:
    model, (words, others) = gate(), inputs()
    words = torch.zeros_like(words).requires_grad_()
    model.displacement(words, {m: torch.zeros_like(x) for m, x in others.items()}).sum().backward()
    assert torch.isfinite(words.grad).all()


def test_it_stands_inside_a_text_transformer_and_padding_stays_masked() -> None:
    torch.manual_seed(0)
    text = text_transformer.TextTransformer(text_transformer.Config(**text_transformer.PRESETS["tiny"])).eval()
    model = AdaptationGate(32, OTHERS).eval()
    ids, valid = torch.randint(0, 50, (2, 6)), torch.arange(6)[None] < torch.tensor([[6], [4]])
    _, others = inputs(2, 6)
    before = text.encode(model(text.words(ids), others), valid)
    ids[1, 4:] = 7
    others["audio"][1, 4:] = 99.0
    after = text.encode(model(text.words(ids), others), valid)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)
    others["audio"][1, 0] += 1.0
    assert not torch.allclose(text.encode(model(text.words(ids), others), valid)[1], before[1], atol=1e-4)


PRETRAINED = {
    "BertModel": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24},
    "DistilBertModel": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24},
    "XLMRobertaModel": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24},
}


@pytest.mark.parametrize("name", list(PRETRAINED))
def test_it_stands_behind_the_embeddings_of_a_pretrained_transformer(name: str) -> None:
    """As the authors put it into BERT: a hook, none of the Transformer's own code is touched."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    kind = getattr(transformers, name)
    text = kind(kind.config_class(vocab_size=50, **PRETRAINED[name])).eval()
    model = AdaptationGate(16, OTHERS, dropout=0.0).eval()
    _, others = inputs(2, 6)
    ids, valid = torch.randint(2, 50, (2, 6)), torch.arange(6)[None] < torch.tensor([[6], [4]])
    ids[1, 4:] = text.config.pad_token_id

    def states() -> torch.Tensor:
        return text(input_ids=ids, attention_mask=valid.long()).last_hidden_state

    plain = states()
    text.embeddings.register_forward_hook(lambda module, given, words: model(words, others))
    before = states()
    assert not torch.allclose(before, plain, atol=1e-4)

    before[valid].square().sum().backward()
    theirs = [p for n, p in text.named_parameters() if n.endswith("weight") and "pooler" not in n]
    for p in (*model.parameters(), *theirs):
        assert p.grad is not None
        assert torch.isfinite(p.grad).all()
        assert p.grad.abs().sum() > 0

    ids[1, 4:] = 7
    for x in others.values():
        x[1, 4:] = 99.0
    torch.testing.assert_close(states()[valid], before[valid], atol=1e-5, rtol=0)
    others["audio"][1, 0] += 1.0
    heard = (states() - before).abs().amax(2)
    assert heard[1, 3] > 1e-4  # a word further on: attention has carried it there
    assert heard[0].max() == 0


def test_sound_is_heard_even_where_there_are_no_words() -> None:
    dims = {"text": 4, **OTHERS}
    torch.manual_seed(0)
    model = Mag(Config(dims=dims, **PRESETS["tiny"])).eval()
    words, others = inputs(2, 6)
    values = {"text": words, **others}
    valid = {m: torch.ones(2, 6, dtype=torch.bool) for m in dims}
    present = {m: torch.full((2,), m != "text") for m in dims}
    one = model(FeatureBatch(values, valid, present)).tasks["score"]
    louder = {**values, "audio": values["audio"] + 1}
    two = model(FeatureBatch(louder, valid, present)).tasks["score"]
    assert (one - two).abs().min() > 1e-5


def test_it_says_what_it_needs() -> None:
    with pytest.raises(ConfigError, match="text = "):
        Mag(Config(dims=OTHERS))
    Mag(Config(dims=OTHERS, text="audio"))
