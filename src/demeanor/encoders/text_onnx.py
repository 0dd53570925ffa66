"""Hidden states of a text model as an ONNX graph with its `tokenizer.json`: what an export makes of `text_hf`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._graph import EncoderGraph
from demeanor.errors import ConfigError
from demeanor.types import Sample


class Config(EncoderConfig):
    """`graph`: input_ids, attention_mask, token_type_ids (1, time) → states (rows, width); the rest as in `text_hf`."""

    graph: Path
    tokenizer: Path
    width: int = Field(ge=1)
    longest: int = Field(default=256, ge=2)
    prefix: str = ""


class Text(Encoder):
    """(rows, width), as the graph gives them."""

    config: Config
    modality = "text"

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._loaded: tuple[Any, EncoderGraph] | None = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(rows, width) float32; zeros of a text without a token.

        Raises:
            ConfigError: the graph or the tokenizer is not there, or is none.
        """
        if sample.text is None:
            return None
        if self._loaded is None:
            self._loaded = self._tokenizer(), EncoderGraph(self.config.graph)
        tokenizer, graph = self._loaded
        said = tokenizer.encode(self.config.prefix + sample.text)
        if not said.ids:
            return np.zeros((1, self.config.width), np.float32)
        columns = {"input_ids": said.ids, "attention_mask": said.attention_mask, "token_type_ids": said.type_ids}
        return frames(graph.states({name: np.array([column], np.int64) for name, column in columns.items()}))

    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self.config.tokenizer))
        except Exception as error:  # the library raises bare exceptions
            raise ConfigError(
                f"tokenizer: expected a tokenizer.json, got {self.config.tokenizer.name}: {error}"
            ) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.config.longest)
        return tokenizer


ENCODER = Text
