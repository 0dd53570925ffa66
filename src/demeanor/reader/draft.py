"""An analysis in the making."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from demeanor.reader.timeline import Piece
from demeanor.types import Evidence, KeyFrame, Utterance

if TYPE_CHECKING:
    from demeanor.reader.clip import Seen
    from demeanor.report.html import ReportMedia


@dataclass(slots=True)
class Draft:
    """What the parts of a sample have given so far.

    Attributes:
        pieces: segments to be.
        whole: what a cue says of everything, where that is more than the average of its pieces.
        duration: seconds.
        language: of the words.
        speech: where the text of speech comes from.
        voice: which encoder the voice was read with.
        said: whether a given text has been read already, as a transcript.
        lacking: cues that this sample cannot have, whatever is in it: a picture has no voice.
        warnings: in words.
        keyframes: stills for the report.
        peaks: waveform, (steps, 2).
        picture: RGB (height, width, 3).
        media_file: the recording.
        utterances: what was said, as it was read.
        seen: what the frames of a film show.
    """

    pieces: list[Piece] = field(default_factory=list)
    whole: dict[str, Evidence] = field(default_factory=dict)
    duration: float | None = None
    language: str | None = None
    speech: str | None = None
    voice: str | None = None
    said: bool = False
    lacking: AbstractSet[str] = frozenset()
    warnings: list[str] = field(default_factory=list)
    keyframes: Sequence[KeyFrame] = ()
    peaks: NDArray[np.float32] | None = None
    picture: NDArray[np.uint8] | None = None
    media_file: Path | None = None
    utterances: Sequence[Utterance] = ()
    seen: Seen | None = None

    def media(self) -> ReportMedia | None:
        """What the report shows beside the numbers; None if nothing."""
        if not self.keyframes and self.peaks is None and self.picture is None and self.media_file is None:
            return None
        from demeanor.report.html import ReportMedia

        return ReportMedia(self.keyframes, self.peaks, self.picture, self.media_file)
