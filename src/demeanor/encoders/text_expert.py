"""What the shipped words expert sees in a text: its hidden vector, and what its heads make of it.

It learned from these corpora (the bundle's card has them all): MOSI (std_split), MOSEI, MELD, GoEmotions, tweets, Weibo
and reviews, training parts each. So its numbers fit training samples of those better than new ones, and on another
split of one of them, or with its training part as a validation part, they leak.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders.text_tokens import SHIPPED, TextTokens
from demeanor.types import Sample

HEADS = ("polarity", "emotions", "score")


@lru_cache(maxsize=1)
def _loaded(graph: Path, tokenizer: Path, longest: int) -> tuple[Any, TextTokens]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"]), TextTokens(tokenizer, longest)


class Config(EncoderConfig):
    """`graph`, `tokenizer`: of a bundle; `max_tokens`: longer text keeps its beginning and its end; `heads`: the eleven
    raw outputs of the heads after the hidden vector.
    """

    graph: Path = SHIPPED.parent / "words.onnx"
    tokenizer: Path = SHIPPED
    max_tokens: int = Field(default=96, ge=2)
    heads: bool = True


class Expert(Encoder):
    """(1, 384), with `heads` (1, 395): logits of three polarities and seven emotions, and the score behind them."""

    config: Config
    modality = "text"

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1, dim) float32."""
        if sample.text is None:
            return None
        c = self.config
        session, tokens = _loaded(c.graph, c.tokenizer, c.max_tokens)
        ids = tokens.encode([sample.text])[0][None]
        names = ["hidden", *(HEADS if c.heads else ())]
        found = session.run(names, {"ids": ids, "valid": np.ones(ids.shape, bool)})
        return frames(np.concatenate([np.ravel(x) for x in found])[None])


ENCODER = Expert
