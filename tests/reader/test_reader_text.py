from itertools import pairwise

import pytest

from demeanor.errors import InputError
from demeanor.reader.reader import Reader
from demeanor.reader.text import MOST, PASSAGES, plan, runs, tokens
from reader_fakes import FakeExperts, fake_reader


def test_one_sentence() -> None:
    a = fake_reader().analyze("I love it")
    assert (a.id, a.kind, a.language, a.duration) == ("text", "text", "en", None)
    assert a.overall.sentiment is not None
    assert a.overall.sentiment.label == "positive"
    (segment,) = a.segments
    assert (segment.chars, segment.text, segment.start) == ((0, 9), "I love it", None)
    assert segment.reading == a.overall
    assert a.missing == ("voice", "face", "scene")
    assert a.cues["words"].weight == 1.0
    assert a.provenance["speech"] is None


def test_contrast_is_read_as_a_whole_and_sentences_by_themselves() -> None:
    a = fake_reader().analyze("I love the start. It is great, but the rest is awful.")
    labels = [s.reading.sentiment.label for s in a.segments if s.reading.sentiment]
    assert labels == ["positive", "negative"]
    assert a.overall.sentiment is not None
    assert a.overall.sentiment.label == "negative"


def test_chinese() -> None:
    a = fake_reader().analyze(text="我很开心。今天糟透了!")
    assert a.language == "zh"
    assert [s.chars for s in a.segments] == [(0, 5), (5, 11)]


def test_a_text_is_read_once_even_where_segment_and_passage_are_the_same() -> None:
    experts = FakeExperts()
    Reader(experts).analyze("I love it")
    assert experts._loaded["words"].calls == [["I love it"]]  # type: ignore[attr-defined]


def test_a_long_text_is_read_in_passages_that_fit() -> None:
    text = "I love this film very much indeed. " * 40
    p = plan(text, 94)
    assert len(p.segments) == 40
    assert 3 <= len(p.passages) <= 6
    assert all(tokens(text[a:b]) <= 94 + 10 for a, b in p.passages)
    assert p.passages[0][0] == p.segments[0][0]
    assert p.passages[-1][1] == p.segments[-1][1]
    assert all(a[1] <= b[0] for a, b in zip(p.passages, p.passages[1:], strict=False))


def test_a_very_long_text_stays_bounded() -> None:
    experts = FakeExperts()
    a = Reader(experts).analyze(text="I love this film very much. 今天的天气真好。\n" * 25_000)
    assert len(a.segments) <= MOST
    calls: list[list[str]] = experts._loaded["words"].calls  # type: ignore[attr-defined]
    assert sum(len(call) for call in calls) <= MOST
    assert any("together" in w for w in a.warnings)
    assert a.overall.sentiment is not None
    assert a.overall.sentiment.label == "positive"


def test_a_long_document_keeps_its_sentences_and_costs_little_more_than_they_do() -> None:
    """Every sentence is read once; of the passages, which say the same again, at most `PASSAGES`."""
    text = " ".join(f"We saw {number} birds on the way there and loved them." for number in range(6000))
    experts = FakeExperts()
    a = Reader(experts).analyze(text=text)
    assert len(a.segments) == 6000
    assert a.warnings == ()
    calls: list[list[str]] = experts._loaded["words"].calls  # type: ignore[attr-defined]
    (read_at_once,) = calls
    assert sum(map(len, read_at_once)) < 1.1 * len(text)
    assert len(read_at_once) <= 6000 + PASSAGES
    assert a.overall.sentiment is not None
    assert a.overall.sentiment.label == "positive"


def test_passages_of_a_long_text_are_taken_from_all_of_it() -> None:
    p = plan("I love this film very much indeed. " * 2000, 94)
    assert len(p.passages) == PASSAGES
    assert p.passages[0][0] == 0
    assert p.passages[-1][1] == p.segments[-1][1]
    gaps = [b[0] - a[0] for a, b in pairwise(p.passages)]
    assert max(gaps) < 2.1 * min(gaps)


def test_no_sentence_is_longer_than_the_expert_takes_in_one_piece() -> None:
    for clause in ("and then we went on along the river, ", "然后我们沿着河边继续走，"):
        p = plan(clause * 100, 94)
        assert all(tokens(p.text[a:b]) <= 94 for a, b in p.segments)


def test_a_passage_that_cannot_be_read_leaves_the_sentences_that_can() -> None:
    a = fake_reader().analyze("I love it. Then mumble mumble.")
    assert a.overall.sentiment is not None
    assert (a.overall.sentiment.label, a.overall.abstain) == ("positive", False)
    assert [s.reading.abstain for s in a.segments] == [False, True]
    assert a.warnings == ("words: 1 of 2 sentences: it is mumbled; what is read of that is not to be relied on",)
    a = fake_reader().analyze("mumble")
    assert a.overall.abstain
    assert a.warnings == ("words: it is mumbled; what is read of that is not to be relied on",)


def test_a_text_of_which_hardly_anything_can_be_read_is_not_read() -> None:
    a = fake_reader().analyze("mumble " * 9 + "mumble. I love it.")
    assert a.overall.abstain
    assert a.overall.sentiment is not None
    assert abs(a.overall.sentiment.score) < 0.2
    assert [s.reading.abstain for s in a.segments] == [True, False]


@pytest.mark.parametrize("sizes", [[1], [5, 5, 5], [200], [1] * 100, [90, 90, 90], [10, 200, 10]])
def test_runs_cover_everything_once(sizes: list[int]) -> None:
    found = runs(sizes, 94)
    assert [at for first, last in found for at in range(first, last)] == list(range(len(sizes)))
    assert all(last - first == 1 or sum(sizes[first:last]) <= 94 for first, last in found)


def test_runs_are_alike_in_size() -> None:
    lengths = [last - first for first, last in runs([10] * 20, 94)]
    assert max(lengths) - min(lengths) <= 1 or lengths == [7, 7, 6]
    assert runs([], 94) == []


def test_a_given_language_is_passed_on() -> None:
    experts = FakeExperts()
    a = Reader(experts).analyze("Gut", language="de")
    assert a.language == "de"
    assert experts._loaded["words"].languages == ["de"]  # type: ignore[attr-defined]


def test_emoji_alone_can_be_read_and_white_space_cannot() -> None:
    a = fake_reader().analyze("😀😀")
    assert a.language is None
    assert len(a.segments) == 1
    with pytest.raises(InputError, match="nothing to read"):
        fake_reader().analyze("   ")


def test_without_a_words_expert_the_reading_is_empty_and_says_why() -> None:
    a = fake_reader("face").analyze("I love it")
    assert a.overall.sentiment is None
    assert a.overall.abstain
    assert a.missing == ("words", "voice", "face", "scene")
    assert any("no expert for 'words'" in w for w in a.warnings)


def test_words_not_wanted() -> None:
    a = fake_reader().analyze("I love it", cues="voice")
    assert a.cues == {}
    assert a.segments == ()
