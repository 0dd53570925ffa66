"""The tuned text encoder: equal to BERT where it comes from BERT; other modalities begin near nothing."""

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402

from demeanor.batch import FeatureBatch  # noqa: E402
from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion import tuned_concat  # noqa: E402
from demeanor.layers.text_encoder import TextEncoder, from_bert  # noqa: E402

pytestmark = pytest.mark.lab


def test_weights_of_bert_give_the_states_of_bert() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12,
    )  # fmt: skip
    bert = transformers.BertModel(config).eval()
    with torch.no_grad():
        for p in bert.parameters():
            p.normal_(0, 0.3)
    own = TextEncoder(40, 16, 2, 2, 24, 12, 0.1).eval()
    own.load_state_dict(from_bert(bert.state_dict(), 2))
    ids = torch.randint(1, 40, (3, 9))
    mask = torch.arange(9)[None] < torch.tensor([9, 4, 1])[:, None]
    batch = FeatureBatch({"text": ids}, {"text": mask}, {"text": torch.ones(3, dtype=torch.bool)})
    with torch.no_grad():
        theirs = bert(ids, attention_mask=mask.long()).last_hidden_state
        found, seen = own(batch, "text")
    assert torch.equal(seen, mask)
    torch.testing.assert_close(found[mask], theirs[mask], atol=1e-5, rtol=0)


def test_another_modality_begins_near_nothing_and_words_stay() -> None:
    both, alone = build("tuned_concat"), build("tuned_concat", dims={"text": 16})
    alone.load_state_dict(both.state_dict(), strict=False)
    batch = batch_of("tuned_concat", 4)
    torch.testing.assert_close(both(batch).tasks["score"], alone(batch).tasks["score"], atol=0.1, rtol=0)
    trained = {id(p) for g in both.param_groups(1.0, 0.1) for p in g["params"]}
    assert trained == {id(p) for p in both.parameters() if p.requires_grad}
    assert not both.words.words.table.weight.requires_grad


def test_deeper_layers_learn_more_slowly() -> None:
    model = build("tuned_concat", layers=3, layer_decay=0.5, new_rate=4.0)
    rates = {id(p): g["lr"] for g in model.param_groups(1.0, 0.0) for p in g["params"]}
    assert [rates[id(layer.up.weight)] for layer in model.words.layers] == [0.25, 0.5, 1.0]
    assert rates[id(model.words.positions)] == 0.125
    assert rates[id(model.each["text"].score.weight)] == 4.0


def test_text_is_required_by_name() -> None:
    with pytest.raises(ConfigError, match="expected 'text' in dims"):
        tuned_concat.MODEL(tuned_concat.Config(dims={"audio": 3}))
