"""RAVDESS: 24 actors speak (and sing) two sentences in eight emotions; sound, film, and silent film.

Paper: Livingstone & Russo 2018, "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)", PLoS ONE
13(5).

The text is one of two sentences whatever the emotion: a model of the words alone must score at chance. Calm counts as
neutral; `own` keeps it apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanor.datasets._acted import FORMS, POLARITY
from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._gaps import Gaps
from demeanor.errors import DataError, LayoutError
from demeanor.types import Sample

OWN = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The corpus' classes, codes 01 to 08."""

STATEMENTS = ("Kids are talking by the door.", "Dogs are sitting by the door.")

CARD = Card(
    name="ravdess",
    title="RAVDESS (Livingstone & Russo 2018)",
    labels={
        "emotions": "seven: calm is neutral",
        "own": ", ".join(OWN),
        "polarity": "positive: happy; neutral: neutral, calm; negative: sad, angry, fearful, disgust; surprised has "
        "none unless the option surprised names one",
    },
    splits={
        "none": "parts are made when a run is prepared, by actor",
        "fold0 … fold4": "five folds of actors (Luna-Jiménez et al. 2021): one is the test part",
        "4-4-16": "actors 1 to 4 test, 5 to 8 valid, the rest train (Chumachenko et al. 2022, in sorted order)",
        "20-2-2": "actors 1 to 20 train, 21 and 22 valid, 23 and 24 test",
    },
    groups="actor",
    licence="CC BY-NC-SA 4.0",
    source="Download Audio_Speech_Actors_01-24.zip and, for films, the Video_Speech_Actor_XX.zip files of the authors' "
    "record (DOI 10.5281/zenodo.1188976). The folder holds Actor_01/ … Actor_24/ (at any depth) with files such as "
    "03-01-06-01-02-01-12.wav.",
    counts={"all": 1440},
)

FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22))
"""Actors of each fold, disjoint and together all 24."""

_EMOTION = ("neutral", "neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
_RANGES = {"modality": 3, "channel": 2, "emotion": 8, "intensity": 2, "statement": 2, "repetition": 2, "actor": 24}
_FIRST = {"audio": "03", "audio_video": "01", "video": "02"}


@dataclass(frozen=True)
class Codes:
    """What a file's name says, counted from 1 as there."""

    modality: int
    channel: int
    emotion: int
    intensity: int
    statement: int
    repetition: int
    actor: int


def parse_name(name: str) -> Codes:
    """`02-01-06-01-02-01-12` → video only, speech, fearful, normal, dogs, first, actor 12.

    Raises:
        DataError: not seven codes of two digits, a code out of range, or a strong neutral, which does not exist.
    """
    parts = name.split("-")
    if len(parts) != 7 or not all(len(p) == 2 and p.isdecimal() for p in parts):
        raise DataError(f"ravdess: expected a name of seven two-digit codes, found '{name}'; check the folder")
    codes = dict(zip(_RANGES, map(int, parts), strict=True))
    for field, top in _RANGES.items():
        if not 1 <= codes[field] <= top:
            raise DataError(f"ravdess: {name}: expected {field} in 01 to {top:02d}, found {codes[field]:02d}")
    if codes["emotion"] == 1 and codes["intensity"] == 2:
        raise DataError(f"ravdess: {name}: expected neutral in normal intensity alone, found strong; check the name")
    return Codes(**codes)


def read(
    root: Path, *, form: str = "audio", channel: str = "speech", parts: str = "none", surprised: str = "none"
) -> list[Sample]:
    """Every clip of one form, by actor.

    Args:
        root: holds the actors' folders.
        form: audio (03 files), audio_video (01, their sound from the 03 file where it is there) or video (02).
        channel: speech, song or both.
        parts: how parts are made, see `CARD.splits`.
        surprised: the polarity of surprised: none, negative, neutral or positive.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: an option has no such value.
    """
    choose(CARD, "form", form, FORMS)
    choose(CARD, "channel", channel, ("speech", "song", "both"))
    choose(CARD, "parts", parts, ("none", *(f"fold{k}" for k in range(5)), "4-4-16", "20-2-2"))
    choose(CARD, "surprised", surprised, ("none", "negative", "neutral", "positive"))
    expect(root, ["**/Actor_[0-9][0-9]"], CARD)
    gaps = Gaps(CARD)
    files = _files(root)
    samples = []
    for name in sorted(files, key=lambda n: (n.rpartition("-")[2], n)):
        if not name.startswith(f"{_FIRST[form]}-"):
            continue
        try:
            codes = parse_name(name)
        except DataError as error:
            gaps.add("skipped", str(error).removeprefix("ravdess: "))
            continue
        if channel == "both" or codes.channel == ("speech", "song").index(channel) + 1:
            samples.append(_sample(name, codes, _media(name, form, files), part_of(codes.actor, parts), surprised))
    gaps.tell()
    if not samples:
        raise LayoutError(
            f"ravdess: expected {_FIRST[form]}-… files ({form}, {channel}) in {root}, found none. {CARD.source}"
        )
    return samples


def part_of(actor: int, parts: str) -> str | None:
    """The part of an actor under one of `CARD.splits`; a fold leaves its validation part to the run."""
    if parts.startswith("fold"):
        return "test" if actor in FOLDS[int(parts[4:])] else "train"
    if parts == "4-4-16":
        return "test" if actor <= 4 else "valid" if actor <= 8 else "train"
    if parts == "20-2-2":
        return "train" if actor <= 20 else "valid" if actor <= 22 else "test"
    return None


def _files(root: Path) -> dict[str, Path]:
    """Name without extension → file; one that lies there twice (a folder unpacked into itself) counts once."""
    found: dict[str, Path] = {}
    for path in sorted(root.glob("**/Actor_[0-9][0-9]/*")):
        if path.suffix.lower() in (".wav", ".flac", ".mp4") and not path.name.startswith("."):
            found.setdefault(path.stem, path)
    return found


def _media(name: str, form: str, files: Mapping[str, Path]) -> dict[str, Any]:
    if form == "audio":
        return {"audio": files[name]}
    if form == "video":
        return {"video": files[name]}
    return {"video": files[name], "audio": files.get(f"03{name[2:]}", files[name])}


def _sample(name: str, codes: Codes, media: dict[str, Any], part: str | None, surprised: str) -> Sample:
    emotion = _EMOTION[codes.emotion - 1]
    labels: dict[str, float | str] = {"emotions": emotion, "own": OWN[codes.emotion - 1]}
    polarity = POLARITY.get(emotion, surprised)
    if polarity != "none":
        labels["polarity"] = polarity
    actor = f"{codes.actor:02d}"
    return Sample(
        id=name, text=STATEMENTS[codes.statement - 1], language="en", speaker=actor, group=f"ravdess:{actor}",
        labels=labels, split=part, **media,
    )  # fmt: skip
