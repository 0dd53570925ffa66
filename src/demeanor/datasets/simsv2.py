"""CH-SIMS v2 (the supervised part): 4 403 clips of Chinese films and shows with stronger non-verbal behaviour.

Paper: Liu et al. 2022, "Make Acoustic and Visual Cues Matter: CH-SIMS v2.0 Dataset and AV-Mixup Consistent Module",
ICMI.
"""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card
from demeanor.datasets._msa import read_clips
from demeanor.types import Sample

CARD = Card(
    name="simsv2",
    title="CH-SIMS v2(s) (Liu et al. 2022)",
    labels={
        "score": "mean of raters in [-1, 1], in steps of 0.2",
        "polarity": "negative, neutral, positive",
        "score_text": "the same of the transcript alone",
        "score_audio": "the same of the sound alone",
        "score_visual": "the same of the silent picture alone",
    },
    splits={"standard": "as column `mode` says: 2722 train, 647 valid, 1034 test"},
    groups="video",
    licence="research only (clips of films and shows)",
    source="Ask the authors (THUIAR, Tsinghua University) for CH-SIMS v2(s). The folder holds meta.csv or label.csv "
    "(video_id, clip_id, text, label, label_T, label_A, label_V, annotation, mode) and "
    "Raw/<video_id>/<clip_id>.mp4; with transcripts alone set text_only = true. Unlabelled clips are not read.",
    counts={"train": 2722, "valid": 647, "test": 1034},
)


def read(root: Path, *, text_only: bool = False) -> list[Sample]:
    """Every labelled clip with its transcript and its four scores.

    Args:
        root: holds meta.csv (or label.csv) and Raw/.
        text_only: read the transcripts where the clips are not at hand.

    Raises:
        DataError: the folder is not the corpus'.
    """
    tables = ("meta.csv", "label.csv")
    return read_clips(root, CARD, language="zh", scale=1.0, text_only=text_only, own=True, tables=tables)
