"""Hearing real and synthesised speech; nothing where nobody speaks; states are those of the window."""

import importlib.util
import itertools
import shutil
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from demeanor.errors import InputError, MissingExtraError, WeightsError
from demeanor.media import speech, utterances
from demeanor.media.speech import Heard, Recogniser, detect_speech, has_speech_extra, load_recogniser
from demeanor.media.vad import RATE, Samples
from demeanor.media.whisper import Whisper, silero
from demeanor.media.windows import speech_windows
from demeanor.types import Utterance, Word

ENGLISH = (
    "I love this place. The weather is wonderful today, and everybody is very kind to me. "
    "But yesterday was terrible. I lost my keys, and nobody wanted to help."
)
CHINESE = "今天天气很好，我们一起去公园散步。我非常开心。"


def read(path: Path) -> Samples:
    """Any sound file as 16 kHz mono."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.float32)


def say(folder: Path, text: str, voice: str, speed: int) -> Samples:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not on PATH: no speech can be synthesised")
    path = folder / "said.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), text], check=True)
    return np.pad(read(path), (RATE // 2, RATE))


def blocks(audio: Samples, size: int = 16_000) -> Iterator[Samples]:
    return (audio[at : at + size] for at in range(0, len(audio), size))


def spelled(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def recall(expected: str, heard: str) -> float:
    """Share of the expected words (of the characters, in Chinese) that were heard, in any order."""
    got, want = (list("".join(spelled(t))) if "天" in expected else spelled(t) for t in (heard, expected))
    return sum(min(got.count(w), want.count(w)) for w in set(want)) / len(want)


def check(heard: list[Heard], audio: Samples) -> None:
    """What holds for whatever was heard."""
    for h in heard:
        u = h.utterance
        assert 0 <= u.start < u.end <= len(audio) / RATE + 1e-6
        assert u.end - u.start <= utterances.LONGEST + 1e-6
        np.testing.assert_array_equal(h.samples, audio[round(u.start * RATE) : round(u.end * RATE)])
        assert h.states is not None
        assert h.states.dtype == np.float32
        assert h.states.shape[1] == 512
        assert abs(len(h.states) - (u.end - u.start) * 50) <= 2
        assert -20 <= h.snr <= 60
        times = [t for w in u.words for t in (w.start, w.end)]
        assert times == sorted(times)
        assert all(u.start <= t <= u.end for t in times)
        assert 0 <= (u.probability or 0.0) <= (np.mean([w.probability for w in u.words]) if u.words else 0.0) + 1e-6
        assert "".join(u.text.split()) == "".join("".join(w.text.split()) for w in u.words)
    for a, b in itertools.pairwise(heard):
        assert a.utterance.end <= b.utterance.start + 1e-6


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    try:
        return load_recogniser(threads=1)
    except (MissingExtraError, WeightsError) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return say(tmp_path_factory.mktemp("english"), ENGLISH, "en-us", 160)


@pytest.fixture(scope="module")
def english_heard(recogniser: Recogniser, english: Samples) -> list[Heard]:
    return list(recogniser.hear(blocks(english)))


def test_english(english: Samples, english_heard: list[Heard]) -> None:
    check(english_heard, english)
    texts = [h.utterance.text for h in english_heard]
    assert recall(ENGLISH, " ".join(texts)) >= 0.9
    assert len(texts) == 4  # one utterance per sentence
    assert {h.utterance.language for h in english_heard} == {"en"}
    assert min(h.utterance.probability or 0 for h in english_heard) > 0.6
    assert min(h.snr for h in english_heard) > 30


def test_blocks_change_nothing_and_straddling_speech_is_heard_once(
    recogniser: Recogniser, english: Samples, english_heard: list[Heard]
) -> None:
    again = list(recogniser.hear(blocks(english, 1234), language="en"))
    assert [h.utterance for h in again] == [h.utterance for h in english_heard]
    for a, b in zip(again, english_heard, strict=True):
        assert a.states is not None
        assert b.states is not None
        np.testing.assert_allclose(a.states, b.states, atol=1e-3)


def test_states_are_those_of_the_window_alone(
    recogniser: Recogniser, english: Samples, english_heard: list[Heard]
) -> None:
    (window,) = speech_windows([english], silero)
    alone = recogniser.states(window.samples)
    assert alone.shape == (-(-len(window.samples) // 320), 512)
    for h in english_heard:
        start = window.position(round(h.utterance.start * RATE)) // 320
        assert h.states is not None
        np.testing.assert_allclose(h.states, alone[start : start + len(h.states)], atol=1e-3)


def test_listen_encodes_but_does_not_decode(
    recogniser: Recogniser, english: Samples, english_heard: list[Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Whisper, "decode", None)
    monkeypatch.setattr(Whisper, "spoken", None)
    given = [h.utterance for h in english_heard]
    beyond = Utterance(99.0, 101.0, "after the end")
    partly = Utterance(len(english) / RATE - 0.5, len(english) / RATE + 5, "to the end")
    both = Utterance(given[0].start + 0.1, given[1].end, "over two", speaker="S2")
    got = {h.utterance.text: h for h in recogniser.listen(blocks(english, 999), [beyond, *given, partly, both])}
    assert len(got) == len(given) + 3
    for h in english_heard:
        mine = got[h.utterance.text]
        assert mine.utterance == h.utterance
        np.testing.assert_array_equal(mine.samples, h.samples)
        assert mine.states is not None
        assert h.states is not None
        assert abs(len(mine.states) - len(h.states)) <= 1
        assert mine.snr == pytest.approx(h.snr, abs=12)
        a, b = (np.mean(x, axis=0) for x in (mine.states, h.states))
        assert np.corrcoef(a, b)[0, 1] > 0.95  # another window, other neighbours, almost the same states
    assert got["after the end"].states is None
    assert len(got["after the end"].samples) == 0
    assert len(got["to the end"].samples) == RATE // 2
    assert len(got["over two"].samples) == round((both.end - both.start) * RATE)


def test_listen_to_an_utterance_longer_than_a_window(recogniser: Recogniser) -> None:
    audio = (0.01 * np.random.default_rng(0).standard_normal(40 * RATE)).astype(np.float32)
    (heard,) = recogniser.listen(blocks(audio), [Utterance(1.0, 38.0, "a long line")])
    np.testing.assert_array_equal(heard.samples, audio[RATE : 38 * RATE])
    assert heard.states is not None
    assert abs(len(heard.states) - 37 * 50) <= 2
    assert list(recogniser.listen(blocks(audio), [])) == []


def test_chinese(recogniser: Recogniser, tmp_path: Path) -> None:
    audio = say(tmp_path, CHINESE, "cmn-latn-pinyin+f2", 130)
    heard = list(recogniser.hear(blocks(audio), language="zh"))
    check(heard, audio)
    assert recall(CHINESE, "".join(h.utterance.text for h in heard)) >= 0.6
    assert {h.utterance.language for h in heard} == {"zh"}


def test_nobody_speaks(recogniser: Recogniser) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(12 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6)) * (1.2 + np.sin(2 * np.pi * 2 * t))
    for audio in (
        np.zeros(len(t)),
        0.05 * rng.standard_normal(len(t)),
        0.05 * np.asarray(chord),
        np.zeros(0),
    ):
        heard = list(recogniser.hear(blocks(audio.astype(np.float32))))
        assert [h.utterance.text for h in heard if h.utterance.text] == []


def test_words_from_noise_given_as_speech_are_refused(recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the detector errs, the decoder's own doubts hold back invented words."""
    monkeypatch.setattr(speech, "silero", lambda audio: [(0, len(audio))])
    audio = (0.05 * np.random.default_rng(1).standard_normal(8 * RATE)).astype(np.float32)
    heard = list(recogniser.hear(blocks(audio), language="en"))
    assert [h.utterance.text for h in heard] == [""]
    check(heard, audio)


def test_a_language_given_wrongly_is_told(recogniser: Recogniser, english: Samples) -> None:
    notes: list[str] = []
    heard = list(recogniser.hear(blocks(english), language="de", notes=notes))
    assert any("sounds like English, not like German" in n and "--language en" in n for n in notes)
    assert max(h.utterance.probability or 0.0 for h in heard) <= 0.5
    notes.clear()
    list(recogniser.hear(blocks(english[: 4 * RATE]), notes=notes))
    assert notes == []


def test_unknown_language(recogniser: Recogniser, english: Samples) -> None:
    with pytest.raises(InputError, match="expected a language that the recogniser knows"):
        list(recogniser.hear(blocks(english), language="xx"))
    with pytest.raises(InputError, match="at most 30 s"):
        recogniser.states(np.zeros(31 * RATE, np.float32))


@pytest.mark.shared
def test_real_actors_and_talkers(recogniser: Recogniser, shared: Path) -> None:
    actors = sorted((shared / "data" / "ravdess" / "audio").glob("Actor_*/03-01-05-02-01-01-*.flac"))[:3]
    talkers = {"lbbc2a.mpg": "lay blue by c two again", "lrwp9a.mpg": "lay red with p nine again"}
    parts = [read(path) for path in actors] + [read(shared / "data" / "talking_heads" / name) for name in talkers]
    audio = np.concatenate(parts)
    heard = list(recogniser.hear(blocks(audio)))
    check(heard, audio)
    text = " ".join(h.utterance.text for h in heard)
    expected = "kids are talking by the door " * len(actors) + " ".join(talkers.values())
    assert recall(expected, text.replace("2", " two ").replace("9", " nine ")) >= 0.85
    edges = np.cumsum([0, *map(len, parts)]) / RATE
    for h in heard:  # no utterance reaches over two clips
        middle = (h.utterance.start + h.utterance.end) / 2
        clip = int(np.searchsorted(edges, middle))
        assert edges[clip - 1] - 0.3 <= h.utterance.start
        assert h.utterance.end <= edges[clip] + 0.3


def test_two_recognisers_at_once(recogniser: Recogniser, english: Samples, english_heard: list[Heard]) -> None:
    results: dict[int, list[Heard]] = {}
    both = (recogniser, load_recogniser(threads=1))

    def run(at: int) -> None:
        results[at] = list(both[at].hear(blocks(english), language="en"))

    threads = [threading.Thread(target=run, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for at in range(2):
        assert [h.utterance for h in results[at]] == [h.utterance for h in english_heard]


def test_loading_needs_no_network(recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a network call")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    again = load_recogniser(threads=1)
    assert again.states(np.zeros(RATE, np.float32)).shape == (50, 512)
    assert (again.weights, again.sha256) == ("whisper-base", recogniser.sha256)
    with pytest.raises(WeightsError):
        load_recogniser(path="/nowhere/at/all")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'demeanor\[speech\]'"):
        load_recogniser()
    monkeypatch.delitem(sys.modules, "faster_whisper")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not has_speech_extra()


def test_detected_speech_has_times_but_no_words(english: Samples) -> None:
    padded = np.pad(english, (3 * RATE, 2 * RATE))
    heard = list(detect_speech(blocks(padded, 5000)))
    assert 3.2 < heard[0].utterance.start < 3.7
    assert heard[-1].utterance.end < len(padded) / RATE - 2.5
    for h in heard:
        u = h.utterance
        assert (u.text, u.words, u.probability, h.states) == ("", (), None, None)
        assert u.end - u.start <= utterances.LONGEST
        np.testing.assert_array_equal(h.samples, padded[round(u.start * RATE) : round(u.end * RATE)])


def test_detection_in_bounded_memory() -> None:
    second = (0.001 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    tracemalloc.start()
    assert list(detect_speech(itertools.repeat(second, 1200))) == []
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 150e6


def words(*rows: tuple[str, float, float]) -> list[Word]:
    return [Word(text, start, end, 0.9) for text, start, end in rows]


def test_utterances_end_at_sentences_and_pauses() -> None:
    said = words(
        (" Dr.", 0, 0.4), (" Lee", 0.4, 0.9), (" left.", 0.9, 1.4), (" No!", 1.5, 1.8), (" He", 2.9, 3.2),
        (" did", 3.2, 3.5), (" not", 4.4, 4.8), (" at", 4.8, 5.2), (" 3.5", 5.2, 5.6), (" or", 5.6, 6.0),
    )  # fmt: skip
    groups = ["".join(w.text for w in group).strip() for group in utterances._groups(said, utterances.PAUSE)]
    assert groups == ["Dr. Lee left. No!", "He did", "not at 3.5 or"]


def test_long_utterances_are_divided_at_pauses_and_commas() -> None:
    said = [Word(f" w{i}{',' if i == 14 else ''}", i * 0.6, i * 0.6 + 0.5, 0.9) for i in range(30)]
    groups = utterances._groups(said, utterances.PAUSE)
    assert [w for group in groups for w in group] == said
    assert len(groups) == 2
    assert groups[0][-1].text == " w14,"
    assert utterances._groups([], 1.0) == []
