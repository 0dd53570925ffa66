"""The words expert of the shipped bundle around its graph: repetition, length, and what is no text for it."""

import random

import numpy as np
import pytest

from demeanor.bundle import load, shipped
from demeanor.reader.cues import words as module
from demeanor.reader.cues._legible import Doubt
from demeanor.reader.cues.words import Words
from demeanor.types import Evidence

NOISE, SIGNS, SCRIPT = (
    "look like words",
    "only digits, signs or addresses",
    "a script that the words expert does not know",
)


@pytest.fixture(scope="module")
def words() -> Words:
    if "base" not in shipped():
        pytest.fail("the shipped bundle is missing from the package")
    return Words(load("base", threads=1))


def reason(doubt: Doubt | None) -> str:
    return "" if doubt is None else doubt.reason


@pytest.mark.parametrize(
    ("once", "again"),
    [
        ("I love it", "I love it " * 100), ("I love it!", "I love it! " * 100), ("很好吃", "很好吃" * 80),
        ("This is awful.", "This is awful. " * 60), ("太难吃了", "太难吃了" * 70), ("太难吃了。", "太难吃了。" * 70),
    ],
)  # fmt: skip
def test_what_is_said_over_and_over_keeps_its_sign(words: Words, once: str, again: str) -> None:
    first, last = words.read([once, again])
    assert np.sign(first.score) == np.sign(last.score)
    assert int(np.argmax(first.polarity)) == int(np.argmax(last.polarity))
    assert abs(last.score) > 0.5 * abs(first.score)
    assert last.embedding is not None
    three = words.read([once + " " + once + " " + once if once[-1].isascii() else once * 3])[0]
    assert abs(last.score - three.score) < 0.15


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("asdf qwer zxcv", NOISE), ("xkcd jjjj", NOISE), ("x" * 10_000, NOISE), ("xxxx " * 40, NOISE),
        ("a" * 60, NOISE), ("sdkfjh skdjfh ksjdhf", NOISE), ("ŽüÐæ Ð´Õæ Žü¾€", NOISE),
        ("12345 678", SIGNS), ("!!! ???", SIGNS), ("...", SIGNS), ("3.14 + 2 = ?", SIGNS), ("@anna http://a.b", SIGNS),
        ("https://example.org/love", SIGNS), ("joao.silva@empresa.com.br", SIGNS), ("Anna_Bell+x@example.com", SIGNS),
        ("ᎣᏏᏲ ᏙᎯᏧ", SCRIPT), ("ⵣⵓⵔⴰⵏ ⴰⵣⵓⵍ", SCRIPT), ("ܫܠܡܐ ܫܠܡܐ", SCRIPT),
    ],
)  # fmt: skip
def test_what_is_no_text_for_it_is_not_read(words: Words, text: str, why: str) -> None:
    doubt = words.doubt(text)
    assert why in reason(doubt)
    (found,) = words.read([text])
    assert found.abstain
    assert found.reliability < 0.3
    assert found.polarity.max() < 0.7
    assert found.polarity.sum() == pytest.approx(1)
    assert found.emotions.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "text",
    [
        "😀", "😂😂😂", "❤️", ":)", ":-(", "<3", "^_^", "T_T", "(╯°□°)╯︵ ┻━┻", "233333", "lol", "omg wtf", "brb ttyl",
        "yyds", "k", "ok", "hmm", "grrr", "Uhh…", "I'm Joey.", "It’s Joey!", "WE MUST RELY ON ANECDOTES!", "hello wrld",
        "trUmP iS pRo guN", "S P O I L E R", "我", "囧", "嘚瑟", "气死！ctmd！", "Bulbasaur", "Kubernetes", "haaaappy",
        "@user I love it https://a.b/c", "Ow! Ow! Ow!", "GTX 4090 vs RX 7900", "My NVMe SSD",
        "¯\\_(ツ)_/¯", "Supercalifragilisticexpialidocious",
    ],
)  # fmt: skip
def test_short_odd_and_drawn_things_people_do_write_are_read(words: Words, text: str) -> None:
    assert reason(words.doubt(text)) == ""
    assert not words.read([text])[0].abstain


@pytest.mark.parametrize(
    ("text", "language", "name"),
    [
        ("Ich bin so glücklich", "de", "German"), ("Мне очень нравится этот фильм", "ru", "Russian"),
        ("ዛሬ ጥሩ ቀን ነው", "und", "Ethiopic"), ("今日はとても嬉しいです", "ja", "Japanese"),
    ],
)  # fmt: skip
def test_a_language_without_labels_is_read_with_less_trust(words: Words, text: str, language: str, name: str) -> None:
    doubt = words.doubt(text)
    assert doubt is not None
    assert name in doubt.reason
    trust = words._spec["other_languages"]
    assert (doubt.abstain, doubt.trust) == (False, trust)
    told = words.doubt("Gut", language)
    assert (told is None) == (language == "und")
    (as_it_is,), (as_english,) = words.read([text]), words.read([text], None, ["en"])
    assert as_it_is.reliability == pytest.approx(trust)
    if name == "German":
        assert as_it_is.polarity.max() < as_english.polarity.max()
    else:  # its letters say that it is not
        script = words.doubt(text, "en")
        assert script is not None
        assert (script.abstain, script.trust) == (False, trust)
        assert as_english.polarity == pytest.approx(as_it_is.polarity)


@pytest.mark.parametrize(
    ("text", "language"),
    [("I hate this", "zh"), ("我很高兴", "en"), ("OK，没问题！", "zh"), ("𝓘 𝓵𝓸𝓿𝓮 𝓲𝓽 𝓼𝓸 𝓶𝓾𝓬𝓱", "en")],
)
def test_the_two_labelled_languages_are_read_under_either_name(words: Words, text: str, language: str) -> None:
    assert words.doubt(text, language) is None


def test_rare_letters_of_a_language_that_is_told_are_no_noise(words: Words) -> None:
    doubt = words.doubt("Łódź jest piękna")
    assert doubt is not None
    assert "Polish" in doubt.reason
    assert not doubt.abstain


def test_random_keys_are_found_and_random_syllables_are_not_taken_for_them(words: Words) -> None:
    rng = random.Random(3)
    keys = [" ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(4)) for _ in range(100)]
    syllables = [
        " ".join("".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(3)) for _ in range(4))
        for _ in range(100)
    ]
    assert sum(NOISE in reason(words.doubt(t)) for t in keys) >= 95
    assert sum(NOISE in reason(words.doubt(t)) for t in syllables) <= 5


def test_what_people_really_write_is_hardly_ever_taken_for_noise(words: Words, shared: object) -> None:
    import csv

    with open(f"{shared}/data/meld/dev_sent_emo.csv", encoding="utf-8", errors="replace") as file:
        said = [row["Utterance"] for row in csv.DictReader(file)]
    odd = [t for t in said if NOISE in reason(words.doubt(t, "en"))]
    assert len(odd) <= 0.005 * len(said), odd


def test_a_long_text_is_read_in_windows_and_the_end_counts(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    filler = "They drove along the road and looked at the houses and the trees and the river beside it and "
    rows: list[int] = []
    run = Words._run

    def counted(self: Words, found: list[np.ndarray]) -> dict[str, np.ndarray]:
        rows.extend(len(row) for row in found)
        return run(self, found)

    monkeypatch.setattr(Words, "_run", counted)
    middle = filler * 6 + "it was a wonderful, wonderful, lovely day, I was so happy, and " * 4 + filler * 6
    words.read([middle])
    room = words._spec["max_tokens"]
    assert len(rows) > 1
    assert max(rows) <= room
    rows.clear()
    words.read([" ".join(f"the {n} birds of day {n * 7}" for n in range(2000))])
    assert len(rows) == module.MOST_WINDOWS


def test_equal_texts_cost_once(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    run = Words._run

    def counted(self: Words, found: list[np.ndarray]) -> dict[str, np.ndarray]:
        rows.append(len(found))
        return run(self, found)

    monkeypatch.setattr(Words, "_run", counted)
    found = words.read(["I love it", "I hate it"] * 50, [0.9, 0.5] * 50)
    assert rows == [2]
    assert found[0].reliability > found[1].reliability
    assert found[0].score == found[98].score > 0 > found[99].score


def test_how_sure_the_recogniser_is(words: Words) -> None:
    sure, unsure, mumbled, given = words.read(["I love it"] * 4, [0.9, 0.5, 0.1, None])
    assert sure.reliability > unsure.reliability > mumbled.reliability
    assert [e.abstain for e in (sure, unsure, mumbled, given)] == [False, False, True, False]
    assert given.reliability == 1


def test_evidence_is_the_same_alone_and_among_others(words: Words) -> None:
    texts = ["I love it", "今天的天气真好", "word " * 300, "12345", "Das ist gut"]
    together, alone = words.read(texts), [words.read([t])[0] for t in texts]
    for a, b in zip(together, alone, strict=True):
        assert isinstance(a, Evidence)
        np.testing.assert_allclose(a.polarity, b.polarity, atol=2e-3)
        assert (a.reliability, a.abstain) == (b.reliability, b.abstain)


@pytest.mark.parametrize(
    ("lengths", "runs"),
    [
        ([], []),
        ([7], [1]),
        ([5] * 300, [102, 102, 96]),
        ([4, 5, 6, 7], [4]),
        ([4, 4, 4, 4, 4, 60, 60], [5, 2]),
        ([3, 90], [1, 1]),
    ],
)
def test_texts_of_like_length_are_read_together(lengths: list[int], runs: list[int]) -> None:
    chunks = Words._chunks(lengths)
    assert [len(chunk) for chunk in chunks] == runs
    assert [row for chunk in chunks for row in chunk] == list(range(len(lengths)))
    for chunk in chunks:
        own = [lengths[row] for row in chunk]
        assert len(own) == 1 or len(own) * max(own) <= min(module.TOKENS_PER_BATCH, sum(own) + module.TOKENS_OF_A_RUN)


def test_what_a_text_is_read_beside_changes_nothing(words: Words) -> None:
    texts = ["Good.", "The lift is broken again and nobody cares about it at all.", "很好", "ok " * 40]
    together = words.read(texts)
    for text, found in zip(texts, together, strict=True):
        (alone,) = words.read([text])
        assert found.polarity == pytest.approx(alone.polarity, abs=1e-4)
