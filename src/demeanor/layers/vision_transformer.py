"""The Vision Transformer (Dosovitskiy et al. 2021): patches, a summary token, pre-norm blocks; own code."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.errors import ConfigError
from demeanor.layers.dropout import dropout
from demeanor.layers.patches import patches_of


class PreNormBlock(nn.Module):
    """x + attention(norm x), then x + feed_forward(norm x) (eq. 2, 3): (B, N, D) → (B, N, D).

    Args:
        dim: width of a token.
        heads: of the attention.
        dropout: of both branches before they are added.
        drop_path: chance that a sample skips a branch while training.
    """

    def __init__(self, dim: int, heads: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.heads, self.dropout, self.drop_path = heads, dropout, drop_path
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """One block."""
        x = x + self._some(self._attend(self.norm1(x)))
        return x + self._some(self.down(F.gelu(self.up(self.norm2(x)))))

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        a: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return a

    def _some(self, branch: Tensor) -> Tensor:
        branch = dropout(branch, self.dropout, self.training)
        if not self.training or not self.drop_path:
            return branch
        keep = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.drop_path
        return branch * keep / (1 - self.drop_path)


class VisionTransformer(nn.Module):
    """Pictures (B, C, H, W) → tokens (B, 1 + N, D): the summary token, then the patches in reading order.

    Args:
        channels: of the picture.
        side: pixels a side that the learned positions are for; other sizes have them interpolated.
        patch: pixels a side of a patch.
        dim: width of a token.
        layers: number of blocks.
        heads: of the attention.
        dropout: in the blocks.
        drop_path: of the last block; it grows linearly from the first.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        patch: int,
        dim: int,
        layers: int,
        heads: int,
        dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if dim % heads or side % patch:
            raise ConfigError(
                f"expected a width that {heads} heads divide and a side that patches of {patch} divide, "
                f"got width {dim}, side {side}"
            )
        self.patch, self.grid, self.out = patch, side // patch, dim
        self.embed = nn.Linear(channels * patch * patch, dim)
        self.summary = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.randn(1, 1 + self.grid**2, dim) * 0.02)
        self.blocks = nn.ModuleList(
            PreNormBlock(dim, heads, dropout, drop_path * i / max(1, layers - 1)) for i in range(layers)
        )
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def positions_for(self, height: int, width: int) -> Tensor:
        """Positions (1, 1 + height · width, D), those of the patches interpolated to that grid (section 3.2 there)."""
        own = self.positions[:, 1:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        fitted = F.interpolate(own, size=(height, width), mode="bilinear", align_corners=False)
        return torch.cat([self.positions[:, :1], fitted.flatten(2).transpose(1, 2)], 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, 1 + N, D), normalised."""
        height, width = x.shape[2] // self.patch, x.shape[3] // self.patch
        patches = self.embed(patches_of(x, self.patch))
        tokens = torch.cat([self.summary.expand(x.shape[0], -1, -1), patches], 1) + self.positions_for(height, width)
        for block in self.blocks:  # eq. 1 above, eq. 2-4 here
            tokens = block(tokens)
        found: Tensor = self.norm(tokens)
        return found
