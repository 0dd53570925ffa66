"""What the voice expert learns from: the `voice` part of a run file.

Each clip is heard as the reader will hear it: alone in its 30-s window, and in longer windows at random places beside
other clips of the same actor, at random level and with noise; the encoder's states are then cut to the clip's speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from demeanor.calibration.domain import distance
from demeanor.datasets import table
from demeanor.encoders.audio_logmel import log_mel
from demeanor.encoders.audio_states import pooled_states
from demeanor.fusion._model import Model
from demeanor.fusion.audio_cnn import AudioCnn, Config
from demeanor.media.audio import decode_audio
from demeanor.media.speech import load_recogniser
from demeanor.media.vad import speech_intervals as numpy_vad
from demeanor.media.whisper import silero
from demeanor.training.data import Rows, targets
from demeanor.training.folds import actor_folds
from demeanor.training.loop import Progress, Settings, fit, predict
from demeanor.training.run import save_arrays, write_json
from demeanor.types import Sample

RATE, WINDOW = 16_000, 30 * 16_000
MARGIN = RATE // 10
"""Samples kept on both sides of the speech that was found."""

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One clip and where somebody speaks in it, as a slice of samples."""

    sample: Sample
    sound: Sound
    speech: slice


def read_clips(spec: Mapping[str, Any], tables: Path, root: Path) -> list[Clip]:
    """All clips, decoded, with the stretch from first to last speech, found as the reader would with that encoder."""
    clips = []
    speech_intervals = numpy_vad if spec["run"]["encoder"] == "logmel" else silero
    for sample in table.read_manifest(tables / spec["data"][0]["table"], root):
        assert sample.audio is not None
        sound = decode_audio(sample.audio)
        found = speech_intervals(sound)
        start = max(0, found[0][0] - MARGIN) if found else 0
        end = min(len(sound), found[-1][1] + MARGIN) if found else len(sound)
        clips.append(Clip(sample, sound, slice(start, end)))
    return clips


def windows(
    clips: Sequence[Clip], rng: np.random.Generator | None, noisy: bool = True
) -> Iterator[tuple[Sound, list[tuple[int, int]]]]:
    """30-s windows and the clips in them as (clip, first sample).

    Without `rng` each clip alone; with it, clips of one actor in random order with gaps of up to 0.5 s, at a level
    between −12 and +6 dB. Where it is to be `noisy`, half of the windows have noise 5 to 35 dB under the speech: white,
    low-passed or babble, that is other actors at once, backwards, so that nobody can be understood.
    """
    if rng is None:
        yield from ((clip.sound[:WINDOW], [(i, 0)]) for i, clip in enumerate(clips))
        return
    for actor in sorted({c.sample.speaker or "" for c in clips}):
        own = [i for i, c in enumerate(clips) if c.sample.speaker == actor]
        others = [c.sound[c.speech][::-1] for c in clips if c.sample.speaker != actor]
        inside: list[tuple[int, int]] = []
        sound, at, inside = np.zeros(WINDOW, np.float32), int(rng.uniform(0, RATE)), []
        for i in rng.permutation(own):
            clip = clips[i].sound[: WINDOW // 2]
            if at + len(clip) > WINDOW:
                yield _disturbed(sound, others if noisy else None, rng), inside
                sound, at, inside = np.zeros(WINDOW, np.float32), int(rng.uniform(0, RATE)), []
            sound[at : at + len(clip)] = clip
            inside.append((int(i), at))
            at += len(clip) + int(rng.uniform(0, RATE / 2))
        if inside:
            yield _disturbed(sound, others if noisy else None, rng), inside


def _disturbed(sound: Sound, others: Sequence[Sound] | None, rng: np.random.Generator) -> Sound:
    loud = sound * np.float32(10 ** (rng.uniform(-12, 6) / 20))
    if others is None or rng.random() < 0.5:
        return loud
    noise = _babble(others, len(loud), rng) if rng.random() < 0.5 and others else _hiss(len(loud), rng)
    power = float(np.mean(loud[loud != 0] ** 2)) + 1e-12
    gain = np.sqrt(power / float(np.mean(noise**2))) * 10 ** (-rng.uniform(5, 35) / 20)
    return np.asarray(loud + noise * np.float32(gain), np.float32)


def _hiss(length: int, rng: np.random.Generator) -> Sound:
    noise = rng.standard_normal(length).astype(np.float32)
    if rng.random() < 0.5:
        noise = np.convolve(noise, np.ones(8, np.float32) / 8, "same").astype(np.float32)
    return noise


def _babble(voices: Sequence[Sound], length: int, rng: np.random.Generator, many: int = 6) -> Sound:
    mix = np.zeros(length, np.float32)
    for chosen in rng.integers(len(voices), size=many):
        mix += np.resize(np.roll(voices[chosen], int(rng.integers(length))), length)
    return mix


def frames(clips: Sequence[Clip], encoder: str, views: int, seed: int) -> list[list[NDArray[np.float16]]]:
    """Frames of every clip in every view: [view][clip] (time, dim).

    View 0 is each clip alone. One view more than asked for, the last, is windows without noise: to be scored on.
    """
    recogniser = load_recogniser(encoder) if encoder != "logmel" else None
    out = []
    for view in range(views + 1):
        rng = np.random.default_rng([seed, view]) if view else None
        found: dict[int, NDArray[np.float16]] = {}
        for sound, inside in windows(clips, rng, noisy=view < views):
            states = None if recogniser is None else recogniser.states(sound)
            for i, at in inside:
                start, end = at + clips[i].speech.start, at + clips[i].speech.stop
                cut = (
                    log_mel(sound[start:end])
                    if states is None
                    else pooled_states(states[start // 320 : -(-end // 320)])
                )
                found[i] = cut.astype(np.float16)
        out.append([found[i] for i in range(len(clips))])
    return out


def cached_frames(
    clips: Sequence[Clip], encoder: str, views: int, seed: int, folder: Path
) -> list[list[NDArray[np.float16]]]:
    """`frames`, computed once per run folder."""
    path = folder / f"frames-{encoder}-{views}-{seed}.npz"
    if not path.exists():
        made = frames(clips, encoder, views, seed)
        arrays = {f"{v}/{i}": x for v, row in enumerate(made) for i, x in enumerate(row)}
        save_arrays(path, arrays)
    stored = np.load(path)
    return [[stored[f"{v}/{i}"] for i in range(len(clips))] for v in range(views + 1)]


def rows_of(
    views: Sequence[Sequence[NDArray[np.float16]]], samples: Sequence[Sample], chosen: NDArray[np.intp]
) -> Rows:
    """The chosen clips in all views, one after the other; neutral, twice as frequent as in the design, weighs less."""
    labels = targets([samples[i] for i in chosen])
    weight = np.where(labels["emotions"].argmax(1) == 6, 0.6, 1.0).astype(np.float32)
    return Rows(
        {"audio": [view[i] for view in views for i in chosen]},
        {task: np.concatenate([y] * len(views)) for task, y in labels.items()},
        np.concatenate([weight] * len(views)),
        [samples[i].speaker or "" for _ in views for i in chosen],
        ["voice"] * (len(views) * len(chosen)),
    )


def learn(spec: Mapping[str, Any], rows: Rows, folder: Path, seed: int) -> tuple[AudioCnn, Progress]:
    """One network (of `model.members`) on these rows; the schedule decides, nothing is selected."""
    settings = Settings(**{**spec["training"], "seed": seed})
    torch.manual_seed(seed)
    model = AudioCnn(Config(**spec["model"]))
    progress = fit(model, lambda epoch: rows, lambda model: {"score": 0.0}, settings, folder, say=lambda line: None)
    return model, progress


def cross_validate(
    spec: Mapping[str, Any],
    views: Sequence[Sequence[NDArray[np.float16]]],
    samples: Sequence[Sample],
    folder: Path,
    seed: int,
) -> dict[str, NDArray[np.float32]]:
    """Out-of-fold logits over five folds of actors: `emotions` (view, clip, 7) and `polarity` (view, clip, 3).

    With a linear member also `away` (view, clip): how far a clip is from those of the actors learned from, as the
    features that this member standardises tell. The last view is read and not learned from.
    """
    actors = np.array([int(s.speaker or 0) for s in samples])
    out = {task: np.zeros((len(views), len(samples), k), np.float32) for task, k in (("emotions", 7), ("polarity", 3))}
    if spec["model"].get("linear"):
        out["away"] = np.zeros((len(views), len(samples)), np.float32)
    for number, fold in enumerate(actor_folds(list(actors), 5, seed)):
        held = np.isin(actors, fold)
        taught, test = rows_of(views[:-1], samples, np.flatnonzero(~held)), np.flatnonzero(held)
        model, _ = learn(spec, taught, folder / f"fold-{seed}-{number}", seed)
        for view in range(len(views)):
            found = predict(model, rows_of([views[view]], samples, test))
            if spec["model"].get("linear"):
                found["away"] = distance(found["hidden"][:, -2 * spec["model"]["dim"] :])
            for name in out:
                out[name][view, test] = found[name]
    return out


def train(spec: Mapping[str, Any], tables: Path, root: Path, folder: Path) -> Progress:
    """Cross-validate over actors (out-of-fold logits into oof.npz), then learn from all of them."""
    clips = read_clips(spec, tables, root)
    samples = [c.sample for c in clips]
    run = spec["run"]
    views = cached_frames(clips, run["encoder"], run["views"], 0, folder)
    truth = targets(samples)["emotions"].argmax(1)
    scores = []
    for seed in run["seeds"]:
        logits = cross_validate(spec, views, samples, folder, seed)
        actors = np.array([s.speaker or "" for s in samples])
        save_arrays(folder / f"oof-{seed}.npz", {**logits, "truth": truth, "actors": actors})
        guess = logits["emotions"].argmax(2)
        scores.append({f"view{v}": _uar(truth, guess[v]) for v in range(len(views))})
        print(f"seed {seed}  " + "  ".join(f"{k} {v:.4f}" for k, v in scores[-1].items()))
    write_json(folder / "valid.json", scores)
    return learn(spec, rows_of(views[:-1], samples, np.arange(len(samples))), folder, 0)[1]


def _uar(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float:
    return float(np.mean([(guess[truth == k] == k).mean() for k in np.unique(truth)]))


def load(spec: Mapping[str, Any], folder: Path) -> Model:
    """The trained network of a run folder."""
    model = AudioCnn(Config(**spec["model"]))
    model.load_state_dict(torch.load(folder / "best.pt", map_location="cpu", weights_only=True))
    model.eval()
    return model
