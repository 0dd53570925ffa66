"""EfficientNet-Lite0 (Tan & Le 2019; the Lite variant has ReLU6 and no squeeze-excitation), own code.

Parameter names follow the packaged state dict (`efficientnet-lite0-57934424.pth`), so ImageNet weights load unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# repeats, kernel, stride, expansion, input, output channels (Tan & Le 2019, table 1, B0)
STAGES = (
    (1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80), (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320),
)  # fmt: skip
FEATURES = 1280


def same_pad(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's SAME padding, which the weights were trained with: the odd pixel goes to the right and bottom."""
    if stride == 1:
        return F.pad(x, (kernel // 2,) * 4)
    pads = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class Block(nn.Module):
    """Inverted residual: expand 1×1, depthwise k×k, project 1×1; (B, C, H, W) → (B, C', H/s, W/s)."""

    def __init__(self, kernel: int, stride: int, expansion: int, channels: int, out: int, drop: float) -> None:
        super().__init__()
        inner = channels * expansion
        self.kernel, self.stride, self.drop = kernel, stride, drop
        self.expands, self.skips = expansion != 1, stride == 1 and channels == out
        if self.expands:
            self._expand_conv = nn.Conv2d(channels, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=1e-3, momentum=0.01)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=1e-3, momentum=0.01)
        self._project_conv = nn.Conv2d(inner, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """One block, with stochastic depth while training."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(same_pad(y, self.kernel, self.stride))))
        y = self._bn2(self._project_conv(y))
        if not self.skips:
            return y
        if self.training and self.drop:
            keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            y = y * keep / (1 - self.drop)
        return x + y


class EfficientNetLite0(nn.Module):
    """Pictures (B, 3, H, W), normalised as (x − 127) / 128 → pooled features (B, 1280).

    Args:
        drop_path: stochastic depth of the last block; it grows linearly from the first.
        stem_stride: 2 as published; 1 for small pictures.
    """

    def __init__(self, drop_path: float = 0.1, stem_stride: int = 2) -> None:
        super().__init__()
        self.stem_stride = stem_stride
        self._conv_stem = nn.Conv2d(3, 32, 3, stem_stride, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3, momentum=0.01)
        shapes = [(k, s if i == 0 else 1, e, c if i == 0 else o, o) for n, k, s, e, c, o in STAGES for i in range(n)]
        self._blocks = nn.ModuleList(Block(*shape, drop_path * i / len(shapes)) for i, shape in enumerate(shapes))
        self._conv_head = nn.Conv2d(320, FEATURES, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(FEATURES, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features (B, 1280)."""
        return self.maps(x)[-1].mean((2, 3))

    def maps(self, x: Tensor, taps: Sequence[int] = ()) -> list[Tensor]:
        """Feature maps after the blocks named in `taps`, and the last one (B, 1280, h, w)."""
        x = F.relu6(self._bn0(self._conv_stem(same_pad(x, 3, self.stem_stride))))
        found = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in taps:
                found.append(x)
        return [*found, F.relu6(self._bn1(self._conv_head(x)))]
