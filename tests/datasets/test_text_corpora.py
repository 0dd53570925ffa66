"""GoEmotions, SemEval tweets, Chinese reviews and Weibo posts."""

from collections import Counter
from pathlib import Path

import pytest

from dataset_trees import build, write
from demeanor.datasets import goemotions, semeval, weibo, zh_reviews
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError, DataError

quiet = pytest.mark.filterwarnings("ignore::demeanor.datasets._gaps.DataWarning")


def test_the_28_names_are_in_the_order_of_their_ids() -> None:
    assert len(goemotions.FINE) == 28
    assert (goemotions.FINE[0], goemotions.FINE[2], goemotions.FINE[18], goemotions.FINE[27]) == (
        "admiration", "anger", "love", "neutral",
    )  # fmt: skip


def test_goemotions_are_grouped(tmp_path: Path) -> None:
    samples = {s.id: s for s in goemotions.read(build("goemotions", tmp_path))}
    assert samples["train-eebbqej"].labels == {"own": "neutral", "emotions": "neutral", "polarity": "neutral"}
    assert samples["train-ed00q6i"].labels == {"own": "admiration,love", "emotions": "joy", "polarity": "positive"}
    assert samples["train-ed00q6i"].text == 'I "love it'
    assert samples["valid-edgurhb"].labels == {"own": "curiosity", "emotions": "surprise"}
    assert samples["valid-ee84bjg"].labels == {
        "own": "fear,sadness", "emotions": "fear,sadness", "polarity": "negative",
    }  # fmt: skip
    assert samples["test-eecwqtt"].labels == {"own": "disgust,surprise", "emotions": "disgust,surprise"}
    assert "train-etwin01" not in samples, "the same words stand in the test part"
    assert len(goemotions.read(tmp_path, duplicates="keep")) == 7


def test_goemotions_in_the_grouped_release(shared: Path) -> None:
    samples = goemotions.read(shared / "data" / "goemotions", duplicates="keep")
    assert Counter(s.split for s in samples) == {"train": 43410, "valid": 5426}
    for s in samples:
        assert set(str(s.labels["emotions"]).split(",")) == set(str(s.labels["own"]).split(","))


def test_goemotions_tell_of_odd_lines(tmp_path: Path) -> None:
    root = build("goemotions", tmp_path)
    write(root / "dev.tsv", "no label\t\tabc\nunknown\t28\tdef\ntwo cells\t1\nfine\t27\tghi\n")
    with pytest.warns(DataWarning, match=r"3 × line without three cells.*\(dev 1, dev 2, dev 3\)"):
        assert sum(s.split == "valid" for s in goemotions.read(root)) == 1


def test_tweets_have_a_label_a_line(tmp_path: Path) -> None:
    root = build("semeval", tmp_path)
    samples = {s.id: s for s in semeval.read(root)}
    assert samples["train-0"].text == "@user so good\u2028really", "only a line feed ends a line"
    assert samples["train-0"].labels == {"polarity": "positive"}
    assert "train-1" not in samples, "its twin with another link is in the validation part"
    assert len(semeval.read(root, duplicates="keep")) == 6
    write(root / "test_labels.txt", "1\n")
    with pytest.raises(DataError, match="found 2 texts, 1 labels"):
        semeval.read(root)


def test_reviews_by_category(tmp_path: Path) -> None:
    root = build("zh_reviews", tmp_path)
    with pytest.warns(DataWarning, match=r"1 × no text or no label 0 or 1, skipped \(online-3\)"):
        samples = {s.id: s for s in zh_reviews.read(root)}
    assert samples["online-0"].text == "很好的书，值得看"
    assert samples["online-0"].labels == {"polarity": "positive", "category": "书籍"}
    assert samples["waimai-0"].labels["category"] == zh_reviews.MEALS
    assert samples["online-2"].group == samples["waimai-2"].group
    assert {s.split for s in samples.values()} == {None}


@quiet
def test_one_category_is_held_out(tmp_path: Path) -> None:
    samples = zh_reviews.read(build("zh_reviews", tmp_path), held_out="酒店")
    assert {s.id for s in samples if s.split == "test"} == {"online-1", "online-2"}
    assert "waimai-2" not in {s.id for s in samples}, "its twin is in the category held out"
    with pytest.raises(ConfigError, match="option held_out"):
        zh_reviews.read(tmp_path, held_out="hotels")


@quiet
def test_one_table_of_reviews_is_enough(tmp_path: Path) -> None:
    root = build("zh_reviews", tmp_path)
    (root / "online_shopping_10_cats.csv").unlink()
    assert len(zh_reviews.read(root)) == 3


def test_weibo_posts(tmp_path: Path) -> None:
    root = build("weibo", tmp_path)
    samples = {s.id: s for s in weibo.read(root)}
    assert samples["usual-train-1"].labels == {"emotions": "joy", "topic": "usual"}
    assert samples["virus-valid-1"].labels == {"emotions": "surprise", "topic": "virus"}
    assert "usual-train-3" not in samples, "the same words stand in the test part"
    assert {s.labels["topic"] for s in weibo.read(root, topic="virus")} == {"virus"}
    assert len(weibo.read(root, duplicates="keep")) == 12


def test_a_damaged_file_of_weibo_is_named(tmp_path: Path) -> None:
    root = build("weibo", tmp_path)
    write(root / "virus_train.txt", '[{"id": 1, "content": ')
    with pytest.raises(DataError, match=r"virus_train\.txt: expected a JSON list of posts, found"):
        weibo.read(root)
    write(root / "virus_train.txt", '{"id": 1}')
    with pytest.raises(DataError, match="found something else"):
        weibo.read(root)
