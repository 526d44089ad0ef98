"""Building blocks of the networks."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, C, H, W) bilinearly with aligned corners, as in the RITM family."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def height_width(x: Tensor) -> tuple[int, int]:
    """Return (H, W) of a (B, C, H, W) tensor."""
    return x.shape[2], x.shape[3]


class PooledBatchNorm(nn.BatchNorm2d):
    """Batch norm of channels with one value per image.

    A batch of one has no variance: the running statistics are used and not updated.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        if self.training and len(x) == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


def conv_bn(
    inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, dilation: int = 1
) -> list[nn.Module]:
    """Build a convolution without bias that keeps the size (over ``stride``), and batch norm."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


def conv_bn_relu(
    inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Build `conv_bn` with a ReLU."""
    layers = conv_bn(inputs, outputs, kernel, stride=stride, dilation=dilation)
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def projection(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Build the 1x1 convolution and batch norm of a residual block's shortcut."""
    return nn.Sequential(*conv_bn(inputs, outputs, stride=stride))


class BasicBlock(nn.Module):
    """Residual block of two 3x3 convolutions (He et al. 2016)."""

    expansion = 1

    def __init__(
        self,
        inputs: int,
        planes: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        second_dilation: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, planes, 3, stride=stride, dilation=dilation)
        self.conv2, self.bn2 = conv_bn(planes, planes, 3, dilation=second_dilation)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, planes, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        result: Tensor = self.relu(x + shortcut)
        return result


class Bottleneck(nn.Module):
    """Residual block 1x1, 3x3, 1x1 with four times ``planes`` outputs."""

    expansion = 4

    def __init__(
        self,
        inputs: int,
        planes: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        second_dilation: int = 1,  # noqa: ARG002 - same signature as BasicBlock
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, planes)
        self.conv2, self.bn2 = conv_bn(planes, planes, 3, stride=stride, dilation=dilation)
        self.conv3, self.bn3 = conv_bn(planes, planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 planes, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        result: Tensor = self.relu(x + shortcut)
        return result


def named(**layers: nn.Module) -> nn.Sequential:
    """Build a sequence of layers under their names in model files."""
    return nn.Sequential(OrderedDict(layers))


def separable_conv(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    """Build a depthwise 3x3, a pointwise 1x1 convolution, batch norm and ReLU."""
    depthwise = nn.Conv2d(
        inputs, inputs, 3, padding=dilation, dilation=dilation, groups=inputs, bias=False
    )
    return named(body=nn.Sequential(depthwise, *conv_bn_relu(inputs, outputs)))
