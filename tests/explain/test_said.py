"""Reasons in words, in both languages."""

from dataclasses import replace

import pytest

from demeanor.explain import said
from demeanor.explain.explanation import CueShare, Outcome


def cue(name: str, share: float) -> CueShare:
    return CueShare(name, share, "positive", 0.5, share, None)


def test_the_verdict_names_what_it_comes_from_and_what_pulls_away() -> None:
    found = said.verdict(Outcome(0.61, "positive"), [cue("words", 0.7), cue("voice", -0.1), cue("scene", 0.01)])
    assert found["en"] == "Positive, +0.61: mostly from the words (+0.70); the voice (−0.10) pulls the other way."
    assert found["zh"] == "积极，+0.61：主要来自文字（+0.70）；语音（−0.10）起反作用。"
    both = said.verdict(Outcome(-0.5, "negative"), [cue("words", -0.2), cue("voice", -0.3)])
    assert both["en"] == "Negative, −0.50: mostly from the voice (−0.30) and words (−0.20)."
    alone = said.verdict(Outcome(0.2, "neutral"), [cue("words", 0.2)])
    assert alone["en"] == "Neutral, +0.20, from the words alone."
    assert said.verdict(Outcome(0.0, None), [])["en"] == "There is no reading to explain."


def test_what_is_neutral_by_itself_does_not_pull() -> None:
    calm = [replace(cue("voice", -0.11), label="neutral"), replace(cue("words", 0.04), label="neutral")]
    found = said.verdict(Outcome(-0.07, "neutral"), calm)
    assert found == {
        "en": "Neutral, −0.07: mostly from the voice (−0.11).",
        "zh": "中性，−0.07：主要来自语音（−0.11）。",
    }
    assert "the words (+0.04) pull" in said.verdict(Outcome(-0.07, "neutral"), [calm[0], cue("words", 0.04)])["en"]


@pytest.mark.parametrize(
    ("labels", "verdict", "en", "zh"),
    [
        ({}, "none", "No cue says anything.", "没有任何线索给出判断。"),
        ({"words": "positive"}, "single", "Only the words can be read.", "只有文字可读。"),
        (
            {"words": "positive", "voice": "negative"}, "conflict",
            "The words are positive, the voice is not: it is negative (angry).",
            "文字是积极的，语音却不是：是消极的（愤怒）。",
        ),
        (
            {"words": "negative", "voice": "positive", "face": "positive", "scene": "neutral"}, "conflict",
            "The words are negative, the voice and face are not: they are positive (angry).",
            "文字是消极的，语音和面部却不是：是积极的（愤怒）。",
        ),
        (
            {"words": "positive", "face": "neutral"}, "partly",
            "The words are positive; the face is neutral.", "文字是积极的，面部是中性的。",
        ),
        ({"words": "neutral", "face": "neutral"}, "agree", "The words and face agree: neutral.",
         "文字和面部一致：中性。"),
    ],
)  # fmt: skip
def test_agreement(labels: dict[str, str], verdict: str, en: str, zh: str) -> None:
    found, sentence = said.agreement(labels, {"voice": "anger", "words": "neutral"})
    assert found == verdict
    assert sentence == {"en": en, "zh": zh}


def test_words_are_named_by_their_weight_without_their_marks() -> None:
    found = said.words([("good,", 0.4), ("bad", -0.2), ("so", 0.01), ("“fine”", 0.1)], 0.3)
    assert found is not None
    assert found["en"] == "Words that count most: “good” (+0.40), “fine” (+0.10). Against it: “bad” (−0.20)."
    assert found["zh"] == "最有分量的词：“good” (+0.40)、“fine” (+0.10)。相反的：“bad” (−0.20)。"
    assert said.words([("so", 0.01)], 0.3) is None


def test_what_is_left_out_is_named() -> None:
    after = Outcome(0.02, "neutral")
    last = said.without_segments([2], ["It was awful."], 3, after, timed=False)
    assert last["en"] == "Without the last sentence, “It was awful.”: neutral (+0.02)."
    assert last["zh"] == "去掉最后一句“It was awful.”：中性（+0.02）。"
    silent = said.without_segments([1, 3], ["", "x"], 5, after, timed=True)
    assert silent["en"] == "Without segments 2 and 4: neutral (+0.02)."
    assert said.without_cues(["voice", "face"], after)["zh"] == "去掉语音和面部：中性（+0.02）。"
    assert said.without_words(["not"], Outcome(0.7, "positive"))["en"] == "Without “not”: positive (+0.70)."
    assert said.without_cues(["words"], Outcome(None, None))["en"] == "Without the words: nothing to read."
