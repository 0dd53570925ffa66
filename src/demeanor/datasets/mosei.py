"""CMU-MOSEI: 22 856 clips of video monologues by about 1 000 speakers, intensity of sentiment from -3 to 3.

Paper: Zadeh et al. 2018, "Multimodal Language Analysis in the Wild: CMU-MOSEI Dataset and Interpretable Dynamic Fusion
Graph", ACL.

The six emotion intensities are not in label.csv and are not read. The transcripts of the usual release are kept as they
are.
"""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card
from demeanor.datasets._msa import read_clips
from demeanor.types import Sample

CARD = Card(
    name="mosei",
    title="CMU-MOSEI (Zadeh et al. 2018)",
    labels={
        "score": "mean of three raters in [-3, 3], divided by 3",
        "polarity": "negative, neutral, positive: the sign of the score",
    },
    splits={"standard": "as column `mode` says: 16326 train, 1871 valid, 4659 test; no video in two parts"},
    groups="video",
    licence="research only (clips of a video site; no licence of the data is stated)",
    source="Download the raw clips and label.csv from the authors (CMU MultiComp Lab, MultimodalSDK) or in the layout "
    "of the MMSA project. The folder holds label.csv (video_id, clip_id, text, label, annotation, mode) and "
    "Raw/<video_id>/<clip_id>.mp4; with transcripts alone set text_only = true.",
    counts={"train": 16326, "valid": 1871, "test": 4659},
)


def read(root: Path, *, text_only: bool = False) -> list[Sample]:
    """Every clip with its transcript.

    Args:
        root: holds label.csv and Raw/.
        text_only: read the transcripts where the clips are not at hand.

    Raises:
        DataError: the folder is not the corpus'.
    """
    return read_clips(root, CARD, language="en", scale=1 / 3, text_only=text_only)
