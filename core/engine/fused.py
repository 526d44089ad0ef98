"""Equivalent networks with less arithmetic, for engines that compute logits only.

HRNet's heads read all branches enlarged to stride 4: a 3x3 and a 1x1 convolution of 15w channels,
a third of the work of a small network. Convolving and enlarging are both linear, so for the two
coarsest branches the channels are mixed where they are small, and enlarging and shifting become
two products with interpolation matrices. The constant half of OCR's last convolution, the
object's context, is added as a bias. All this is exact but for rounding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..model import ClickModel
from ..model.hrnet import HRNet
from ..model.layers import height_width, resize
from ..model.network import HRNetModel

_FINE = 2  # branches whose enlarging costs more than it saves


class FusedNetwork(nn.Module):
    """A click network from the output of `ClickModel.prepare` to logits at stride 4."""

    def __init__(self, model: ClickModel) -> None:
        super().__init__()
        self.model = model
        self.heads: FusedHeads | None = None
        if isinstance(model, HRNetModel) and model.feature_extractor.ocr_width > 0:
            self.heads = FusedHeads(model.feature_extractor)

    def forward(self, rgb: Tensor, maps: Tensor) -> Tensor:
        """Compute (B, 1, H/4, W/4) logits of normalised (B, 3, H, W) RGB and (B, c, H, W) maps."""
        if self.heads is None or not isinstance(self.model, HRNetModel):
            return self.model.decode(self.model.encode(rgb, maps, "A"), "A").instances
        logits: Tensor = self.heads(
            self.model.feature_extractor.branches(*self.model.fuse(rgb, maps))
        )
        return logits


class FusedHeads(nn.Module):
    """`HRNet.context` and ``cls_head`` straight from the branches."""

    def __init__(self, network: HRNet) -> None:
        super().__init__()
        widths = _branch_widths(network)
        self.to_pixels = SplitConv(*_fuse(network.conv3x3_ocr[0], network.conv3x3_ocr[1]), widths)
        self.to_aux = SplitConv(*_fuse(network.aux_head[0], network.aux_head[1]), widths)
        self.aux_out = network.aux_head[3]
        self.gather = network.ocr_gather_head
        attention = network.ocr_distri_head.object_context_block
        self.context = nn.Sequential(attention.f_down, attention.f_up)
        joined = network.ocr_distri_head.conv_bn_dropout
        weight, bias = _fuse(joined[0], next(joined[1].children()))
        half = weight.shape[1] // 2
        self.weight_context = nn.Parameter(weight[:, :half], requires_grad=False)
        self.weight_pixels = nn.Parameter(weight[:, half:], requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.cls_head = network.cls_head

    def forward(self, branches: list[Tensor]) -> Tensor:
        """Compute (B, 1, H/4, W/4) logits from the output of `HRNet.branches`."""
        pixels = F.relu(self.to_pixels(branches))
        aux = self.aux_out(F.relu(self.to_aux(branches)))
        context = F.conv2d(self.context(self.gather(pixels, aux)), self.weight_context, self.bias)
        mixed = F.relu(F.conv2d(pixels, self.weight_pixels) + context)
        logits: Tensor = self.cls_head(mixed)
        return logits


class SplitConv(nn.Module):
    """A 1x1 or 3x3 convolution of all branches at stride 4, without enlarging all of them."""

    def __init__(self, weight: Tensor, bias: Tensor, widths: list[int]) -> None:
        super().__init__()
        self.kernel = weight.shape[2]
        fine, *coarse = torch.split(weight, [sum(widths[:_FINE]), *widths[_FINE:]], dim=1)
        self.fine = nn.Parameter(fine.contiguous(), requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        # Taps become output channels, ordered (channel, row tap, column tap).
        self.coarse = nn.ParameterList(
            nn.Parameter(
                part.permute(0, 2, 3, 1).reshape(-1, part.shape[1], 1, 1), requires_grad=False
            )
            for part in coarse
        )

    def forward(self, branches: list[Tensor]) -> Tensor:
        """(B, w * 2**i, h, w) branches -> (B, C, H/4, W/4)."""
        size = height_width(branches[0])
        near = [branches[0], *(resize(x, size) for x in branches[1:_FINE])]
        result = F.conv2d(torch.cat(near, dim=1), self.fine, self.bias, padding=self.kernel // 2)
        # One product adds up the shifted, enlarged outputs of all taps of all coarse branches.
        rows, downs = [], []
        for x, weight in zip(branches[_FINE:], self.coarse, strict=True):
            rows.append(self._widened(F.conv2d(x, weight), size[1]))
            downs.append(self._shifted(x.shape[2], size[0]))
        down = torch.cat(downs, dim=0).transpose(0, 1)
        return result + torch.matmul(down, torch.cat(rows, dim=2))

    def _widened(self, taps: Tensor, width: int) -> Tensor:
        """Widen (B, C * k * k, h, w) outputs of the taps to (B, C, k * h, width)."""
        k = self.kernel
        batch, _, h, w = taps.shape
        across = self._shifted(w, width)
        if k == 1:
            return torch.matmul(taps, across)
        columns = taps.reshape(batch, -1, k, h, w).transpose(2, 3)  # (B, C * k, h, k, w)
        wide = torch.matmul(columns.reshape(batch, -1, h, k * w), across)
        return wide.reshape(batch, -1, k * h, width)

    def _shifted(self, length: int, enlarged: int) -> Tensor:
        """Build the (k * length, enlarged) interpolation matrix, shifted by each tap."""
        device = self.bias.device
        matrix = resize(torch.eye(length, device=device)[None, None], (length, enlarged))[0, 0]
        if self.kernel == 1:
            return matrix
        before, after = F.pad(matrix[:, :-1], (1, 0)), F.pad(matrix[:, 1:], (0, 1))
        return torch.cat([before, matrix, after], dim=0)


def _branch_widths(network: HRNet) -> list[int]:
    module = network.stage4[-1]
    return [int(branch[0].conv1.in_channels) for branch in module.branches]  # type: ignore


def _fuse(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution with its batch norm folded in."""
    if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise TypeError(f"expected a convolution and its batch norm, got {conv} and {norm}")
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError(f"batch norm without running statistics: {norm}")
    return fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
