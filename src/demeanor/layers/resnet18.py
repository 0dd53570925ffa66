"""ResNet-18 (He et al. 2016, table 1), own code; parameters are named as in torchvision: its weights load unchanged."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.layers.norms import PictureBatchNorm


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut: (B, C, H, W) → (B, C', H/s, W/s)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = PictureBatchNorm(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = PictureBatchNorm(out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), PictureBatchNorm(out))

    def forward(self, x: Tensor) -> Tensor:
        """One block."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet18(nn.Module):
    """Pictures (B, C, H, W) of at least 32 pixels a side → pooled features (B, 8 · width), 512 as published.

    Args:
        channels: of the picture.
        width: of the first stage; the four stages have 1, 2, 4 and 8 times as many channels, at strides 4, 8, 16, 32.
        classes: with a last linear layer `fc`, so that the output is (B, classes); 0 leaves it out.
    """

    def __init__(self, channels: int = 3, width: int = 64, classes: int = 0) -> None:
        super().__init__()
        self.out = 8 * width
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = PictureBatchNorm(width)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        for stage in range(1, 5):
            stride = 1 if stage == 1 else 2
            first = BasicBlock(sizes[stage - 1], sizes[stage], stride)
            self.add_module(f"layer{stage}", nn.Sequential(first, BasicBlock(sizes[stage], sizes[stage], 1)))
        self.fc = nn.Linear(self.out, classes) if classes else nn.Identity()

    def maps(self, x: Tensor) -> list[Tensor]:
        """The feature maps after each of the four stages."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        found = []
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features (B, 8 · width), or logits where there are classes."""
        found: Tensor = self.fc(self.maps(x)[-1].mean((2, 3)))
        return found


def from_torchvision(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Weights of torchvision's ResNet-18 by their names behind a prefix, without the class layer; none of others."""
    if "layer1.0.conv1.weight" not in state:
        return {}
    parts = ("conv1.", "bn1.", "layer")
    return {prefix + k: v for k, v in state.items() if k.startswith(parts)}
