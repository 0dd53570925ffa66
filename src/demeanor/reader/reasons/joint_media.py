"""Which seconds, frames and regions a model that fuses features goes by: each modality alone, read anew without some.

Sound and film are left out by stretches of their encoder's steps; where it gives one step for all of a sound, such as
the functionals of eGeMAPS, by stretches of the sound itself. Regions are blurred before the picture is encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._faces import faces_of
from demeanor.encoders._media import PictureConfig, sound_of, timed_pictures_of
from demeanor.errors import DataError, InputError
from demeanor.explain.explanation import FrameShare, Heat, Parts, StretchShare
from demeanor.explain.game import Game, Masks, Said, without_each
from demeanor.explain.occlusion import Picture, covered, grid, remaining, stretches
from demeanor.explain.shapley import shares
from demeanor.media.image import decode_image
from demeanor.media.video import open_video
from demeanor.media.waveform import Waveform
from demeanor.reader.hold import JointHold
from demeanor.reader.reasons.joint import said_alone
from demeanor.reader.reasons.words import outcomes
from demeanor.reader.said import sentiment_of
from demeanor.types import KeyFrame, Sample

_RATE = 16_000  # of sound that is cut before it is encoded
_SOUNDS, _STEPS = 64, 256  # readings of one utterance, where each encodes its sound anew, and where none does
_REGIONS = 64  # readings of one picture
_SIDE = 640  # pixels of the longer side that regions are covered at

Spans = Sequence[tuple[int, int]]
Look = Callable[[Masks], list[Said]]


def limit(hold: JointHold) -> str | None:
    """Why no seconds, frames and regions can be told; None where they can, or there are none."""
    if all(hold.model.encoders[m].modality == "text" for m in hold.features):
        return None
    if hold.model.spec.context:
        return "of a model that reads utterances among those around them, seconds, frames and regions are not explained"
    if hold.said and sentiment_of(hold.model.spec, hold.said[max(hold.said, key=len)]) is None:
        return "this bundle predicts no sentiment, of which seconds, frames and regions could have a share"
    return None


def voices(hold: JointHold, chosen: Sequence[int], seed: int) -> Iterator[tuple[int, Parts, int]]:
    """Per segment the shares of the stretches of its sound in its voice's score, and the readings taken."""
    modality = next(m for m, cue in hold.cues.items() if cue == "voice")
    for at in chosen:
        piece = hold.pieces[at]
        if piece.start is None or piece.end is None:
            continue
        begin = hold.sample.start or 0.0
        sample = replace(hold.sample, text=None, start=begin + piece.start, end=begin + piece.end)
        values = encoded(hold, modality, sample)
        if values is None:
            continue
        length = piece.end - piece.start
        if values.ndim == 2 and len(values) > 1:
            whole, budget = len(values), _STEPS
            spans, game = steps_game(hold, modality, values, length)
        else:
            sound = sound_of(sample, _RATE)
            if sound is None:
                continue
            whole, budget = len(sound), _SOUNDS
            spans, game = _sound_game(hold, modality, sound, length)
        found = shares(game, budget, seed)
        alone = outcomes(game.play(without_each(game.size)))
        parts = tuple(
            StretchShare(piece.start + length * a / whole, piece.start + length * b / whole, float(share), after)
            for (a, b), share, after in zip(spans, found.values, alone, strict=True)
        )
        yield at, Parts(found.score, found.base, found.exact, parts), game.readings


def steps_game(
    hold: JointHold, modality: str, values: NDArray[Any], seconds: float, each: int = 1
) -> tuple[Spans, Game]:
    """Stretches of a modality's steps, and what the model says of it with some of them; of none of them the score is 0.

    Args:
        hold: of the analysis.
        modality: which.
        values: of its encoder: (time, dim).
        seconds: that they last.
        each: steps that stay together, as the regions of a picture.
    """
    spans = [(a * each, b * each) for a, b in stretches(seconds, len(values) // each)]

    def look(masks: Masks) -> list[Said]:
        return [said_alone(hold, modality, remaining(values, spans, row)) for row in masks]

    return spans, Game(len(spans), look)


def _sound_game(hold: JointHold, modality: str, sound: NDArray[np.float32], seconds: float) -> tuple[Spans, Game]:
    spans = stretches(seconds, len(sound))

    def look(masks: Masks) -> list[Said]:
        left: list[Any] = [Waveform(remaining(sound, spans, row), _RATE) for row in masks]
        return [_read_again(hold, modality, Sample("stretches", audio=x)) for x in left]

    return spans, Game(len(spans), look)


def frame_shares(hold: JointHold, seed: int, limits: list[str]) -> list[FrameShare]:
    """What the stretches of a film's pictures add to the score of their cue, each told by its middle.

    Args:
        hold: of the analysis.
        seed: of sampled shares.
        limits: what cannot be told is added to them.

    Raises:
        DemeanorError: the film cannot be read any more.
    """
    out: list[FrameShare] = []
    if hold.sample.video is None or not _pictures(hold):
        return out
    if hold.model.too_long(hold.features, max((p.end or 0.0 for p in hold.pieces), default=None)):
        limits.append("frames: not explained, for the whole is the mean of its segments")
        return out
    for modality in _pictures(hold):
        cue = hold.cues[modality]
        values = encoded(hold, modality, hold.sample)
        times = [] if values is None else _times(hold, modality, values)
        if values is None or len(times) < 2:
            limits.append(f"frames of the {cue}: not explained, for the film is read as one picture, or without times")
            continue
        each = len(values) // len(times)
        spans, game = steps_game(hold, modality, values, times[-1] - times[0], each)
        found = shares(game, _STEPS, seed)
        alone = game.scores(np.eye(game.size, dtype=bool))
        for (a, b), share, score in zip(spans, found.values, alone, strict=True):
            out.append(FrameShare(times[(a + b) // 2 // each], cue, None, float(score), float(share)))
    return sorted(out, key=lambda f: (f.time, f.cue))


def heat(
    hold: JointHold, frames: Sequence[FrameShare], seed: int, limits: list[str]
) -> tuple[list[Heat], list[KeyFrame], int]:
    """Regions of the sample's picture, or of the frame of a film that matters most to each cue.

    Args:
        hold: of the analysis.
        frames: what `frame_shares` found.
        seed: of sampled shares.
        limits: what cannot be told is added to them.

    Returns:
        The regions, the frames of a film that they lie on, and the readings taken.

    Raises:
        InputError: the picture or film is not there any more.
    """
    found: list[Heat] = []
    shown: dict[float, KeyFrame] = {}
    readings = 0
    for modality in _pictures(hold):
        cue = hold.cues[modality]
        own = [f for f in frames if f.cue == cue]
        if hold.sample.video is not None and not own and not _as_one(hold, modality):
            continue
        time, picture = _picture(hold, own)
        shape = grid(picture.shape[1], picture.shape[0])
        game = Game(shape[0] * shape[1], _covering(hold, modality, picture, shape))
        if game.whole()[1] is None:  # as where a face is sought and seen only between others
            limits.append(f"regions of the {cue}: not explained, for nothing is read of that picture by itself")
            continue
        told = shares(game, _REGIONS, seed)
        rows = tuple(tuple(map(float, row)) for row in told.values.reshape(shape))
        found.append(Heat(cue, time, None, (0.0, 0.0, 1.0, 1.0), rows, told.score, told.base))
        readings += game.readings
        if time is not None:
            shown[time] = KeyFrame(time, picture)
    return found, [shown[time] for time in sorted(shown)], readings


def encoded(hold: JointHold, modality: str, sample: Sample) -> NDArray[Any] | None:
    """What the modality's encoder makes of a sample; None where it lacks it.

    Raises:
        DemeanorError: it cannot be read any more.
    """
    value = hold.model.encoders[modality].encode(sample)
    return value if value is not None and value.size else None


def _covering(
    hold: JointHold, modality: str, picture: Picture, shape: tuple[int, int]
) -> Callable[[Masks], list[Said]]:
    def look(masks: Masks) -> list[Said]:
        variants = (covered(picture, shape, row[None])[0] for row in masks)  # one at a time: a picture is large
        return [_read_again(hold, modality, Sample("regions", image=x)) for x in variants]

    return look


def _read_again(hold: JointHold, modality: str, sample: Sample) -> Said:
    """Score and label of one modality; nothing where so little cannot be encoded."""
    try:
        value = encoded(hold, modality, sample)
    except (DataError, InputError):
        return 0.0, None
    return (0.0, None) if value is None else said_alone(hold, modality, value)


def _pictures(hold: JointHold) -> list[str]:
    """The modalities that were read from pictures."""
    return [m for m in hold.features if hold.model.encoders[m].modality == "visual"]


def _as_one(hold: JointHold, modality: str) -> bool:
    """Whether the encoder makes one step, or one picture, of a whole film."""
    return hold.model.parts[modality].kind == "picture" or hold.features.raw_steps[modality] == 1


def _picture(hold: JointHold, frames: Sequence[FrameShare]) -> tuple[float | None, Picture]:
    """The sample's picture, or the frame of its film with the greatest share – half-way, where none has one."""
    if hold.sample.video is None:
        if hold.sample.image is None:
            raise InputError("expected the picture of this sample, got none")
        return None, decode_image(hold.sample.image, longest=_SIDE)
    film, begin = open_video(hold.sample.video), hold.sample.start or 0.0
    if frames:
        time = max(frames, key=lambda f: abs(f.share)).time
    else:  # as `middle_picture`, which such a film was read by
        time = ((hold.sample.end if hold.sample.end is not None else film.duration or begin) - begin) / 2
    return time, film.frame_at(time + begin, _SIDE).image


def _times(hold: JointHold, modality: str, values: NDArray[Any]) -> list[float]:
    """Seconds into the sample of the pictures that the encoder's steps come from, in order; [] where it does not tell.

    They are the film's, each with as many steps as the others, or those on which the main face is found.
    """
    config, begin = hold.model.encoders[modality].config, hold.sample.start or 0.0
    if values.ndim != 2 or not isinstance(config, PictureConfig):
        return []
    times = [time for time, _ in timed_pictures_of(hold.sample, config) or ()]
    if not times or len(values) % len(times):
        times = [seen.time for seen in faces_of(hold.sample, config) or ()]
    return [time - begin for time in times] if times and len(values) % len(times) == 0 else []
