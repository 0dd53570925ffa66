"""EfficientNet-Lite0 features: a small network trained on ImageNet, its last map averaged.

Paper: Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML. The network is
our own; its parameters are named as in the packaged state dict (`efficientnet-lite0-57934424.pth`, see the Makefile).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._media import PictureConfig, pictures_of
from demeanor.encoders.visual_picture import SIZE, picture_tensor
from demeanor.errors import ConfigError
from demeanor.plugins import require
from demeanor.types import Sample


class Config(PictureConfig):
    """`weights`: the state dict; `size`: side of the square that a picture is squeezed to, as the scene expert does;
    `grid`: with n the picture is n × n regions, each the mean of its part of the last map.
    """

    weights: Path
    size: int = Field(default=SIZE, ge=32)
    grid: int = Field(default=1, ge=1)


class EfficientNet(Encoder):
    """(pictures, 1280), or (pictures · regions, 1280), row by row of the grid."""

    config: Config
    modality = "visual"
    portable = False

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._network: Any = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, 1280) float32.

        Raises:
            DataError: the picture or film cannot be read.
            MissingExtraError: torch is not installed.
            ConfigError: the weights are not there, or not an EfficientNet-Lite0's.
        """
        pictures = pictures_of(sample, self.config)
        if pictures is None:
            return None
        torch = require("torch", "lab", "EfficientNet features")
        if self._network is None:
            self._network = network(self.config.weights)
        with torch.inference_mode():  # one at a time: a batch would change the last digits
            rows = [self._seen(torch.from_numpy(picture_tensor([p], self.config.size))).numpy() for p in pictures]
        return frames(np.concatenate(rows))

    def _seen(self, picture: Any) -> Any:
        """(1, 3, H, W) → (regions, 1280)."""
        if self.config.grid == 1:
            return self._network(picture)
        from torch.nn.functional import adaptive_avg_pool2d

        return adaptive_avg_pool2d(self._network.maps(picture)[-1], self.config.grid)[0].flatten(1).T


def network(path: Path) -> Any:
    """The network with a file's weights; what else the file holds (its class layer) is left out.

    Raises:
        ConfigError: no such file, or not these parameters.
    """
    torch = require("torch", "lab", "EfficientNet features")
    from demeanor.layers.efficientnet_lite import EfficientNetLite0

    if not path.is_file():
        raise ConfigError(f"weights: expected a file at {path}, found nothing there; `make {path}` fetches it")
    found = EfficientNetLite0()
    state = torch.load(path, map_location="cpu", weights_only=True)
    own = found.state_dict()
    if missing := [name for name in own if name not in state or state[name].shape != own[name].shape]:
        raise ConfigError(f"{path.name}: expected the parameters of an EfficientNet-Lite0; missing {missing[0]} …")
    found.load_state_dict({name: state[name] for name in own})
    found.eval()
    return found


ENCODER = EfficientNet
