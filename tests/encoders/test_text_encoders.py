"""Texts to numbers, checked against scikit-learn, dense algebra and cases worked by hand."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from demeanor.encoders import text_bag, text_sentence, text_tfidf, text_tokens, text_vectors, text_words
from demeanor.encoders._words import STOP_WORDS, WordsConfig, words
from demeanor.errors import ConfigError, MissingExtraError
from demeanor.types import Sample
from encoder_samples import TEXTS

SAMPLES = [Sample(str(i), text=text) for i, text in enumerate(TEXTS)]


def rows(encoder, texts=TEXTS) -> np.ndarray:
    return np.concatenate([encoder.encode(Sample("x", text=text)) for text in texts])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't LIKE it!", ["i", "don't", "like", "it", "!"]),
        ("so good 😀👍🏽 :) 10/10", ["so", "good", "😀", "👍🏽", ":)", "10", "10"]),
        ("I love it :D :-P ;d", ["i", "love", "it", ":d", ":-p", ";d"]),
        ("Verdict:poor :/ http://x.y", ["verdict", "poor", ":/", "http", "x", "y"]),
        ("five ⭐⭐️", ["five", "⭐", "⭐️"]),
        ("今天的天气真好，我很喜欢！", ["今天", "的", "天气", "真", "好", "我", "很", "喜欢", "!"]),
        ("这个movie很好", ["这个", "movie", "很", "好"]),
        ("naïve Ärger", ["naïve", "ärger"]),
        ("नहीं अच्छा!", ["नहीं", "अच्छा", "!"]),
        ("ไม่ดี שָׁלוֹם", ["ไม่ดี", "שָׁלוֹם"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("go 🇨🇳🇩🇪 1️⃣ ™️", ["go", "🇨🇳", "🇩🇪", "1", "tm"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text, WordsConfig()) == expected


def test_chinese_by_character_and_stop_words_without_negations() -> None:
    assert words("天气真好", WordsConfig(chinese="characters")) == list("天气真好")
    assert words("this is not the end", WordsConfig(stop_words="en")) == ["not", "end"]
    assert words("这个的天气不好", WordsConfig(stop_words="zh")) == ["天气", "不好"]
    assert not {"not", "no", "never", "very", "不", "没", "没有", "很"} & STOP_WORDS["all"]


@pytest.mark.parametrize("module", [text_bag, text_tfidf, text_words])
def test_chinese_words_learned_elsewhere_name_what_parts_them_at_once(module, monkeypatch) -> None:
    chinese, english = [Sample("a", text="今天的天气真好")], [Sample("a", text="so good")]
    states = {}
    for name, samples in (("zh", chinese), ("en", english)):
        states[name] = module.ENCODER(module.Config(min_count=1)).fit(samples).state()
    by_character = module.Config(min_count=1, chinese="characters")
    alone = module.ENCODER(by_character).fit(chinese).state()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    module.ENCODER(module.Config()).restore(states["en"])
    module.ENCODER(by_character).restore(alone)
    with pytest.raises(MissingExtraError, match="pip install rjieba"):
        module.ENCODER(module.Config()).restore(states["zh"])


@pytest.mark.parametrize(("n", "binary"), [(1, False), (2, False), (3, True)])
def test_bag_as_scikit_learn(n: int, binary: bool) -> None:
    encoder = text_bag.ENCODER(text_bag.Config(min_count=1, n_grams=n, binary=binary)).fit(SAMPLES)
    reference = CountVectorizer(
        tokenizer=lambda t: words(t, WordsConfig()), token_pattern=None, lowercase=False, ngram_range=(1, n),
        binary=binary,
    )  # fmt: skip
    expected = reference.fit_transform(TEXTS).toarray()
    assert list(encoder.state()["terms"]) == list(reference.get_feature_names_out())
    np.testing.assert_array_equal(rows(encoder), expected)
    unseen = ["quite another plot, plot", "服务很好"]
    np.testing.assert_array_equal(rows(encoder, unseen), reference.transform(unseen).toarray())


def test_bag_keeps_the_frequent_and_drops_the_ubiquitous() -> None:
    texts = ["a b", "a b", "a c", "a d d d"]
    found = {}
    for name, settings in {
        "min": {"min_count": 2},
        "most": {"min_count": 1, "most": 2},
        "max": {"max_share": 0.5},
    }.items():
        encoder = text_bag.ENCODER(text_bag.Config(**settings)).fit([Sample(t, text=t) for t in texts])
        found[name] = list(encoder.state()["terms"])
    assert found == {"min": ["a", "b"], "most": ["a", "d"], "max": ["b"]}
    with pytest.raises(ConfigError, match="lower min_count"):
        text_bag.ENCODER(text_bag.Config(min_count=9)).fit(SAMPLES)


def test_tfidf_of_neither_words_nor_characters_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected n_grams or characters"):
        text_tfidf.Config(n_grams=(), characters=())


@pytest.mark.parametrize("lengths", [(2, 1), (0, 1)])
@pytest.mark.parametrize("setting", ["n_grams", "characters"])
def test_tfidf_of_runs_that_are_none_is_refused(setting: str, lengths: tuple[int, int]) -> None:
    with pytest.raises(ValidationError, match="1 <= shortest <= longest"):
        text_tfidf.Config(**{setting: lengths})
    assert text_tfidf.Config(**{setting: (2, 2)}).model_dump()[setting] == (2, 2)


@pytest.mark.parametrize("sublinear", [True, False])
def test_tfidf_of_words_and_characters_as_scikit_learn(sublinear: bool) -> None:
    config = text_tfidf.Config(min_count=1, n_grams=(1, 2), characters=(2, 4), sublinear=sublinear)
    encoder = text_tfidf.ENCODER(config).fit(SAMPLES)
    by_word = TfidfVectorizer(
        tokenizer=lambda t: words(t, WordsConfig()), token_pattern=None, lowercase=False, ngram_range=(1, 2),
        sublinear_tf=sublinear,
    )  # fmt: skip
    by_character = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=sublinear)
    for texts in (TEXTS, ["a new plot, good good", "天气"]):
        expected = np.hstack([v.fit(TEXTS).transform(texts).toarray() for v in (by_word, by_character)])
        np.testing.assert_allclose(rows(encoder, texts), expected, atol=1e-6)


def test_word_ids_leave_room_for_padding_and_the_unknown() -> None:
    encoder = text_words.ENCODER(text_words.Config(min_count=1, longest=4)).fit([Sample("1", text="b a b c")])
    assert list(encoder.state()["words"]) == ["a", "b", "c"]
    assert encoder.encode(Sample("2", text="c B x a b")).tolist() == [4, 3, 1, 2]
    assert encoder.encode(Sample("3", text="")).tolist() == [1]


def test_mutual_information_by_hand() -> None:
    """Two texts `0 1` and `0 2`, window 1: each pair is seen once from either side."""
    found = text_vectors.mutual_information([np.array([0, 1]), np.array([0, 2])], 3, 1).toarray()
    context = np.array([2.0, 1.0, 1.0]) ** 0.75
    expected = np.zeros((3, 3))
    for a, b in ((0, 1), (0, 2), (1, 0), (2, 0)):
        times = 2.0 if a == 0 else 1.0
        expected[a, b] = max(0.0, np.log(1.0 * context.sum() / (times * context[b])))
    np.testing.assert_allclose(found, expected)


def test_window_stays_within_a_text() -> None:
    texts = [np.array([0, 1, 2]), np.array([3, 4])]
    found = text_vectors.mutual_information(texts, 5, 2).toarray()
    assert found[0, 2] > 0
    assert found[2, 3] == found[0, 3] == 0
    np.testing.assert_array_equal(found > 0, (found > 0).T)


def test_decomposition_as_dense_algebra() -> None:
    random = np.random.default_rng(0)
    scipy = pytest.importorskip("scipy.sparse")
    matrix = np.maximum(random.standard_normal((12, 12)), 0)
    found = text_vectors.decompose(scipy.csr_array(matrix), 5)
    u, s, _ = np.linalg.svd(matrix)
    expected = u[:, :5] * np.sqrt(s[:5])
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)
    assert (found[np.abs(found).argmax(0), np.arange(5)] > 0).all()
    assert text_vectors.decompose(scipy.csr_array(np.zeros((3, 3))), 2).tolist() == [[0, 0]] * 3


def test_learned_vectors_bring_like_words_together() -> None:
    random = np.random.default_rng(1)
    things, feelings = ["film", "plot", "song"], {"glad": ["good", "great", "fine"], "sore": ["bad", "poor", "awful"]}
    texts = [
        f"the {random.choice(things)} is {random.choice(group)} so i am {name}"
        for _ in range(150) for name, group in feelings.items()
    ]  # fmt: skip
    encoder = text_vectors.ENCODER(text_vectors.Config(dim=12)).fit(
        [Sample(str(i), text=t) for i, t in enumerate(texts)]
    )

    def alike(a: str, b: str) -> float:
        x, y = (encoder.encode(Sample("x", text=w))[0] for w in (a, b))
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    assert alike("good", "great") > alike("good", "bad") + 0.2
    assert alike("poor", "awful") > alike("poor", "fine") + 0.2


@pytest.mark.parametrize("packed", [False, True])
def test_vectors_from_a_file(tmp_path: Path, packed: bool) -> None:
    text = "4 3\ngood 1 2 3\nnew york 9 9 9\nbad -1 -2 -3\nrare 5 5 5\n"
    path = tmp_path / ("v.txt.gz" if packed else "v.vec")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    encoder = text_vectors.ENCODER(text_vectors.Config(path=path, most=3))
    assert not encoder.learns
    assert encoder.encode(Sample("1", text="Good or bad? Rare!")).tolist() == [[1, 2, 3], [-1, -2, -3]]
    assert encoder.encode(Sample("2", text="nothing known")).tolist() == [[0, 0, 0]]


def test_words_of_a_file_are_lower_cased_and_the_first_counts(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("Berlin 1 2\nGOOD 3 4\ngood 5 6\nＢＡＤ 7 8\n", encoding="utf-8")
    encoder = text_vectors.ENCODER(text_vectors.Config(path=path, most=3))
    assert encoder.encode(Sample("1", text="Good Berlin, bad")).tolist() == [[3, 4], [1, 2], [7, 8]]


def test_a_file_that_holds_no_vectors(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    for text, says in (("good 1 2\nbad x y\n", "line 2"), ("", "found none")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=says):
            text_vectors.ENCODER(text_vectors.Config(path=path)).encode(Sample("1", text="good"))
    with pytest.raises(ConfigError, match="nothing there"):
        text_vectors.ENCODER(text_vectors.Config(path=tmp_path / "none")).encode(Sample("1", text="good"))


def test_tokens_are_those_of_the_words_expert() -> None:
    encoder = text_tokens.ENCODER(text_tokens.Config(max_tokens=8))
    reader = text_tokens.TextTokens(text_tokens.SHIPPED, 8)
    for text in TEXTS:
        np.testing.assert_array_equal(encoder.encode(Sample("1", text=text)), reader.encode([text])[0])


def test_sentence_vectors_know_likeness_across_languages() -> None:
    encoder = text_sentence.ENCODER()
    same, other, english = (
        encoder.encode(Sample("1", text=t))[0]
        for t in ("我很喜欢这部电影", "明天的会议改到下午三点", "I like this film very much")
    )
    assert english @ english == pytest.approx(1, abs=1e-3)
    assert english @ same > english @ other + 0.2
    split = text_sentence.ENCODER(text_sentence.Config(sentences=True))
    two = split.encode(Sample("1", text="I like it. We meet at noon."))
    assert two.shape == (2, 512)
    np.testing.assert_allclose(two[0], encoder.encode(Sample("1", text="I like it."))[0], atol=1e-6)


def test_the_expert_says_what_the_bundle_says() -> None:
    from demeanor import bundle
    from demeanor.encoders import text_expert, text_tokens

    sample = Sample("x", text="The soup was cold and nobody even said sorry.")
    found = text_expert.ENCODER().encode(sample)
    ids = text_tokens.ENCODER().encode(sample)[None]
    own = bundle.load("base").run("words.onnx", {"ids": ids, "valid": np.ones(ids.shape, bool)})
    np.testing.assert_allclose(found[0, : own["hidden"].shape[1]], own["hidden"][0], atol=1e-4)
    np.testing.assert_allclose(found[0, -1], own["score"][0], atol=1e-4)
    assert found[0, -1] < 0
    brief = text_expert.ENCODER(text_expert.Config(heads=False)).encode(sample)
    assert brief.shape[1] == found.shape[1] - 11
    tokens = text_expert.ENCODER(text_expert.Config(layer=11)).encode(sample)
    assert tokens.shape == (ids.shape[1], brief.shape[1])
    np.testing.assert_allclose(tokens.mean(0), brief[0], atol=1e-5)
    with pytest.raises(ConfigError, match="layer: expected one of the layers"):
        text_expert.ENCODER(text_expert.Config(layer=12)).encode(sample)
