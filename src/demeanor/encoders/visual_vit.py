"""Hidden states of a vision Transformer (ViT, DeiT, BEiT, DINO …) of Hugging Face's, from a local folder or the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._faces import ShownConfig, finder_weights, shown
from demeanor.encoders._media import Picture
from demeanor.encoders._pretrained import PretrainedConfig, load_model, pooled, states
from demeanor.plugins import require
from demeanor.types import Sample


class Config(ShownConfig, PretrainedConfig):
    """`pooling`: all tokens (the first, then the patches row by row), their mean, or the first alone."""

    pooling: Literal["none", "mean", "cls"] = "cls"


class Vit(Encoder):
    """(pictures, dim), or (pictures · tokens, dim) without pooling."""

    config: Config
    modality = "visual"
    version = 2
    portable = False

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._loaded: tuple[Any, NDArray[Any], NDArray[Any]] | None = None
        self.cue = "face" if self.config.faces else "scene"

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32.

        Raises:
            DataError: the picture or film cannot be read.
            MissingExtraError: transformers or torch is not installed.
            ConfigError: there is no such model, or no such layer.
        """
        c = self.config
        if sample.video is None and sample.image is None:
            return None
        torch = require("torch", "lab", "pretrained models")
        if self._loaded is None:
            self._loaded = load_model(c, "vision"), *_scale(c)
        model, mean, spread = self._loaded
        pictures = shown(sample, c, max(_sides(model.config.image_size)))
        if pictures is None:
            return None
        rows = []
        for picture in pictures:
            x = (_squeezed(picture, model.config.image_size) - mean) / spread
            pixels = torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)[None]))
            rows.append(pooled(states(model, c.layer, {"pixel_values": pixels}, c.device), c.pooling))
        return frames(np.concatenate(rows))

    def needs(self) -> Mapping[str, str]:
        """The face finder's weights, where faces are looked at."""
        return finder_weights() if self.config.faces else {}


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _squeezed(picture: Picture, size: int | tuple[int, int]) -> NDArray[np.float32]:
    """(height, width, 3) in [0, 1] at the model's size."""
    import cv2

    height, width = _sides(size)
    small: NDArray[np.uint8] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _scale(config: PretrainedConfig) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and spread of the pictures the model was trained on, by channel; one half where it does not say.

    Read from its settings: the processors of transformers themselves would want torchvision.
    """
    base = require("transformers.image_processing_base", "deep", "pretrained models")
    try:
        said, _ = base.ImageProcessingMixin.get_image_processor_dict(
            str(config.model), revision=config.revision or "main", local_files_only=not config.download
        )
    except (OSError, ValueError):
        said = {}
    mean, spread = (np.array(said.get(key) or [0.5] * 3, np.float32) for key in ("image_mean", "image_std"))
    return mean, spread


ENCODER = Vit
