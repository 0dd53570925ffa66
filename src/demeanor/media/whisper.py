"""Whisper through faster-whisper: a window is encoded once, for language, text, word times and states.

No file is looked for here and no network is used: the model comes from a folder.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError
from demeanor.media.vad import RATE, Interval, Samples
from demeanor.media.windows import LIMIT
from demeanor.plugins import require
from demeanor.types import Word

STRIDE = RATE // 50
"""Samples per frame of the encoder's states."""

_PURPOSE = "recognising speech"
_NO_SPEECH = 0.6  # with an unsure text, the window holds none (the thresholds of OpenAI's own decoder)
_UNSURE = -1.0  # mean log-probability of the tokens
_UNFITTING = 0.3  # mean probability of the words, given the sound
_REPETITIVE = 2.4  # compression ratio of the text
_FASTEST = 7.0  # tokens per second that people speak
_SPARE = 10  # tokens beyond those that people speak, before a loop is taken for one
_WORKERS = 2  # calls from several threads that run at the same time; they share the weights
_MOST_TOKENS = 224  # for one window; OpenAI's own limit
_PROMPTS = {"zh": "以下是普通话的句子。"}  # makes simplified characters and punctuation likely


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was understood of one window.

    Attributes:
        words: with times of the window; none where nothing trustworthy was said.
        trust: in [0, 1], by which the probabilities of the words are too high: the text as a whole may be less likely
            than its words, repetitive, or words where the decoder itself hears none.
        refused: there was a text, and it was not to be trusted at all.
        likelihood: mean log-probability of the tokens; None without any.
    """

    words: list[Word]
    trust: float = 1.0
    refused: bool = False
    likelihood: float | None = None


class Whisper:
    """A loaded model. Safe to use from several threads."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Load from a folder; `threads` 0 takes every core there is (or OMP_NUM_THREADS)."""
        require("faster_whisper", "speech", _PURPOSE)
        import ctranslate2
        from faster_whisper import WhisperModel

        class Model(WhisperModel):  # type: ignore[misc]
            """Takes what is encoded already as it is, so that nothing is encoded twice."""

            def encode(self, features: Any) -> Any:
                return features if isinstance(features, ctranslate2.StorageView) else super().encode(features)

        if not threads and not os.environ.get("OMP_NUM_THREADS"):
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._model = Model(
            str(folder),
            device="cpu",
            compute_type="float32",
            cpu_threads=threads,
            num_workers=_WORKERS,
            local_files_only=True,
        )
        self._view = ctranslate2.StorageView.from_array

    @property
    def languages(self) -> list[str]:
        """Codes of the languages it knows."""
        return list(self._model.supported_languages)

    def encode(self, samples: Samples, room: int = LIMIT) -> NDArray[np.float32]:
        """Encoder states of one window.

        Args:
            samples: (time,), at most 30 s.
            room: samples that the window is padded to with silence. It was trained on 30 s; less costs less than in
                proportion (10 s: a fifth), and the text hardly differs.

        Returns:
            (room / `STRIDE`, dim): 50 frames per second, 1500 of the whole room.

        Raises:
            InputError: more than 30 s.
        """
        if len(samples) > LIMIT:
            raise InputError(f"expected at most 30 s of audio, got {len(samples) / RATE:.1f} s; cut it into windows")
        padded = np.zeros(max(room, len(samples)), np.float32)
        padded[: len(samples)] = samples
        features = self._model.feature_extractor(padded)[:, : len(padded) // 160]
        states: NDArray[np.float32] = np.array(self._model.encode(features), dtype=np.float32)[0]
        return states

    def spoken(self, states: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        """Probabilities of languages over windows of one recording (each (1500, dim)), the likeliest first."""
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        total: dict[str, float] = {}
        for window in self._model.model.detect_language(self._view(np.stack(states))):
            for token, probability in window:
                total[token[2:-2]] = total.get(token[2:-2], 0.0) + probability / len(states)
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def decode(
        self, states: Sequence[NDArray[np.float32]], seconds: Sequence[float], language: str, hurried: bool = False
    ) -> list[Decoded]:
        """What was understood of each window.

        Args:
            states: of each window, (1500, dim).
            seconds: length of each window.
            language: a code such as "en".
            hurried: what is doubtful is refused without a second, more careful try, and a loop is cut short.

        Raises:
            InputError: the model does not know the language.
        """
        tokenizer, options = self._prepared(language)
        if hurried:
            options = replace(options, max_new_tokens=min(_MOST_TOKENS, _SPARE + round(_FASTEST * max(seconds))))
        results = self._forward(np.stack(states), seconds, tokenizer, options)
        careful = replace(options, beam_size=5, no_repeat_ngram_size=4, initial_prompt=None)
        refused = set()
        for at, result in enumerate(results):
            if _is_silence(result):
                results[at] = []
            elif _is_doubtful(result, seconds[at]):
                again = [] if hurried else self._forward(states[at][None], seconds[at : at + 1], tokenizer, careful)[0]
                refused |= {at} if hurried or _is_doubtful(again, seconds[at]) else set()
                results[at] = [] if at in refused else again
        return [_decoded(result, at in refused) for at, result in enumerate(results)]

    def _prepared(self, language: str) -> tuple[Any, Any]:
        """Tokenizer and decoding options for a language."""
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

        if language not in self.languages:
            raise InputError(
                f"expected a language that the recogniser knows ({', '.join(self.languages[:8])}, …), got "
                f"'{language}'; use auto"
            )
        multilingual = self._model.model.is_multilingual
        tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
        options = TranscriptionOptions(
            beam_size=2, best_of=1, patience=1, length_penalty=1, repetition_penalty=1,
            no_repeat_ngram_size=0, log_prob_threshold=_UNSURE, no_speech_threshold=_NO_SPEECH,
            compression_ratio_threshold=_REPETITIVE, condition_on_previous_text=False,
            prompt_reset_on_temperature=0.5, temperatures=[0.0], initial_prompt=_PROMPTS.get(language),
            prefix=None, suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]), without_timestamps=True,
            max_initial_timestamp=0.0, word_timestamps=True, prepend_punctuations="\"'“¿([{-",
            append_punctuations="\"'.。,，!！?？:：”)]}、", multilingual=False, max_new_tokens=_MOST_TOKENS,
            clip_timestamps=[], hallucination_silence_threshold=None, hotwords=None,
        )  # fmt: skip
        return tokenizer, options

    def _forward(
        self, states: NDArray[np.float32], seconds: Sequence[float], tokenizer: Any, options: Any
    ) -> list[list[dict[str, Any]]]:
        """Faster-whisper's segments of each window, by its batched decoding, of windows encoded already."""
        from faster_whisper import BatchedInferencePipeline

        pipeline = BatchedInferencePipeline(self._model)  # keeps the last word's time, so one per call
        chunks = [{"offset": 30.0 * at, "duration": length} for at, length in enumerate(seconds)]
        states = np.ascontiguousarray(states)  # the view below does not own its memory
        outputs: list[list[dict[str, Any]]] = pipeline.forward(self._view(states), tokenizer, chunks, options)
        for at, segments in enumerate(outputs):
            for word in (word for segment in segments for word in segment["words"]):
                word["start"] -= 30.0 * at
                word["end"] -= 30.0 * at
        return outputs


def silero(samples: Samples) -> list[Interval]:
    """Stretches of speech by the Silero network that comes with faster-whisper.

    Args:
        samples: (time,), 16 kHz mono.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        min_silence_duration_ms=160, speech_pad_ms=0, min_speech_duration_ms=90, max_speech_duration_s=28
    )
    return [(s["start"], s["end"]) for s in get_speech_timestamps(samples, options)]


def _is_silence(result: Iterable[dict[str, Any]]) -> bool:
    return all(s["no_speech_prob"] > _NO_SPEECH and s["avg_logprob"] < _UNSURE for s in result)


def _is_doubtful(result: Iterable[dict[str, Any]], seconds: float) -> bool:
    """Whether the text is unsure, fits the sound badly (the prompt's echo), or is a loop.

    A loop is repetitive and faster than anyone speaks: people do say a thing many times.
    """
    return any(
        s["avg_logprob"] < _UNSURE
        or (s["compression_ratio"] > _REPETITIVE and len(s["tokens"]) > _FASTEST * seconds)
        or np.mean([w["probability"] for w in s["words"]] or [1.0]) < _UNFITTING
        for s in result
    )


def _decoded(result: Sequence[dict[str, Any]], refused: bool) -> Decoded:
    """Words and trust of one window.

    The trust brings the words' mean probability down to that of the text as a whole, and further where the text repeats
    itself or where the decoder's own verdict is that nobody speaks.
    """
    words = _words(result)
    if not words:
        return Decoded([], refused=refused)
    tokens = [max(1, len(s["tokens"])) for s in result]
    likelihood = float(np.average([s["avg_logprob"] for s in result], weights=tokens))
    repeats = float(np.average([s["compression_ratio"] for s in result], weights=tokens))
    silence = float(np.average([s["no_speech_prob"] for s in result], weights=tokens))
    single = float(np.mean([w.probability for w in words]))
    trust = min(1.0, math.exp(likelihood) / max(single, 1e-6))
    trust *= min(1.0, _REPETITIVE / max(repeats, 1e-6)) * min(1.0, (1 - silence) / (1 - _NO_SPEECH))
    return Decoded(words, trust, refused, likelihood)


def _words(result: Iterable[dict[str, Any]]) -> list[Word]:
    """Words as recognised, the space before a word kept: it says how words are joined."""
    return [
        Word(w["word"], float(w["start"]), max(float(w["end"]), float(w["start"])), float(w["probability"]))
        for segment in result
        for w in segment["words"]
        if w["word"].strip()
    ]
