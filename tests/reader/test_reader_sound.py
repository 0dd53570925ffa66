import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from demeanor.errors import DecodeError, InputError
from demeanor.media.resample import frame_of
from demeanor.media.speech import Heard
from demeanor.reader.channels import carry_two_people
from demeanor.reader.reader import Reader
from demeanor.reader.sound import cut, follow, over
from demeanor.report.schema import validate
from demeanor.types import Utterance
from reader_fakes import RATE, FakeExperts, fake_reader, noise, picture, silence, speech, write_wav

TALK = np.concatenate([silence(0.5), speech(2, 220), silence(1.5), speech(2, 120, 0.5), silence(0.5)])


def test_utterances_are_segments_with_words_and_voice(tmp_path: Path) -> None:
    a = fake_reader().analyze(write_wav(tmp_path / "talk.wav", TALK))
    assert (a.kind, a.language, a.id) == ("audio", "en", "talk.wav")
    assert a.duration == pytest.approx(6.5, abs=0.01)
    assert [s.text for s in a.segments] == ["I love it.", "I hate it."]
    assert [(s.start, s.end) for s in a.segments] == [pytest.approx(t, abs=0.3) for t in ((0.5, 2.5), (4.0, 6.0))]
    assert all(set(s.cues) == {"words", "voice"} for s in a.segments)
    assert set(a.missing) == {"face", "scene"}
    assert a.segments[1].reading.sentiment is not None
    assert a.segments[1].reading.sentiment.label == "negative"
    assert str(a.provenance["speech"]).startswith("fake-speech sha256 abab")
    assert a.provenance["voice"] == "fake"
    assert a.media is not None
    assert a.media.peaks is not None
    assert len(a.media.peaks) == 130  # one per twentieth of a second


@pytest.mark.parametrize(
    "sound", [silence(3), np.zeros(3 * RATE, np.float32), noise(3)], ids=["quiet", "zero", "noise"]
)
def test_no_speech_is_no_reading_and_no_error(sound: np.ndarray) -> None:
    a = fake_reader().analyze(audio=sound)
    assert a.overall.sentiment is None
    assert a.overall.confidence is None
    assert a.overall.abstain
    assert a.cues == {}
    assert [(s.start, s.end, s.text, s.cues) for s in a.segments] == [(0.0, 3.0, None, {})]
    assert a.missing == ("words", "voice", "face", "scene")
    assert "no speech found in the sound" in a.warnings
    assert a.duration == pytest.approx(3.0)


def test_sound_without_speech_is_cut_into_windows_of_three_seconds() -> None:
    a = fake_reader().analyze(audio=np.concatenate([silence(10), speech(2), silence(1)]))
    assert [s.text for s in a.segments] == [None, None, None, "I love it."]
    assert all(2 < (s.end or 0) - (s.start or 0) <= 3.7 for s in a.segments[:3])
    assert all(s.reading.abstain and s.reading.sentiment is None for s in a.segments[:3])
    validate(a.to_dict())


def test_without_a_recogniser_the_voice_is_still_read(tmp_path: Path) -> None:
    a = Reader(FakeExperts().deaf()).analyze(audio=TALK)
    assert set(a.cues) == {"voice"}
    assert [s.text for s in a.segments] == [None, None]
    assert any("not recognised" in w for w in a.warnings)
    assert a.provenance["speech"] is None
    assert not any(
        "not recognised" in w for w in Reader(FakeExperts().deaf()).analyze(audio=TALK, cues="voice").warnings
    )


@pytest.mark.parametrize("deaf", [False, True])
def test_a_given_text_is_laid_over_the_speech(deaf: bool) -> None:
    experts = FakeExperts().deaf() if deaf else FakeExperts()
    a = Reader(experts).analyze(text="I love it. It is awful.", audio=TALK)
    assert a.kind == "mixed"
    assert a.provenance["speech"] == "given transcript"
    assert [s.text for s in a.segments] == ["I love it.", "It is awful."]
    first, second = a.segments
    assert first.start == pytest.approx(0.5, abs=0.3)
    assert second.end == pytest.approx(6.0, abs=0.3)
    assert set(first.cues) == {"words", "voice"}
    assert not any("not recognised" in w for w in a.warnings)
    if not deaf:
        assert experts._loaded["recogniser"].heard == 0  # type: ignore[attr-defined]


def test_contrast_over_utterances_of_a_transcript_is_read_as_a_whole() -> None:
    a = fake_reader().analyze(text="I love the start and it is great. And then, but it was awful.", audio=TALK)
    assert a.cues["words"].sentiment is not None
    assert a.cues["words"].sentiment.label == "negative"


def test_a_given_transcript(tmp_path: Path) -> None:
    path = tmp_path / "t.vtt"
    path.write_text(
        "WEBVTT\n\n00:00.500 --> 00:02.500\n<v Ann>I love it.\n\n00:04.000 --> 00:06.000\n<v Bob>I hate it.\n\n"
        "01:00.000 --> 01:02.000\nbeyond\n",
        encoding="utf-8",
    )
    a = fake_reader().analyze(audio=TALK, transcript=path)
    assert [(s.speaker, s.text) for s in a.segments] == [("Ann", "I love it."), ("Bob", "I hate it.")]
    assert {p.speaker for p in a.people} == {"Ann", "Bob"}
    assert any("beyond the end" in w for w in a.warnings)
    assert set(a.segments[1].cues) == {"words", "voice"}


def test_a_cut_counts_from_its_start() -> None:
    a = fake_reader().analyze(audio=TALK, start=3.0, end=6.5)
    assert a.duration == pytest.approx(3.5)
    assert [s.text for s in a.segments] == ["I hate it."]
    assert a.segments[0].start == pytest.approx(1.0, abs=0.3)


def test_a_start_beyond_the_end_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected a start before the end at \d.*, got 100\.00"):
        fake_reader().analyze(audio=TALK, start=100.0, end=110.0)


def test_a_guessed_end_refuses_no_start(tmp_path: Path) -> None:
    path = tmp_path / "a.aac"  # loud at first: by the size of its first frames it ends after some 4 s
    loud = np.random.default_rng(0).standard_normal(4 * RATE, np.float32).clip(-1, 1)
    samples = np.concatenate([loud, np.zeros(12 * RATE, np.float32)])
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        out.mux(stream.encode(frame_of(samples[None], RATE)))
        out.mux(stream.encode(None))
    assert fake_reader().analyze(audio=path, start=10.0).duration == pytest.approx(6.0, abs=0.2)
    with pytest.raises(InputError, match=r"a\.aac: expected a start before the end, got 50\.00"):
        fake_reader().analyze(audio=path, start=50.0)


@pytest.mark.parametrize(
    ("cues", "present"),
    [("words", {"words"}), ("voice", {"voice"}), ("words,voice", {"words", "voice"}), ("face", set())],
)
def test_only_the_cues_wanted(cues: str, present: set[str]) -> None:
    a = fake_reader().analyze(audio=TALK, cues=cues)
    assert set(a.cues) == present
    assert a.duration == pytest.approx(6.5)


def test_utterances_are_read_a_few_at_a_time() -> None:
    experts = FakeExperts()
    a = Reader(experts).analyze(audio=np.tile(TALK, 12))
    assert len(a.segments) == 24
    assert experts._loaded["voice"].largest <= 16  # type: ignore[attr-defined]


def test_sound_and_picture_are_one_sample() -> None:
    a = fake_reader().analyze(audio=TALK, image=picture([(20, 20, 80, "bright")]))
    assert a.kind == "mixed"
    assert set(a.cues) == {"words", "voice", "face", "scene"}
    assert [s.start is None for s in a.segments] == [False, False, True]


def test_damaged_sound_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "ton.mp3"
    path.write_bytes(random.Random(1).randbytes(4000))
    with pytest.raises(DecodeError, match=r"ton\.mp3"):
        fake_reader().analyze(audio=path)
    with pytest.raises(InputError, match="no such file"):
        fake_reader().analyze(audio=tmp_path / "none.wav")
    a = fake_reader().analyze(text="I love it", audio=path)
    assert set(a.cues) == {"words"}
    assert a.segments[0].chars == (0, 9)
    assert any("ton.mp3" in w for w in a.warnings)


def call() -> np.ndarray:
    left = np.concatenate([speech(2, 220), silence(2.5), speech(2, 220), silence(2)])
    right = np.concatenate([silence(2.3), speech(1.9, 120, 0.3), silence(2.3), speech(2, 120, 0.3)])
    return np.stack([left, right], axis=1)


def test_channels_of_a_call_are_two_speakers(tmp_path: Path) -> None:
    a = fake_reader().analyze(write_wav(tmp_path / "call.wav", call()))
    assert [(s.speaker, s.text) for s in a.segments] == [("S1", "I love it."), ("S2", "I hate it.")] * 2
    assert [(p.id, p.faces, p.speaker) for p in a.people] == [("P1", (), "S1"), ("P2", (), "S2")]
    assert a.duration == pytest.approx(8.5)


def test_stereo_that_is_no_call(tmp_path: Path) -> None:
    both = np.stack([TALK, TALK * 0.8], axis=1)
    panned = both + np.random.default_rng(0).normal(0, 1e-3, both.shape).astype(np.float32)
    music = np.stack([noise(6), np.random.default_rng(9).normal(0, 0.1, 6 * RATE).astype(np.float32)], axis=1)
    one_sided = np.stack([TALK, silence(6.5)], axis=1)
    assert carry_two_people([call().T])
    for stereo in (both, panned, music, one_sided, np.zeros((RATE, 2), np.float32), np.zeros((0, 2), np.float32)):
        assert not carry_two_people([stereo.T])
    a = fake_reader().analyze(write_wav(tmp_path / "talk.wav", panned))
    assert [s.speaker for s in a.segments] == [None, None]
    assert a.people == ()


def test_over_leaves_pauses_aside() -> None:
    laid = over(["abcd", "efgh"], [(1.0, 2.0), (5.0, 6.0)])
    assert [(u.start, u.end) for u in laid] == [(1.0, 2.0), (5.0, 6.0)]
    laid = over(["abcdefgh"], [(1.0, 2.0), (5.0, 6.0)])
    assert [(u.start, u.end) for u in laid] == [(1.0, 6.0)]


def test_cut_takes_exactly_the_stretch() -> None:
    whole = np.arange(5 * RATE, dtype=np.float32)
    blocks = [whole[at : at + 7000] for at in range(0, len(whole), 7000)]
    assert np.array_equal(np.concatenate(list(cut(blocks, 1.5, 3.25))), whole[24_000:52_000])
    assert np.array_equal(np.concatenate(list(cut(blocks, 0.0, None))), whole)
    assert list(cut(blocks, 9.0, None)) == []


def test_follow_gives_each_utterance_its_own_sound() -> None:
    whole = np.concatenate([np.full(RATE, value, np.float32) for value in range(1, 200)])
    blocks = [whole[at : at + 30 * RATE] for at in range(0, len(whole), 30 * RATE)]
    wanted = [(0.0, 1.0), (0.5, 2.5), (60.0, 61.0), (190.0, 191.0), (198.5, 250.0), (300.0, 301.0)]
    found = {h.utterance.start: h for h in follow(blocks, [Utterance(a, b, "x") for a, b in wanted])}
    for start, end in wanted:
        expected = whole[round(start * RATE) : round(end * RATE)]
        assert np.array_equal(found[start].samples, expected)
        assert found[start].states is None


def test_what_the_recogniser_doubts_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    experts = FakeExperts()
    hear = experts.recogniser.hear  # type: ignore[union-attr]

    def doubting(blocks: Any, *, language: str | None, notes: list[str], early: bool) -> Iterator[Heard]:
        yield from hear(blocks, language=language, early=early)
        notes.append("the recogniser is not sure of the words")

    monkeypatch.setattr(experts.recogniser, "hear", doubting)
    a = Reader(experts).analyze(audio=TALK)
    assert "the recogniser is not sure of the words" in a.warnings


def test_a_language_that_the_recogniser_does_not_know_is_found_out() -> None:
    a = fake_reader().analyze(audio=TALK, language="eo")
    assert [s.text for s in a.segments] == ["I love it.", "I hate it."]
    assert any("does not know Esperanto" in w for w in a.warnings)
