"""Sound and film of a sample, or its subtitles by themselves: seen, heard, and laid on one timeline.

One after the other: each pass keeps two cores busy by itself, and both at once took as long and more processor time
(a minute of talk: 5.6 s, and 5.6 to 7.9 s).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from demeanor.errors import DecodeError, DemeanorError, InputError, LimitError
from demeanor.media.audio import has_audio, open_audio
from demeanor.media.language import detect_language
from demeanor.media.transcript import words_within
from demeanor.media.video import VideoReader, open_video
from demeanor.media.waveform import Waveform
from demeanor.reader.clip import Seen, thinned, watch
from demeanor.reader.draft import Draft
from demeanor.reader.experts import Experts, reason
from demeanor.reader.inputs import Parts
from demeanor.reader.sound import Sound, filled, hear, over
from demeanor.reader.text import read_speech
from demeanor.reader.timeline import add_pictures, silent, spoken
from demeanor.types import Evidence, Source, Utterance

T = TypeVar("T")


def read_timed(parts: Parts, experts: Experts, cues: frozenset[str], draft: Draft) -> None:
    """Add what is heard and seen to the draft.

    What fails – sound or pictures – costs its own cues, with a warning, while something else can be read.

    Raises:
        InputError: there is no such file, or nothing of it can be read.
    """
    film, source = _opened(parts, experts, draft)
    draft.lacking = _lacking(parts, film, source)
    _refuse_beyond(parts, film, source)
    seen, sound = _passes(parts, experts, cues, draft, film, source)
    draft.duration = _duration(parts, film, source, seen, sound)
    if parts.start and draft.duration is None and not (seen is None and sound is None):  # no end was told
        raise _beyond(parts, "the end")
    lay_out(parts, experts, cues, draft, seen, sound)
    recording = parts.video if parts.video is not None else parts.audio
    if isinstance(recording, str | Path) and not parts.start:  # the clock of what is read is not that of the file
        draft.media_file = Path(recording).absolute()


def lay_out(
    parts: Parts, experts: Experts, cues: frozenset[str], draft: Draft, seen: Seen | None, sound: Sound | None
) -> None:
    """Lay what was seen and heard on one timeline; the draft knows how long it is."""
    _say(parts, experts, cues, draft, sound)
    if draft.duration and parts.recorded:
        draft.pieces += silent([(p.start or 0.0, p.end or 0.0) for p in draft.pieces], draft.duration)
    _show(experts, cues, draft, seen)
    draft.pieces.sort(key=lambda p: (p.start or 0.0, p.end or 0.0))


def _lacking(parts: Parts, film: VideoReader | None, source: Source | Waveform | None) -> set[str]:
    """Cues that these media cannot have."""
    unheard = set() if source is not None else {"voice"} if parts.transcript else {"words", "voice"}
    unseen = set() if film is not None or parts.image is not None else {"face", "scene"}
    return unheard | unseen


def _opened(parts: Parts, experts: Experts, draft: Draft) -> tuple[VideoReader | None, Source | Waveform | None]:
    """The film, and where the sound comes from; either may be None."""
    if parts.video is None:
        return None, parts.audio
    try:
        film = open_video(parts.video, threads=experts.threads)
    except InputError as error:
        if parts.audio is None and not has_audio(parts.video):
            raise
        heard = parts.video if parts.audio is None else parts.audio
        draft.warnings.append(f"{reason(error)}; only the sound was read")
        return None, heard
    draft.warnings += film.warnings
    if parts.audio is not None and film.has_audio:
        draft.warnings.append("the film's own sound was left aside for the one given apart")
    return film, parts.audio if parts.audio is not None else parts.video if film.has_audio else None


def _refuse_beyond(parts: Parts, film: VideoReader | None, source: Source | Waveform | None) -> None:
    """Raise for a part that begins where the recording has ended, if it says where it does."""
    declared = _declared(film, source) if parts.start and parts.recorded else None
    if declared is not None and parts.start >= declared:
        raise _beyond(parts, f"the end at {declared:.2f} s")


def _beyond(parts: Parts, end: str) -> InputError:
    return InputError(
        f"{parts.file or parts.kind}: expected a start before {end}, got {parts.start:.2f}; check start and end"
    )


def _passes(
    parts: Parts,
    experts: Experts,
    cues: frozenset[str],
    draft: Draft,
    film: VideoReader | None,
    source: Source | Waveform | None,
) -> tuple[Seen | None, Sound | None]:
    """One pass over the pictures and one over the sound."""

    def look() -> Seen:
        assert film is not None
        return watch(film, experts, cues, parts.start, parts.end)

    def listen() -> Sound:
        assert source is not None
        return hear(
            source,
            experts,
            cues,
            language=parts.language,
            given=parts.transcript,
            start=parts.start,
            end=parts.end,
        )

    failed: list[DemeanorError] = []
    seen = _tried(look, failed) if film is not None and cues & {"face", "scene"} else None
    sound = _tried(listen, failed) if source is not None and cues & {"words", "voice"} else None
    if failed and seen is None and sound is None and parts.text is None and parts.image is None:
        raise failed[0]
    left = "the pictures were" if seen is not None else "the sound was" if sound is not None else "the rest was"
    draft.warnings += [f"{reason(error)}; only {left} read" for error in failed]
    for done in (seen, sound):
        draft.warnings += done.warnings if done is not None else []
    return seen, sound


def _tried(step: Callable[[], T], failed: list[DemeanorError]) -> T | None:
    """A step's result, None if the medium is damaged."""
    try:
        return step()
    except (DecodeError, LimitError) as error:
        failed.append(error)
        return None


def _duration(
    parts: Parts, film: VideoReader | None, source: Source | Waveform | None, seen: Seen | None, sound: Sound | None
) -> float | None:
    """Seconds read; where nothing was, what the file declares."""
    read = [s for s in (seen.end if seen else None, sound.seconds if sound else None) if s]
    if read:
        return max(read)
    declared = _declared(film, source) if parts.recorded else parts.start + _last(parts)
    return None if declared is None else max(0.0, min(declared, parts.end or declared) - parts.start)


def _last(parts: Parts) -> float:
    """Where the last of the utterances given ends, in seconds of what is read."""
    return max((u.end for u in parts.transcript or () if isinstance(u, Utterance)), default=0.0)


def _declared(film: VideoReader | None, source: Source | Waveform | None) -> float | None:
    """Seconds that the recording says it has; None if it does not."""
    if film is not None:
        return film.duration
    if source is not None:
        with suppress(DecodeError):  # what is damaged is told where it is heard
            sound = open_audio(source)
            return None if sound.is_guess else sound.duration
    return None


def _say(parts: Parts, experts: Experts, cues: frozenset[str], draft: Draft, sound: Sound | None) -> None:
    """The utterances, with what words and voice say."""
    utterances: Sequence[Utterance] = sound.utterances if sound else ()
    if sound is None and parts.transcript and draft.duration and "words" in cues:
        utterances = _without_sound(parts, draft.duration)
        draft.speech = "given transcript"
    if draft.duration is not None:
        asked = [u for u in utterances if parts.end is None or u.start < parts.end - parts.start]
        utterances = [_ended(u, draft.duration) for u in asked if u.start < draft.duration]
        if beyond := len(asked) - len(utterances):
            lie = "utterance of the transcript lies" if beyond == 1 else "utterances of the transcript lie"
            draft.warnings.append(f"{beyond} {lie} beyond the end; left out")
    joined = " ".join(u.text for u in utterances)
    code = parts.language or (sound.language if sound else None) or (detect_language(joined) if joined else None)
    draft.language = None if code == "und" else code
    draft.said = bool(utterances) and parts.transcript is not None
    said: dict[int, Evidence] = {}
    whole: Evidence | None = None
    if "words" in cues and experts.words is not None:
        said, whole, notes = read_speech(utterances, experts.words, experts.average, experts.window, draft.language)
        draft.warnings += notes
    voices = sound.voices if sound else {}
    draft.pieces += spoken(utterances, said, voices)
    draft.utterances = utterances
    if whole is not None:
        draft.whole["words"] = whole
    if sound is not None:
        draft.speech, draft.peaks = sound.speech, filled(sound.peaks, draft.duration)
        if voices and experts.voice is not None:
            draft.voice = experts.voice.encoder
            draft.warnings += [experts.why["encoder"]] if "encoder" in experts.why else []


def _ended(u: Utterance, end: float) -> Utterance:
    """An utterance without what lies beyond the end, words included."""
    if u.end <= end:
        return u
    cut = replace(u, end=end)
    return replace(cut, words=words_within(cut))


def _without_sound(parts: Parts, duration: float) -> Sequence[Utterance]:
    """A transcript of a silent film, laid over all of it if it has no times."""
    given = parts.transcript or ()
    timed = [u for u in given if isinstance(u, Utterance)]
    return timed or over([t for t in given if isinstance(t, str)], [(0.0, duration)])


def _show(experts: Experts, cues: frozenset[str], draft: Draft, seen: Seen | None) -> None:
    """On all segments the faces and scenes."""
    if seen is None:
        return
    add_pictures(draft.pieces, seen, experts.average)
    draft.seen = replace(seen, stills=[])
    if "face" in cues and experts.face is not None:
        timed = [p for p in draft.pieces if p.start is not None]
        without = sum(not p.faces for p in timed)
        if without:
            draft.warnings.append(
                "no face found" if without == len(timed) else f"no face found in {without} of {len(timed)} segments"
            )
    spans = [(p.start or 0.0, p.end or 0.0) for p in draft.pieces]
    draft.keyframes = thinned(seen.stills, spans)
