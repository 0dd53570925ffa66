"""Valence, arousal and dominance derived from emotions by published coordinates.

Source: J. A. Russell and A. Mehrabian, Evidence for a three-factor theory of emotions, Journal of Research in
Personality 11 (1977) 273-294, doi:10.1016/0092-6566(77)90037-X: mean ratings of 151 terms by 300 people.
Taken are the terms angry, disgusted, fearful, joyful, sad and surprised. The paper itself was not at hand:
the numbers are those on which many independent transcriptions of its table agree (a few round or mistype
single values). The table has no term for neutral; its (0, 0, 0) is our choice, the middle of the scales.
Surprise is pleasant (+0.40) in that table, which an unpleasant surprise is not: the mixture with the other
emotions has to say so.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from demeanor.errors import DataError
from demeanor.types import EMOTIONS

COORDINATES = MappingProxyType(
    {
        "anger": (-0.51, 0.59, 0.25),
        "disgust": (-0.60, 0.35, 0.11),
        "fear": (-0.64, 0.60, -0.43),
        "joy": (0.76, 0.48, 0.35),
        "sadness": (-0.63, -0.27, -0.33),
        "surprise": (0.40, 0.67, -0.13),
        "neutral": (0.0, 0.0, 0.0),
    }
)
"""(valence, arousal, dominance) of each emotion, in [-1, 1]."""


def from_emotions(probabilities: ArrayLike) -> tuple[float, float, float]:
    """Expected (valence, arousal, dominance), in [-1, 1], under a distribution over `EMOTIONS`, shape (7,).

    Raises:
        DataError: another shape, or no distribution.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape != (len(EMOTIONS),) or not (p >= 0).all() or abs(p.sum() - 1) > 1e-4:
        raise DataError(f"expected probabilities of {', '.join(EMOTIONS)} that sum to 1, got {p!r:.120}")
    valence, arousal, dominance = p @ np.array([COORDINATES[name] for name in EMOTIONS])
    return float(valence), float(arousal), float(dominance)
