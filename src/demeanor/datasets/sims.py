"""CH-SIMS: 2 281 clips of Chinese films and shows, sentiment of the clip and of each modality alone.

Paper: Yu et al. 2020, "CH-SIMS: A Chinese Multimodal Sentiment Analysis Dataset with Fine-grained Annotations of
Modality", ACL.
"""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card
from demeanor.datasets._msa import read_clips
from demeanor.types import Sample

CARD = Card(
    name="sims",
    title="CH-SIMS (Yu et al. 2020)",
    labels={
        "score": "mean of five raters in [-1, 1], in steps of 0.2",
        "polarity": "negative, neutral, positive",
        "score_text": "the same of the transcript alone",
        "score_audio": "the same of the sound alone",
        "score_visual": "the same of the silent picture alone",
    },
    splits={"standard": "as column `mode` says: 1368 train, 456 valid, 457 test"},
    groups="video",
    licence="research only (repository MIT; clips of films and shows)",
    source="Ask the authors (THUIAR, Tsinghua University) for the raw clips. The folder holds label.csv (video_id, "
    "clip_id, text, label, label_T, label_A, label_V, annotation, mode) and Raw/<video_id>/<clip_id>.mp4, such as "
    "Raw/video_0001/0001.mp4; with transcripts alone set text_only = true.",
    counts={"train": 1368, "valid": 456, "test": 457},
)


def read(root: Path, *, text_only: bool = False) -> list[Sample]:
    """Every clip with its transcript and its four scores.

    Args:
        root: holds label.csv and Raw/.
        text_only: read the transcripts where the clips are not at hand.

    Raises:
        DataError: the folder is not the corpus'.
    """
    return read_clips(root, CARD, language="zh", scale=1.0, text_only=text_only, own=True)
