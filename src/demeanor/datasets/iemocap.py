"""IEMOCAP: 10 039 turns of two actors in conversation, five sessions, read and improvised.

Paper: Busso et al. 2008, "IEMOCAP: interactive emotional dyadic motion capture database", Language Resources and
Evaluation 42.

Emotions as seven: excited counts as joy, frustrated as anger; `own` keeps the corpus' name. The usual four classes are
angry, happy with excited, neutral, sad (5 531 turns); six add frustrated and keep excited apart. Ids end in the turn's
place in its dialogue, so that neighbours are in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_lines
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import hashed_split
from demeanor.errors import DataError
from demeanor.types import Sample

CARD = Card(
    name="iemocap",
    title="IEMOCAP (Busso et al. 2008)",
    labels={
        "emotions": "as seven: excited is joy, frustrated is anger; other and no agreement have none",
        "own": "neutral, happy, excited, sad, angry, frustrated, surprised, fearful, disgusted, other, undecided",
        "valence": "mean of the raters in [1, 5], as [-1, 1]",
        "arousal": "likewise (the corpus says activation)",
        "dominance": "likewise",
    },
    splits={
        "session": "one of the five sessions is the test part (option session, default 5); of the others a tenth of "
        "the dialogues is the validation part (aside = dialogues), or the session before (aside = session), or one "
        "speaker of the test session (aside = speaker)",
        "none": "session = 0",
    },
    groups="dialogue; with aside = speaker the speaker",
    licence="signed form to USC SAIL; not to be passed on",
    source="Ask USC SAIL for the full release. The folder holds Session1/ … Session5/, each with "
    "dialog/EmoEvaluation/*.txt, dialog/transcriptions/*.txt and sentences/wav/<dialogue>/<turn>.wav; "
    "for films also dialog/avi/DivX/*.avi and dialog/wav/*.wav.",
    counts={"all": 5531, "test": 1241},
)

_OWN = {
    "neu": "neutral", "hap": "happy", "exc": "excited", "sad": "sad", "ang": "angry", "fru": "frustrated",
    "sur": "surprised", "fea": "fearful", "dis": "disgusted", "oth": "other", "xxx": "undecided",
}  # fmt: skip
_EMOTION = {
    "neu": "neutral", "hap": "joy", "exc": "joy", "sad": "sadness", "ang": "anger", "fru": "anger", "sur": "surprise",
    "fea": "fear", "dis": "disgust",
}  # fmt: skip
_CLASSES = {
    "four": ("ang", "hap", "exc", "neu", "sad"), "six": ("ang", "hap", "exc", "neu", "sad", "fru"), "all": tuple(_OWN),
}  # fmt: skip
_LABEL = re.compile(
    r"\[(?P<start>[\d.]+) - (?P<end>[\d.]+)\]\s+(?P<turn>\S+)\s+(?P<own>\w{3})\s+"
    r"\[(?P<valence>[\d.]+), (?P<arousal>[\d.]+), (?P<dominance>[\d.]+)\]"
)
_TURN = re.compile(r"Ses0(?P<session>[1-5])(?P<mocap>[FM])_(?P<scenario>(?:impro|script)\w+)_(?P<speaker>[FM])(\d{3})")
_SPOKEN = re.compile(r"(?P<turn>\S+)\s+\[[\d.]+-[\d.]+\]:\s*(?P<text>.*)")


def read(
    root: Path, *, classes: str = "four", form: str = "audio", session: int = 5, aside: str = "dialogues"
) -> list[Sample]:
    """Every turn of the wanted classes.

    Args:
        root: holds Session1/ to Session5/.
        classes: four, six, or all (with those that have no emotion of the seven).
        form: audio (the sentence files), audio_video or video (the dialogue's file from `start` to `end`).
        session: which session is the test part; 0: no parts.
        aside: what the validation part is: dialogues, session or speaker.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: an option has no such value.
    """
    choose(CARD, "classes", classes, _CLASSES)
    choose(CARD, "form", form, ("audio", "audio_video", "video"))
    choose(CARD, "session", str(session), "012345")
    choose(CARD, "aside", aside, ("dialogues", "session", "speaker"))
    expect(root, ["Session*/dialog/EmoEvaluation/*.txt", "Session*/dialog/transcriptions/*.txt"], CARD)
    gaps = Gaps(CARD)
    samples = []
    for table in sorted(root.glob("Session*/dialog/EmoEvaluation/*.txt")):
        if table.name.startswith("._"):
            continue
        spoken = _spoken(table.parents[1] / "transcriptions" / table.name)
        for place, turn in enumerate(_turns(table)):
            if turn["own"] in _CLASSES[classes]:
                media = _media(table, turn, form, gaps)
                parts = {"split": split_of(turn["turn"], session, aside), **_group(turn["turn"], table.stem, aside)}
                samples.append(_sample(turn, place, spoken.get(turn["turn"]), {**media, **parts}))
    gaps.tell()
    return samples


def parse_turn(name: str) -> dict[str, str]:
    """`Ses01F_impro05_F019` → session "1", mocap "F", scenario "impro05", speaker "F".

    Raises:
        DataError: the name has another form.
    """
    match = _TURN.fullmatch(name)
    if not match:
        raise DataError(f"iemocap: expected a turn such as Ses01F_impro05_F019, found '{name}'; check the folder")
    return match.groupdict()


def split_of(turn: str, session: int, aside: str) -> str | None:
    """The part of a turn when one session is held out."""
    if not session:
        return None
    at = parse_turn(turn)
    if int(at["session"]) == session:
        return "valid" if aside == "speaker" and at["speaker"] == "F" else "test"
    if aside == "session":
        return "valid" if int(at["session"]) == (session - 2) % 5 + 1 else "train"
    dialogue = turn.rpartition("_")[0]
    return hashed_split(dialogue, {"valid": 0.1, "train": 0.9}) if aside == "dialogues" else "train"


def _group(turn: str, dialogue: str, aside: str) -> dict[str, str]:
    at = parse_turn(turn)
    speaker = f"Ses0{at['session']}{at['speaker']}"
    return {"speaker": speaker, "group": f"iemocap:{speaker if aside == 'speaker' else dialogue}"}


def _turns(table: Path) -> list[dict[str, str]]:
    """The labelled turns of a dialogue, by time."""
    found = [m.groupdict() for line in read_lines(table) if (m := _LABEL.match(line)) and m["own"] in _OWN]
    return sorted((t for t in found if _TURN.fullmatch(t["turn"])), key=lambda t: float(t["start"]))


def _spoken(path: Path) -> dict[str, str]:
    lines: Iterator[str] = iter(read_lines(path)) if path.is_file() else iter(())
    return {m["turn"]: m["text"].strip() for line in lines if (m := _SPOKEN.match(line))}


def _media(table: Path, turn: dict[str, str], form: str, gaps: Gaps) -> dict[str, Any]:
    """The turn's own sound file, or the dialogue's files with the turn's times."""
    dialog, name = table.parents[1], turn["turn"]
    if form == "audio":
        paths = {"audio": dialog.parent / "sentences" / "wav" / table.stem / f"{name}.wav"}
        times = {}
    else:
        paths = {"video": dialog / "avi" / "DivX" / f"{table.stem}.avi"}
        if form == "audio_video":
            paths["audio"] = dialog / "wav" / f"{table.stem}.wav"
        times = {"start": float(turn["start"]), "end": float(turn["end"])}
    there = {medium: path for medium, path in paths.items() if path.is_file()}
    for medium in sorted(set(paths) - set(there)):
        gaps.add(f"no {medium} file", name)
    return {**there, **(times if there else {})}


def _sample(turn: dict[str, str], place: int, text: str | None, rest: dict[str, Any]) -> Sample:
    labels: dict[str, float | str] = {"own": _OWN[turn["own"]]}
    if turn["own"] in _EMOTION:
        labels["emotions"] = _EMOTION[turn["own"]]
    for name in ("valence", "arousal", "dominance"):
        labels[name] = max(-1.0, min(1.0, (float(turn[name]) - 3) / 2))
    return Sample(id=f"{turn['turn']}@{place:03d}", text=text or None, language="en", labels=labels, **rest)
