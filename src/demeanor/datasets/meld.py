"""MELD: 13 708 utterances of 1 433 dialogues of a TV series, seven emotions and three sentiments.

Paper: Poria et al. 2019, "MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations", ACL.

Ids of dialogues start anew in each part, so a sample is named by part, dialogue and utterance. Clips are cut already:
the times of the table belong to the episode and are not read.
"""

from __future__ import annotations

import re
from pathlib import Path

from demeanor.datasets._dataset import Card, expect
from demeanor.datasets._files import read_rows
from demeanor.datasets._gaps import Gaps
from demeanor.types import EMOTIONS, POLARITIES, Sample

CARD = Card(
    name="meld",
    title="MELD (Poria et al. 2019)",
    labels={"emotions": "one of seven", "polarity": "negative, neutral, positive"},
    splits={"standard": "9989 train, 1109 valid (dev), 2610 test utterances; no dialogue in two parts"},
    groups="dialogue (speakers recur across parts: it is one cast)",
    licence="research only (repository GPL-3.0; clips of a TV series)",
    source="Download MELD.Raw from the authors (declare-lab, MELD). The folder holds train_sent_emo.csv, "
    "dev_sent_emo.csv, test_sent_emo.csv and the unpacked clips in train_splits/, dev_splits_complete/, "
    "output_repeated_splits_test/ (each also in a folder train/, dev/, test/); with the tables alone set "
    "text_only = true.",
    counts={"train": 9989, "valid": 1109, "test": 2610},
)

_CLIPS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
_NEEDS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")


def read(root: Path, *, text_only: bool = False) -> list[Sample]:
    """Every utterance, dialogue by dialogue as the tables have them.

    Args:
        root: holds the three tables and the clips.
        text_only: read the tables where the clips are not at hand.

    Raises:
        DataError: the folder is not the corpus'.
    """
    gaps = Gaps(CARD)
    samples: list[Sample] = []
    for part in _CLIPS:
        table = _find(root, part, f"{part}_sent_emo.csv")
        clips = None if text_only else _find(root, part, _CLIPS[part])
        for row in read_rows(table, CARD, _NEEDS, first=not samples):
            sample = _sample(row, part, clips, gaps)
            if sample:
                samples.append(sample)
    gaps.tell()
    return samples


def _find(root: Path, part: str, name: str) -> Path:
    for place in (root / name, root / part / name, root / "data" / "MELD" / name):
        if place.exists():
            return place
    expect(root, [name], CARD)
    return root / name


def _sample(row: dict[str, str], part: str, clips: Path | None, gaps: Gaps) -> Sample | None:
    dialogue, utterance = row["Dialogue_ID"].strip(), row.get("Utterance_ID", "").strip()
    clip = f"dia{dialogue}_utt{utterance}"
    emotion, polarity = row["Emotion"].strip().lower(), row["Sentiment"].strip().lower()
    if not (dialogue.isdigit() and utterance.isdigit() and emotion in EMOTIONS and polarity in POLARITIES):
        gaps.add("row without ids or with an unknown label, skipped", f"{part} {clip}")
        return None
    path = clips / f"{clip}.mp4" if clips else None
    if path and not (path.is_file() and path.stat().st_size):
        gaps.add("no clip: text alone", f"{part} {clip}")
        path = None
    return Sample(
        id=f"{part}-{dialogue}-{utterance}", text=mend(row["Utterance"]) or None, audio=path, video=path,
        language="en", speaker=mend(row["Speaker"]).strip() or None, group=f"meld:{part}-{dialogue}",
        labels={"emotions": emotion, "polarity": polarity}, split="valid" if part == "dev" else part,
    )  # fmt: skip


_HIGH = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_TWICE = re.compile(f"â[{_HIGH}\x80-\xbf]{{2}}|[ÂÃ][{_HIGH}\x80-\xbf]")
_LATIN = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}


def mend(text: str) -> str:
    """Signs that were read in the wrong encoding once: "youâ€™ve" and U+0092 for an apostrophe."""
    return _TWICE.sub(_once, text).translate(_LATIN)


def _once(match: re.Match[str]) -> str:
    raw = b"".join(bytes([ord(c)]) if ord(c) < 256 else c.encode("cp1252") for c in match.group())
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return match.group()
