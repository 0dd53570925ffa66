"""The layout that CMU-MOSI, CMU-MOSEI and CH-SIMS share: label.csv beside Raw/<video>/<clip>.mp4."""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card, expect
from demeanor.datasets._files import read_rows
from demeanor.datasets._gaps import Gaps
from demeanor.errors import DataError
from demeanor.types import POLARITIES, Sample

OWN = {"label_T": "score_text", "label_A": "score_audio", "label_V": "score_visual"}
"""Column → label for what raters gave of one modality alone (SIMS)."""

_NEEDS = ("video_id", "clip_id", "text", "label", "mode")
_MODES = {"train": "train", "valid": "valid", "dev": "valid", "test": "test"}


def read_clips(
    root: Path, card: Card, *, language: str, scale: float, text_only: bool = False, own: bool = False,
    tables: tuple[str, ...] = ("label.csv",),
) -> list[Sample]:  # fmt: skip
    """Every labelled clip, in the table's order.

    Args:
        root: holds the table and Raw/.
        card: of the corpus.
        language: of the speech.
        scale: what a label is multiplied by to lie in [-1, 1].
        text_only: read the transcripts where the clips are not at hand.
        own: whether the corpus has labels of each modality.
        tables: names the table goes by; the first that is there is read.

    Raises:
        DataError: the folder or the table is not the corpus'.
    """
    table = next((t for t in tables if (root / t).is_file()), tables[0])
    expect(root, [table] if text_only else [table, "Raw"], card)
    rows = read_rows(root / table, card, (*_NEEDS, *(OWN if own else ())), first=True)
    if any(row.get("label_T", "").strip() for row in rows) != own:
        what = "labels of each modality (label_T, label_A, label_V)"
        raise DataError(
            f"{card.name}: {table}: expected {'' if own else 'no '}{what}, found {'none' if own else 'some'}: this is "
            f"{'MOSI or MOSEI' if own else 'SIMS'}. {card.source}"
        )
    gaps, folders = Gaps(card), _Clips(root / "Raw")
    samples: dict[str, Sample] = {}
    for row in rows:
        video, clip = row["video_id"].strip(), row.get("clip_id", "").strip()
        name = f"{video}$_${clip}"
        try:
            score = float(row["label"]) * scale
            split = _MODES[row["mode"].strip().lower()]
        except (KeyError, ValueError):
            gaps.add("row without a label or a mode, skipped", name)
            continue
        if not -1 <= score <= 1 or name in samples:
            gaps.add("row skipped: its label is out of range, or its clip stands twice", name)
            continue
        path = None if text_only else folders.find(video, clip)
        if path is None and not text_only:
            gaps.add("no clip: text alone", name)
        samples[name] = Sample(
            id=name, text=row["text"] or None, audio=path, video=path, language=language, group=f"{card.name}:{video}",
            labels=_labels(row, score, scale), split=split,
        )  # fmt: skip
    gaps.tell()
    return list(samples.values())


def _labels(row: dict[str, str], score: float, scale: float) -> dict[str, float | str]:
    given = row.get("annotation", "").strip().lower()
    polarity = given if given in POLARITIES else POLARITIES[1 + (score > 0) - (score < 0)]
    labels: dict[str, float | str] = {"score": score, "polarity": polarity}
    for column, name in OWN.items():
        if row.get(column, "").strip():
            labels[name] = float(row[column]) * scale
    return labels


class _Clips:
    """Finds <video>/<clip>.mp4 whether or not a spreadsheet has eaten the leading zeros of the clip's number."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, dict[str, Path]] = {}

    def find(self, video: str, clip: str) -> Path | None:
        if video not in self._listed:
            folder = self._root / video
            paths = sorted(folder.glob("*.mp4")) if folder.is_dir() else []
            self._listed[video] = {p.stem.lstrip("0"): p for p in paths if p.stat().st_size}
        return self._listed[video].get(clip.lstrip("0"))
