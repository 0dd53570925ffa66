"""The experts of a bundle and what they need around them, each loaded when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from demeanor.bundle import Bundle
from demeanor.errors import DemeanorError, MissingExtraError, WeightsError
from demeanor.types import Evidence, Reading

if TYPE_CHECKING:
    from demeanor.media.faces import FaceFinder
    from demeanor.media.speech import Recogniser
    from demeanor.reader.cues.face import Face
    from demeanor.reader.cues.scene import Scene
    from demeanor.reader.cues.voice import Voice
    from demeanor.reader.cues.words import Words

T = TypeVar("T")

RECOGNISER = "whisper-base"
_WINDOW = 96  # tokens, where a bundle does not say


class Experts:
    """What reads each cue. May be used from several threads.

    A cue that cannot be read here (the bundle has no expert for it, weights or an extra are missing) is None,
    and `why` says the reason.

    Args:
        bundle: an opened bundle.
        threads: threads of each library; 0 takes all cores.
        offline: False allows weights to be downloaded.
    """

    def __init__(self, bundle: Bundle, threads: int = 0, offline: bool = True) -> None:
        self.bundle, self.threads, self.offline = bundle, threads, offline
        self.why: dict[str, str] = {}
        self._loaded: dict[str, object] = {}
        self._lock = threading.RLock()

    @property
    def window(self) -> int:
        """Tokens the words expert takes in one piece, the two marks left aside."""
        return int(self.bundle.cues.get("words", {}).get("max_tokens", _WINDOW)) - 2

    @property
    def words(self) -> Words | None:
        """The words expert."""

        def load() -> Words:
            from demeanor.reader.cues.words import Words

            return Words(self.bundle)

        return self._cue("words", load)

    @property
    def voice(self) -> Voice | None:
        """The voice expert that belongs to the recogniser on this machine."""

        def load() -> Voice:
            from demeanor.reader.cues.voice import Voice

            voice = Voice(self.bundle, self.recogniser.sha256 if self.recogniser else None)
            if self.recogniser and voice.encoder != RECOGNISER and RECOGNISER in self.bundle.cues["voice"]:
                self.why["encoder"] = (
                    f"the voice was read by the small log-mel expert: the {RECOGNISER} on this machine (sha256 "
                    f"{self.recogniser.sha256[:12]}) is not the edition that the bundle's own expert was trained "
                    "on; `demeanor doctor` says how to get it"
                )
            return voice

        return self._cue("voice", load)

    @property
    def face(self) -> Face | None:
        """The face expert; None too where faces cannot be found."""

        def load() -> Face | None:
            from demeanor.reader.cues.face import Face

            return Face(self.bundle) if self.finder is not None else None

        return self._cue("face", load)

    @property
    def scene(self) -> Scene | None:
        """The scene expert."""

        def load() -> Scene:
            from demeanor.reader.cues.scene import Scene

            return Scene(self.bundle)

        return self._cue("scene", load)

    @property
    def finder(self) -> FaceFinder | None:
        """What finds faces."""

        def load() -> FaceFinder | None:
            from demeanor.media.faces import FaceFinder

            try:
                return FaceFinder()
            except WeightsError as error:
                self.why["face"] = f"faces cannot be found: {error}"
                return None

        return self._once("finder", load)

    @property
    def recogniser(self) -> Recogniser | None:
        """The speech recogniser; None without the speech extra or its weights."""

        def load() -> Recogniser | None:
            from demeanor.media.speech import load_recogniser

            own = self.bundle.cues.get("voice", {}).get(RECOGNISER, {}).get("sha256")
            try:
                return load_recogniser(RECOGNISER, threads=self.threads, allow_download=not self.offline, prefer=own)
            except (MissingExtraError, WeightsError) as error:
                self.why["speech"] = f"speech was not recognised: {error}"
                return None

        return self._once("recogniser", load)

    def fuse(self, evidence: Mapping[str, Evidence], *, joint: bool = False) -> tuple[Reading, dict[str, Reading]]:
        """The reading of all cues and of each; everything None where there is no cue."""
        from demeanor.reader.fuse import fuse

        if not evidence:
            return Reading(None, None, None, None, "pooled", abstain=True), {}
        return fuse(evidence, self.bundle, joint=joint)

    def average(self, evidences: Sequence[Evidence], weights: Sequence[float]) -> Evidence:
        """One cue over several pieces."""
        from demeanor.reader.fuse import average

        return evidences[0] if len(evidences) == 1 else average(evidences, weights)

    def _cue(self, name: str, load: Callable[[], T]) -> T | None:
        if name not in self.bundle.cues:
            self.why[name] = f"the bundle {self.bundle.name} has no expert for '{name}'; take another one for that cue"
            return None
        return self._once(name, load)

    def _once(self, name: str, load: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load()
            found: T = self._loaded[name]  # type: ignore[assignment]
            return found


def reason(error: DemeanorError) -> str:
    """An error as a warning: one line."""
    return " ".join(str(error).split())
