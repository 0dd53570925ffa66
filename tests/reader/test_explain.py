"""Explanations by experts that read by plain rules, so that the reasons are known; and the shipped ones."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from demeanor.bundle import shipped
from demeanor.explain.explanation import Explanation
from demeanor.reader.analysis import Analysis
from demeanor.reader.reader import Reader
from demeanor.reader.reasons.pictures import BUDGET, scene_heat
from demeanor.report.schema import validate
from demeanor.types import POLARITIES, Evidence
from reader_fakes import RATE, FakeExperts, fake_reader, said, speech


def checked(analysis: Analysis, **options: int) -> Explanation:
    """An explanation that fits its schema and whose shares are complete."""
    found = analysis.explain(**options)
    validate(found.to_dict(), "explanation")
    if found.score is not None and analysis.cues:
        assert sum(c.share or 0 for c in found.cues) == pytest.approx(found.score, abs=1e-6)
    for segment in found.segments:
        for parts in (segment.words, segment.voice):
            if parts is not None:
                assert sum(p.share for p in parts.parts) == pytest.approx(parts.score - parts.base, abs=1e-6)
    for heat in found.heat:
        assert np.sum(heat.values) == pytest.approx(heat.score - heat.base, abs=1e-6)
    return found


def test_the_word_that_decides_has_all_the_share() -> None:
    found = checked(fake_reader().analyze("We love the sea."))
    (segment,) = found.segments
    assert segment.words is not None
    assert segment.words.exact
    shares = {p.text: p.share for p in segment.words.parts}
    assert shares == pytest.approx({"We": 0, "love": 0.8, "the": 0, "sea.": 0}, abs=1e-9)
    (change,) = found.counterfactuals
    assert (change.kind, change.texts, change.after.label, change.smallest) == ("words", ("love",), "neutral", True)
    assert change.said["en"] == "Without “love”: neutral (0.00)."
    assert found.said[0]["en"] == "Positive, +0.80, from the words alone."


def test_two_words_of_one_kind_share_and_only_together_decide() -> None:
    found = checked(fake_reader().analyze("great, so happy today"))
    words = found.segments[0].words
    assert words is not None
    assert [round(p.share, 6) for p in words.parts] == [0.4, 0, 0.4, 0]
    assert found.counterfactuals[0].texts == ("great,", "happy")


def test_the_last_sentence_is_what_turns_a_text() -> None:
    """Fake words judge what follows "but": without the last sentence the text is glad."""
    found = checked(fake_reader().analyze("I love the start. It is long. Well, but the end is awful."))
    change = next(c for c in found.counterfactuals if c.kind == "segments")
    assert (change.items, change.smallest, change.exact) == ((2,), True, True)
    assert found.label == "negative"
    assert change.said["en"].startswith("Without the last sentence")
    by_index = {s.segment: s for s in found.segments}
    assert sum(s.share or 0 for s in found.segments) == pytest.approx(found.score, abs=1e-6)
    assert by_index[1].without is not None
    assert by_index[1].without.label == found.label


def test_cues_that_contradict_are_told_and_weighed() -> None:
    loud = 0.5 * np.sign(np.sin(np.arange(3 * RATE) * 0.09)).astype(np.float32)
    analysis = fake_reader("words", "voice").analyze(audio=loud, text="I love it.")
    found = checked(analysis)
    assert found.agreement == "conflict"
    assert found.agreement_said["en"] == "The words are positive, the voice is not: it is negative (angry)."
    without = {c.cue: c.without for c in found.cues}
    assert without["words"] is not None
    assert without["words"].label == "negative"
    assert without["voice"] is not None
    assert without["voice"].label == "positive"


def test_the_loud_second_of_a_voice_has_the_share(tmp_path: Path) -> None:
    sound = speech(4.0, pitch=220.0, loud=0.05)
    sound[2 * RATE : 3 * RATE] *= 12
    found = checked(Reader(FakeExperts(("words", "voice")).deaf()).analyze(audio=sound))
    voices = [s.voice for s in found.segments if s.voice]
    assert voices
    strongest = max((p for v in voices for p in v.parts), key=lambda p: abs(p.share))
    assert 1.5 <= strongest.start <= 3.0
    assert strongest.share < 0


class Textured:
    """Glad as far as there is detail in the upper left quarter."""

    def variants(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
        return [said(min(0.9, float(p[: p.shape[0] // 2, : p.shape[1] // 2].std()) / 80), "joy") for p in pictures]


def test_the_region_that_decides_is_hot() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (160, 240, 3), dtype=np.uint8)
    heat, readings = scene_heat(picture, Textured())  # type: ignore[arg-type]
    values = np.array(heat.values)
    assert values.shape == (3, 5)
    assert values[:2, :3].sum() > 0.95 * values.sum() > 0.3
    assert abs(values[2]).max() < 0.02
    assert readings <= BUDGET + 2


def test_an_analysis_from_json_says_what_it_can() -> None:
    live = fake_reader().analyze("I love the start. It is long. Well, but the end is awful.")
    stored = Analysis.from_dict(live.to_dict())
    found = checked(stored)
    assert found.label == live.overall.sentiment.label  # type: ignore[union-attr]
    assert "not read in this process" in found.limits[0]
    assert all(s.words is None for s in found.segments)
    assert found.cues[0].share == pytest.approx(live.cues["words"].share, abs=1e-6)


def test_from_json_the_reading_without_a_cue_is_the_very_one(tmp_path: Path) -> None:
    loud = 0.5 * np.sign(np.sin(np.arange(3 * RATE) * 0.09)).astype(np.float32)
    live = fake_reader("words", "voice").analyze(audio=loud, text="I love it.")
    one, other = live.explain(), Analysis.from_dict(live.to_dict()).explain()
    for mine, theirs in zip(one.cues, other.cues, strict=True):
        assert mine.without is not None
        assert theirs.without is not None
        assert theirs.without.label == mine.without.label
        assert theirs.without.score == pytest.approx(mine.without.score, abs=1e-4)


def test_three_cues_from_json_are_pooled_by_their_weights() -> None:
    """The rule's weights depend on the other cues by a factor only, so leaving one out needs no reliability."""
    sharp = np.full((200, 300, 3), 90, np.uint8)
    sharp[50:150, 100:200] = (230, 30, 30)
    loud = 0.5 * np.sign(np.sin(np.arange(3 * RATE) * 0.09)).astype(np.float32)
    live = fake_reader().analyze(audio=loud, text="I love it.", image=sharp)
    assert len(live.cues) >= 3
    one, other = live.explain(), Analysis.from_dict(live.to_dict()).explain()
    for mine, theirs in zip(one.cues, other.cues, strict=True):
        assert mine.without is not None
        assert theirs.without is not None
        assert theirs.without.score == pytest.approx(mine.without.score, abs=2e-3)


def test_media_that_are_gone_cost_their_part_only(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "sky.png"
    Image.fromarray(np.full((90, 120, 3), (90, 120, 250), np.uint8)).save(path)
    analysis = fake_reader().analyze(text="I love it.", image=path)
    path.unlink()
    found = checked(analysis)
    assert found.heat == ()
    assert any(limit.startswith("regions of the picture: not explained") for limit in found.limits)
    assert found.segments[0].words is not None


def test_nothing_to_explain() -> None:
    found = checked(fake_reader().analyze("mumble mumble"))
    assert found.segments == () or all(s.words is None for s in found.segments)
    empty = fake_reader("words").analyze(image=np.zeros((40, 40, 3), np.uint8))
    told = checked(empty)
    assert told.label is None
    assert told.said[0]["en"] == "There is no reading to explain."


def test_only_the_strongest_segments_are_looked_into() -> None:
    text = " ".join(f"It is number {n}." for n in range(9)) + " I love it. I hate it."
    found = checked(fake_reader().analyze(text), segments=2)
    looked = [s.segment for s in found.segments if s.words]
    assert looked == [9, 10]
    assert any("2 segments of 11" in limit for limit in found.limits)


def test_the_same_seed_gives_the_same_explanation() -> None:
    analysis = fake_reader().analyze("a great many words and more of them, all so happy and never awful at all today")
    one, other = (analysis.explain(seed=3).to_dict() for _ in range(2))
    one["provenance"].pop("seconds")
    other["provenance"].pop("seconds")
    assert one == other


def test_an_analysis_can_still_be_sent_elsewhere() -> None:
    analysis = fake_reader().analyze("I love it.")
    again = pickle.loads(pickle.dumps(analysis))
    assert again == analysis
    assert again.hold is None
    assert "not read in this process" in again.explain().limits[0]


with_bundle = pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")


@pytest.fixture(scope="module")
def base() -> Reader:
    import demeanor

    return demeanor.load(threads=1)


@with_bundle
@pytest.mark.parametrize(
    ("text", "word", "sign"),
    [
        ("I love this movie", "love", 1),
        ("This movie is terrible", "terrible", -1),
        ("今天的天气真好", "好", 1),
        ("这家餐厅的服务太差了", "差", -1),
        ("Monday again 😡", "😡", -1),
    ],
)
def test_the_shipped_words_rest_on_the_words_that_matter(base: Reader, text: str, word: str, sign: int) -> None:
    found = checked(base.analyze(text))
    parts = found.segments[0].words
    assert parts is not None
    strongest = max(parts.parts, key=lambda p: sign * p.share)
    assert word in strongest.text
    assert parts.score == pytest.approx(base.analyze(text).overall.sentiment.score, abs=1e-4)  # type: ignore[union-attr]


@with_bundle
def test_a_shipped_post_is_explained_whole(base: Reader) -> None:
    found = checked(base.analyze(text="今天的天气真好", image=Path(__file__).parents[2] / "demo/sky.jpg"))
    assert {c.cue for c in found.cues} == {"words", "scene"}
    assert found.heat[0].cue == "scene"
    assert found.segments[0].words is not None
    assert all(c.without is not None and c.without.label in POLARITIES for c in found.cues)


@with_bundle
def test_an_abstention_is_told(base: Reader) -> None:
    found = checked(base.analyze("10/10"))
    assert "abstains" in found.limits[0]


@with_bundle
def test_the_demo_clip_is_explained_whole(base: Reader) -> None:
    found = checked(base.analyze(Path(__file__).parents[2] / "demo/clip.mp4"), budget=256)
    assert {h.cue for h in found.heat} == {"face", "scene"}
    assert len(found.pictures) == len({h.time for h in found.heat})
    face = next(c for c in found.cues if c.cue == "face")
    assert sum(f.share for f in found.frames if f.cue == "face") == pytest.approx(face.score, abs=1e-4)
    assert not found.limits
