"""Click maps: clicks drawn as network input, in PyTorch; `arrays` draws the same in NumPy.

Points are (B, 2P, 3) floating-point tensors as in RITM: the first P rows of a sample are positive
clicks, the last P negative; columns are row, column (network-input pixels, fractional allowed) and
order. A row whose coordinates are both negative is padding. Of clicks outside the image, the part
that reaches into it is drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

Size = tuple[int, int]


def disk_maps(points: Tensor, size: Size, radius: float) -> Tensor:
    """Draw (B, 2, H, W) maps: 1 within ``radius`` pixels (inclusive) of a click, else 0.

    Only the window round each click is computed, so the cost does not grow with the image.
    """
    height, width = size
    batch, slots, _ = points.shape
    centres = points[..., :2]
    reach = torch.arange(-int(radius) - 1, int(radius) + 2, device=points.device)
    pixels = torch.floor(centres).unsqueeze(-1) + reach  # (B, 2P, 2, K) rows and columns
    squared = (pixels - centres.unsqueeze(-1)).to(torch.float32) ** 2
    near = squared[:, :, 0, :, None] + squared[:, :, 1, None, :] <= radius**2
    rows, cols = pixels[:, :, 0, :, None], pixels[:, :, 1, None, :]
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    sample, slot, row, col = torch.nonzero(
        near & inside & ~_is_padding(points)[..., None, None], as_tuple=True
    )
    maps = torch.zeros((batch, 2, height, width), device=points.device)
    sign = (slot >= slots // 2).long()
    maps[
        sample,
        sign,
        pixels[sample, slot, 0, row].long(),
        pixels[sample, slot, 1, col].long(),
    ] = 1.0
    return maps


def distance_maps(points: Tensor, size: Size, norm_radius: float) -> Tensor:
    """Draw (B, 2, H, W) maps tanh(2 d / norm_radius), d the distance to a click, 1 without one."""
    height, width = size
    batch, slots, _ = points.shape
    coords = points[..., :2]
    rows = torch.arange(height, dtype=torch.float32, device=points.device)
    cols = torch.arange(width, dtype=torch.float32, device=points.device)
    nearest = torch.full((batch, 2, height, width), 1e6, device=points.device)
    padding = _is_padding(points)
    for slot in range(slots):  # one click at a time bounds the memory
        down = ((rows - coords[:, slot, :1]).to(torch.float32) / norm_radius) ** 2
        across = ((cols - coords[:, slot, 1:]).to(torch.float32) / norm_radius) ** 2
        squared = down[:, :, None] + across[:, None, :]
        squared = squared.masked_fill(padding[:, slot, None, None], 1e6)
        sign = int(slot >= slots // 2)
        nearest[:, sign] = torch.minimum(nearest[:, sign], squared)
    return torch.tanh(2 * torch.sqrt(nearest))


def _is_padding(points: Tensor) -> Tensor:
    """Return (B, 2P) bool: both coordinates negative, which marks an unused row."""
    return points[..., :2].amax(dim=-1) < 0
