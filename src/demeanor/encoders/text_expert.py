"""What the shipped words expert sees in a text: its hidden vector, and what its heads make of it; or its tokens.

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
from demeanor.errors import ConfigError
from demeanor.types import Sample

HEADS = ("polarity", "emotions", "score")

_STATES = "/layers.{}/norm2/LayerNormalization_output_0"  # what layer n of the text Transformer gives, in the graph
_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1  # field numbers of onnx.proto3


def with_output(graph: bytes, name: str) -> bytes:
    """An ONNX graph with a tensor inside of it as one more output; `name` has at most a hundred letters.

    Of two messages of a protocol buffer, one written after the other, the reader makes one: their lists are joined.
    """
    data = name.encode()
    for field in (_VALUE_NAME, _GRAPH_OUTPUT, _MODEL_GRAPH):
        data = bytes((field << 3 | 2, len(data))) + data
    return graph + data


@lru_cache(maxsize=1)
def _loaded(graph: Path, tokenizer: Path, longest: int, states: str | None) -> tuple[Any, TextTokens]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    model = graph.read_bytes()
    if states is not None:
        if states.encode() not in model:
            raise ConfigError(f"layer: expected one of the layers of {graph.name}, counted from 0; it has no {states}")
        model = with_output(model, states)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]), TextTokens(tokenizer, longest)


class Config(EncoderConfig):
    """`graph`, `tokenizer`: of a bundle; `max_tokens`: longer text keeps its beginning and its end; `heads`: the eleven
    raw outputs of the heads after the hidden vector; `layer`: a row per token instead, its states after that layer (the
    hidden vector is the mean of the last one's, 11 in `base`).
    """

    graph: Path = SHIPPED.parent / "words.onnx"
    tokenizer: Path = SHIPPED
    max_tokens: int = Field(default=96, ge=2)
    heads: bool = True
    layer: int | None = Field(default=None, ge=0)


class Expert(Encoder):
    """(1, 384), with `heads` (1, 395): logits of three polarities and seven emotions, and the score behind them; with
    `layer` (tokens, 384).
    """

    config: Config
    modality = "text"

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1 or tokens, dim) float32.

        Raises:
            ConfigError: the graph has no such layer.
        """
        if sample.text is None:
            return None
        c = self.config
        states = None if c.layer is None else _STATES.format(c.layer)
        session, tokens = _loaded(c.graph, c.tokenizer, c.max_tokens, states)
        ids = tokens.encode([sample.text])[0][None]
        given = {"ids": ids, "valid": np.ones(ids.shape, bool)}
        if states is not None:
            return frames(session.run([states], given)[0][0])
        found = session.run(["hidden", *(HEADS if c.heads else ())], given)
        return frames(np.concatenate([np.ravel(x) for x in found])[None])


ENCODER = Expert
