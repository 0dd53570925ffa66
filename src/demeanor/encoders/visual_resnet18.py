"""ResNet-18 features: what a network trained to name pictures sees, before it names anything.

Paper: He et al. 2016, "Deep Residual Learning for Image Recognition", CVPR. The network is our own; its parameters are
named as torchvision's, so that a file of those (ImageNet: `resnet18-f37072fd.pth`) or of our image model loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._media import Picture, PictureConfig, pictures_of
from demeanor.errors import ConfigError
from demeanor.plugins import require
from demeanor.types import Sample

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures in [0, 1], by channel."""


class Config(PictureConfig):
    """`weights`: a .safetensors or a state dict; `regions`: a vector per region of the last map, not per picture."""

    weights: Path
    size: int = Field(default=224, ge=32)
    regions: bool = False


class Resnet18(Encoder):
    """(pictures, 512), or (pictures · regions, 512), row by row of the map: never the logits of the 1 000 classes."""

    config: Config
    modality = "visual"
    portable = False

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._network: Any = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, 512) float32.

        Raises:
            DataError: the picture or film cannot be read.
            MissingExtraError: torch is not installed.
            ConfigError: the weights are not there, or not a ResNet-18's.
        """
        pictures = pictures_of(sample, self.config)
        if pictures is None:
            return None
        torch = require("torch", "lab", "ResNet-18 features")
        if self._network is None:
            self._network = network(self.config.weights)
        rows = []
        with torch.inference_mode():
            for picture in pictures:  # one at a time: a batch would change the last digits
                last = self._network.maps(torch.from_numpy(normalised(picture, self.config.size)[None]))[-1][0]
                rows.append((last.flatten(1).T if self.config.regions else last.mean((1, 2))[None]).numpy())
        return frames(np.concatenate(rows))


def normalised(picture: Picture, size: int) -> NDArray[np.float32]:
    """RGB (height, width, 3) squeezed to (3, size, size), ImageNet's mean and spread taken out."""
    import cv2

    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    x = (small - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)
    return np.ascontiguousarray(x.transpose(2, 0, 1))


def network(path: Path) -> Any:
    """The network with a file's weights, its last layer left out.

    Raises:
        ConfigError: no such file, or not these parameters.
    """
    torch = require("torch", "lab", "ResNet-18 features")
    from demeanor.layers.resnet18 import ResNet18

    if not path.is_file():
        raise ConfigError(f"weights: expected a file at {path}, found nothing there; see docs/encoders.md for where to")
    if path.suffix == ".safetensors":
        state = require("safetensors.torch", "lab", "reading weights").load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    found = ResNet18(width=len(state["bn1.weight"]) if "bn1.weight" in state else 64)
    try:
        found.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigError(f"{path.name}: expected the parameters of a ResNet-18, got others: {error}") from None
    found.eval()
    return found


ENCODER = Resnet18
