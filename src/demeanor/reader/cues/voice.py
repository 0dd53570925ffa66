"""The voice: how something is said, from the recogniser's encoder states, or from log-mel frames without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from demeanor.bundle import Bundle
from demeanor.calibration.domain import Domain, distance
from demeanor.encoders.audio_logmel import log_mel
from demeanor.encoders.audio_states import pooled_states
from demeanor.media.speech import Heard
from demeanor.reader.cues._evidence import evidence, faded, in_batches
from demeanor.types import Evidence, FloatArray

BATCH = 32
SHORTEST = 0.25
"""Seconds of sound below which nothing is said of a voice."""


class Voice:
    """Reads utterances.

    Args:
        bundle: with one voice expert per encoder.
        sha256: of the recogniser's model file. Its states are only read by the expert that was trained on that very
            model; with None or another model the log-mel expert reads the sound itself.

    Attributes:
        encoder: `whisper-base` or `logmel`.
    """

    def __init__(self, bundle: Bundle, sha256: str | None = None) -> None:
        self._bundle = bundle
        experts = bundle.cues["voice"]
        fits = sha256 is not None and experts.get("whisper-base", {}).get("sha256") == sha256
        self.encoder = "whisper-base" if fits else "logmel"
        self._spec = experts[self.encoder]
        domain = self._spec.get("domain")
        self._domain = None if domain is None else Domain.from_dict(domain)

    def read(self, heard: Sequence[Heard]) -> list[Evidence]:
        """Evidence per utterance, in order."""
        found: list[Evidence] = []
        for part in in_batches(len(heard), BATCH):
            pieces = heard[part]
            outputs = self._run([self.frames(piece) for piece in pieces])
            silent = [self._silent(piece) for piece in pieces]
            reliabilities = [0.0 if quiet else self._reliability(p) for quiet, p in zip(silent, pieces, strict=True)]
            calibration, limits = self._spec["calibration"], self._spec.get("sets")
            said = evidence(outputs, calibration, reliabilities, scored=False, abstain=silent, limits=limits)
            found += [self._within_domain(e) for e in said]
        return found

    def _within_domain(self, said: Evidence) -> Evidence:
        """Less of it where the utterance is unlike all that the expert learned from."""
        if said.abstain or said.embedding is None:
            return said
        return _trusted(said, self._trust(said.embedding))

    def _trust(self, hidden: FloatArray) -> float:
        if self._domain is None:
            return 1.0
        return self._domain.trust(float(distance(hidden[None, -2 * self._spec["dim"] :])[0]))

    def variants(self, frames: Sequence[np.ndarray], of: np.ndarray) -> list[Evidence]:
        """Evidence of stretches of one utterance's frames, (time, dim) each and not empty, trusted as the whole is.

        Args:
            frames: of each stretch.
            of: all frames of the utterance.
        """
        trust = self._trust(self._run([of])["hidden"][0])
        found: list[Evidence] = []
        for part in in_batches(len(frames), BATCH):
            count = len(frames[part])
            said = evidence(self._run(frames[part]), self._spec["calibration"], [1.0] * count, scored=False)
            found += [_trusted(e, trust) for e in said]
        return found

    def frames(self, piece: Heard) -> np.ndarray:
        """Frames (time, dim) of one utterance, at least one."""
        if self.encoder == "logmel":
            return log_mel(piece.samples)
        if piece.states is None or not len(piece.states):
            return np.zeros((1, self._spec["dim"]), np.float32)
        return pooled_states(piece.states)

    def _run(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The graph's outputs of frames (time, dim) each."""
        longest = max(len(x) for x in inputs)
        values = np.zeros((len(inputs), longest, inputs[0].shape[1]), np.float32)
        valid = np.zeros((len(inputs), longest), bool)
        for row, frames in enumerate(inputs):
            values[row, : len(frames)], valid[row, : len(frames)] = frames, True
        return self._bundle.run(self._spec["graph"], {"values": values, "valid": valid})

    @staticmethod
    def _silent(piece: Heard) -> bool:
        return len(piece.samples) < SHORTEST * 16_000 or float(np.abs(piece.samples).max(initial=0)) < 1e-4

    def _reliability(self, piece: Heard) -> float:
        """Rises with the signal-to-noise ratio (half at 3 dB) and with the first second of length."""
        clear = 1 / (1 + np.exp(-(piece.snr - 3) / 4))
        return float(clear * min(1.0, len(piece.samples) / 16_000))


def _trusted(said: Evidence, trust: float) -> Evidence:
    """That part of the evidence; what is not fully trusted was not measured either."""
    if trust == 1:
        return said
    return replace(faded(said, trust, said.reliability * trust, False), limits=None, measured=False)
