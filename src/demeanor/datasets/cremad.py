"""CREMA-D: 7 442 clips of 91 actors speaking twelve sentences in six emotions, rated by 2 443 people.

Paper: Cao et al. 2014, "CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset", IEEE Transactions on Affective
Computing 5(4).

The acted emotion is in the file's name; what raters saw or heard often differs and is read with `rated`. One clip of
the release, 1076_MTI_SAD_XX, has no sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanor.datasets._acted import FORMS, POLARITY
from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_rows
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, hashed_split
from demeanor.errors import DataError
from demeanor.types import Sample

SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "joy", "NEU": "neutral", "SAD": "sadness"}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
"""One file of the release is named with a single X."""

CARD = Card(
    name="cremad",
    title="CREMA-D (Cao et al. 2014)",
    labels={
        "emotions": "one of six as acted; with the option rated what most raters chose, ties separated by commas",
        "own": "the acted code: ANG, DIS, FEA, HAP, NEU, SAD",
        "polarity": "positive: joy; neutral; negative: the rest; none where ties disagree",
    },
    splits={
        "none": "parts are made when a run is prepared, by actor",
        "actors": "70/15/15 by hash of the actor",
        "actors_by_sex": "70/15/15 of the women and of the men, needs VideoDemographics.csv",
    },
    groups="actor",
    licence="Open Database Licence 1.0, contents Database Contents Licence 1.0",
    source="Clone the authors' repository with its large files (CheyneyComputerScience, CREMA-D). The folder holds "
    "AudioWAV/*.wav, for films VideoFlash/*.flv, for ratings processedResults/summaryTable.csv, and "
    "VideoDemographics.csv.",
    counts={"all": 7442},
)

_VOTES = {"audio": "VoiceVote", "video": "FaceVote", "audio_video": "MultiModalVote"}
_LETTER = {name[0]: emotion for name, emotion in EMOTIONS.items()}
_SHARES = {"train": 0.7, "valid": 0.15, "test": 0.15}


@dataclass(frozen=True)
class Name:
    """What a file's name says."""

    actor: str
    sentence: str
    emotion: str
    level: str


def parse_name(name: str) -> Name:
    """`1001_DFA_ANG_XX` → actor 1001, "Don't forget a jacket", angry, level unspecified.

    Raises:
        DataError: the name has another form, or a code that does not exist.
    """
    parts = name.split("_")
    if len(parts) != 4:
        raise DataError(f"cremad: expected a name such as 1001_DFA_ANG_XX, found '{name}'; check the folder")
    actor, sentence, emotion, level = parts
    known = actor.isdecimal() and 1001 <= int(actor) <= 1091
    if not (known and sentence in SENTENCES and emotion in EMOTIONS and level in LEVELS):
        raise DataError(
            f"cremad: {name}: expected an actor 1001 to 1091, a sentence of {' '.join(SENTENCES)}, an emotion of "
            f"{' '.join(EMOTIONS)} and a level of LO MD HI XX; check the name"
        )
    return Name(actor, sentence, emotion, level)


def read(root: Path, *, form: str = "audio", rated: bool = False, parts: str = "none") -> list[Sample]:
    """Every clip of one form, by name.

    Args:
        root: holds AudioWAV/ and, for films, VideoFlash/.
        form: audio, audio_video or video.
        rated: take what raters of that form perceived instead of what was acted.
        parts: how parts are made, see `CARD.splits`.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: an option has no such value.
    """
    choose(CARD, "form", form, FORMS)
    choose(CARD, "parts", parts, ("none", "actors", "actors_by_sex"))
    folder, ending = ("AudioWAV", "wav") if form == "audio" else ("VideoFlash", "flv")
    expect(root, [f"{folder}/*.{ending}"], CARD)
    ratings = _ratings(root, _VOTES[form]) if rated else {}
    sexes = _sexes(root) if parts == "actors_by_sex" else {}
    gaps = Gaps(CARD)
    samples = []
    for path in sorted(root.glob(f"{folder}/*.{ending}")):
        try:
            name = parse_name(path.stem)
        except DataError as error:
            gaps.add("skipped", str(error).removeprefix("cremad: "))
            continue
        emotions = ratings.get(path.stem, "") if rated else EMOTIONS[name.emotion]
        split = None if parts == "none" else sexes.get(name.actor) or hashed_split(name.actor, _SHARES)
        samples.append(_sample(path, name, emotions, _media(path, form, gaps), split))
    gaps.tell()
    return samples


def _media(path: Path, form: str, gaps: Gaps) -> dict[str, Any]:
    if form != "audio_video":
        return {form: path}
    sound = path.parents[1] / "AudioWAV" / f"{path.stem}.wav"
    if not sound.is_file():
        gaps.add("no wav: sound of the film", path.stem)
    return {"video": path, "audio": sound if sound.is_file() else path}


def _ratings(root: Path, column: str) -> dict[str, str]:
    expect(root, ["processedResults/summaryTable.csv"], CARD)
    rows = read_rows(root / "processedResults" / "summaryTable.csv", CARD, ("FileName", column))
    return {r["FileName"]: ",".join(_LETTER[v] for v in r[column].split(":") if v in _LETTER) for r in rows}


def _sexes(root: Path) -> dict[str, str]:
    """Part of each actor: women and men each in order of their hash, cut at 70 and 85 per cent."""
    expect(root, ["VideoDemographics.csv"], CARD)
    found: dict[str, list[str]] = {}
    for row in read_rows(root / "VideoDemographics.csv", CARD, ("ActorID", "Sex")):
        found.setdefault(row["Sex"], []).append(row["ActorID"])
    out = {}
    for actors in found.values():
        for place, actor in enumerate(sorted(actors, key=digest)):
            share = (place + 0.5) / len(actors)
            out[actor] = "train" if share < 0.7 else "valid" if share < 0.85 else "test"
    return out


def _sample(path: Path, name: Name, emotions: str, media: dict[str, Any], split: str | None) -> Sample:
    labels: dict[str, float | str] = {"own": name.emotion}
    if emotions:
        labels["emotions"] = emotions
        polarities = {POLARITY[e] for e in emotions.split(",")}
        if len(polarities) == 1:
            labels["polarity"] = polarities.pop()
    return Sample(
        id=path.stem, text=SENTENCES[name.sentence], language="en", speaker=name.actor, group=f"cremad:{name.actor}",
        labels=labels, split=split, **media,
    )  # fmt: skip
