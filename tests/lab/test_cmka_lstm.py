"""CMKA with LSTMs: what is fetched, and what is aligned."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from model_inputs import batch_of, build  # noqa: E402

from demeanor.errors import ConfigError  # noqa: E402
from demeanor.fusion.cmka_lstm import CmkaLstm, Config, Fetch  # noqa: E402
from demeanor.losses.contrastive import info_nce  # noqa: E402

pytestmark = pytest.mark.lab


def test_without_knowledge_the_states_stay_and_with_it_they_move() -> None:
    torch.manual_seed(0)
    fetch, h, source = Fetch(8, 2), torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    mask = torch.tensor([[True] * 5, [False] * 5])
    found = fetch(h, source, mask)
    torch.testing.assert_close(found[1], fetch.norm(h[1]))
    assert (found[0] - fetch.norm(h[0])).abs().max() > 1e-3
    with torch.no_grad():
        fetch.gate.bias.fill_(-100.0)
    torch.testing.assert_close(fetch(h, source, mask)[0], fetch.norm(h[0]))


def test_alignment_is_the_mean_over_pairs_of_those_that_are_there() -> None:
    model, batch = build("cmka_lstm", alignment=1.0), batch_of("cmka_lstm", 5)
    no_audio = torch.arange(5) < 2
    batch = replace(batch, present={**batch.present, "audio": no_audio})
    output = model(batch)
    ends = output.extra["ends"]
    rows = {"audio": no_audio, "text": torch.ones(5, dtype=torch.bool), "visual": torch.ones(5, dtype=torch.bool)}
    each = [info_nce(ends[m], ends[k], 1.0, rows[m] & rows[k]) for m in rows for k in rows if m < k]
    torch.testing.assert_close(model.loss(output, batch)["alignment"], torch.stack(each).mean())


def test_one_modality_has_nothing_to_fetch() -> None:
    with pytest.raises(ConfigError, match="two or more"):
        CmkaLstm(Config(dims={"text": 3}))
