"""The feature store: texts and clips a second where nothing is stored yet, where all is, and in the library's own loop.

    python benchmarks/features.py [--texts 1000] [--clips 200] [--rounds 3]

Made-up sentences of some 20 words through `text_tfidf`, beside scikit-learn's `TfidfVectorizer`; two-second clips
of noise and tones on disk through `audio_mfcc`, beside a loop of soundfile and librosa (the test tools have both
libraries). Same settings, and the numbers are compared before they are timed. Processes as `demeanor encode` starts
them. Prints medians over the rounds, each with a new store, by the clock and by processor time; fitting is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.encoders import audio_mfcc, text_tfidf
from demeanor.encoders._encoder import Encoder
from demeanor.encoders._words import words
from demeanor.features.store import Store, encode_all
from demeanor.types import Sample

RATE, SECONDS = 16_000, 2


def texts_of(count: int, rng: np.random.Generator) -> list[Sample]:
    """Sentences of 20 words from a vocabulary of 5 000, frequent and rare ones as in a language (Zipf)."""
    share = 1 / np.arange(1, 5001)
    drawn = rng.choice(5000, (count, 20), p=share / share.sum())
    return [Sample(f"t{i}", text=" ".join(f"w{n}" for n in row)) for i, row in enumerate(drawn)]


def clips_of(count: int, folder: Path, rng: np.random.Generator) -> list[Sample]:
    """WAV files of a tone in noise."""
    ticks = np.arange(RATE * SECONDS) / RATE
    samples = []
    for i in range(count):
        sound = 0.3 * np.sin(2 * np.pi * rng.uniform(80, 800) * ticks) + 0.05 * rng.standard_normal(len(ticks))
        path = folder / f"{i}.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            out.writeframes((sound * 20_000).astype("<i2").tobytes())
        samples.append(Sample(f"c{i}", audio=path))
    return samples


def by_scikit(samples: Sequence[Sample], encoder: Encoder) -> Callable[[], list[Any]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [s.text for s in samples]
    learned = encoder.state()["words_terms"]
    terms = TfidfVectorizer(
        tokenizer=lambda text: words(text, encoder.config), token_pattern=None, ngram_range=(1, 2), sublinear_tf=True,
        vocabulary={str(term): i for i, term in enumerate(learned)},
    ).fit(texts)  # fmt: skip
    return lambda: [row[None] for row in terms.transform(texts).astype(np.float32).toarray()]


def by_librosa(samples: Sequence[Sample], encoder: Encoder) -> Callable[[], list[Any]]:
    import librosa
    import soundfile

    c = encoder.config

    def one(sample: Sample) -> Any:
        sound, rate = soundfile.read(sample.audio, dtype="float32")
        base = librosa.feature.mfcc(
            y=sound, sr=rate, n_mfcc=c.n_mfcc, n_fft=c.size, hop_length=c.hop, n_mels=c.mels, fmin=c.lowest, fmax=c.top
        )
        return np.concatenate([base, *(librosa.feature.delta(base, order=n) for n in (1, 2))]).T

    one(samples[0])  # what it compiles at first use
    return lambda: [one(sample) for sample in samples]


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor seconds, those of the processes it starts included."""
    started, before = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - started, sum(os.times()[:4]) - before


def compared(name: str, samples: list[Sample], encoder: Encoder, theirs: Callable[[], list[Any]], rounds: int) -> None:
    cold, warm, plain = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(seconds(lambda: encode_all(samples, encoder, Store(folder))))
            warm.append(seconds(lambda: encode_all(samples, encoder, Store(folder))))
            ours = encode_all(samples, encoder, Store(folder))
        plain.append(seconds(theirs))
    apart = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs(), strict=True))
    if apart > 5e-3:
        raise SystemExit(f"{name}: expected the peer's numbers, got some that are {apart:g} off; compare the settings")
    print(f"{name}, {len(samples)} items; numbers within {apart:.0e} of the library's", flush=True)
    for i, clock in enumerate(("second", "processor second")):
        a, b, c = (len(samples) / statistics.median(took[i] for took in x) for x in (cold, warm, plain))
        print(
            f"  a {clock:18s}cold {a:6.0f}, warm {b:6.0f} ({b / a:.1f} times), the library's loop {c:6.0f}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}")
    texts = texts_of(args.texts, rng)
    tfidf = text_tfidf.TfIdf().fit(texts)
    compared("text_tfidf", texts, tfidf, by_scikit(texts, tfidf), args.rounds)
    with tempfile.TemporaryDirectory() as folder:
        clips = clips_of(args.clips, Path(folder), rng)
        mfcc = audio_mfcc.Mfcc()
        compared("audio_mfcc", clips, mfcc, by_librosa(clips, mfcc), args.rounds)


if __name__ == "__main__":
    main()
