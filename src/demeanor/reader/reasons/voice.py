"""Which seconds of an utterance its voice's reading comes from: stretches of its frames left out.

The frames are the recogniser's states, which know what comes before and after them: a stretch that is left out is still
faintly heard in its neighbours. Encoding the sound anew for each variant would take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from demeanor.errors import InputError
from demeanor.explain.explanation import Parts, StretchShare
from demeanor.explain.game import Game, Masks, Said, without_each
from demeanor.explain.occlusion import remaining, stretches
from demeanor.explain.shapley import shares
from demeanor.media.audio import open_audio
from demeanor.reader.hold import Hold
from demeanor.reader.reasons.whole import spoken_by
from demeanor.reader.reasons.words import outcomes, said
from demeanor.reader.sound import cut, follow
from demeanor.types import Utterance

if TYPE_CHECKING:
    from demeanor.media.speech import Heard
    from demeanor.reader.cues.voice import Voice


_READINGS = 256  # of one utterance


def limit(hold: Hold) -> str | None:
    """Why no seconds can be told; None where they can."""
    if hasattr(hold.experts.voice, "variants"):
        return None
    return "the voice expert of this bundle cannot be asked about single seconds"


def voices(hold: Hold, chosen: Sequence[int], seed: int) -> Iterator[tuple[int, Parts, int]]:
    """Per utterance, by index of its segment, the shares of its stretches, and the readings taken.

    Raises:
        InputError: the sound is not there any more.
    """
    expert, spoken = hold.experts.voice, spoken_by(hold)
    assert expert is not None  # see `limit`
    for at, heard in heard_again(hold, {at: spoken[at] for at in chosen if at in spoken}):
        yield at, *explain_voice(heard, expert, budget=_READINGS, seed=seed)


def heard_again(hold: Hold, wanted: Mapping[int, Utterance]) -> Iterator[tuple[int, Heard]]:
    """The sound of utterances, by index of their segment, listened to once more; no speech is recognised.

    Raises:
        InputError: the sound is not there any more.
    """
    source = hold.parts.audio if hold.parts.audio is not None else hold.parts.video
    if source is None:
        raise InputError("expected the sound of this sample, got none: what comes as a stream is not kept; read a file")
    reader = open_audio(source)
    recogniser = hold.experts.recogniser
    places = {id(u): at for at, u in wanted.items()}
    for channel, own in _by_channel(wanted, reader.channels == 2 and not hold.parts.transcript).items():
        blocks = reader.mono() if channel is None else (block[channel] for block in reader.blocks())
        sound = cut(blocks, hold.parts.start, hold.parts.end)
        heard = follow(sound, own) if recogniser is None else recogniser.listen(sound, own)
        yield from ((places[id(h.utterance)], h) for h in heard if id(h.utterance) in places)


def _by_channel(wanted: Mapping[int, Utterance], parted: bool) -> dict[int | None, list[Utterance]]:
    """Utterances by the channel they were heard on: speakers S1 and S2 are the channels of a call."""
    out: dict[int | None, list[Utterance]] = {}
    for utterance in wanted.values():
        channel = {"S1": 0, "S2": 1}.get(utterance.speaker or "") if parted else None
        out.setdefault(channel, []).append(utterance)
    return out


def voice_game(heard: Heard, voice: Voice) -> tuple[list[tuple[int, int]], int, Game]:
    """Stretches of an utterance's frames, how many frames there are, and what is read of any of them.

    Of none of them the score is 0.
    """
    values = voice.frames(heard)
    spans = stretches(len(heard.samples) / 16_000, len(values))

    def look(masks: Masks) -> list[Said]:
        sounding = [i for i, row in enumerate(masks) if row.any()]
        found = voice.variants([remaining(values, spans, masks[i]) for i in sounding], values)
        out: list[Said] = [(0.0, None)] * len(masks)
        for i, evidence in zip(sounding, found, strict=True):
            out[i] = said(evidence)
        return out

    return spans, len(values), Game(len(spans), look)


def explain_voice(heard: Heard, voice: Voice, *, budget: int = 256, seed: int = 0) -> tuple[Parts, int]:
    """Shares of the stretches of an utterance in its voice's score, and the readings taken."""
    spans, frames, game = voice_game(heard, voice)
    found = shares(game, budget, seed)
    alone = outcomes(game.play(without_each(game.size)))
    start, seconds = heard.utterance.start, heard.utterance.end - heard.utterance.start
    parts = tuple(
        StretchShare(start + seconds * a / frames, start + seconds * b / frames, float(share), after)
        for (a, b), share, after in zip(spans, found.values, alone, strict=True)
    )
    return Parts(found.score, found.base, found.exact, parts), game.readings
