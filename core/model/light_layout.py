"""Layout of the light network, for its makers `light` (PyTorch) and `core.engine.light_graph`."""

from __future__ import annotations

from typing import NamedTuple

STRIDE = 16
"""Coarsest of the encoder's features, and the smallest side of an input."""
STEM_CHANNELS = 32
TAPS = (2, 5, 12, 16)
"""Blocks whose outputs the decoder uses: at strides 4 and 8, of the middle and the deep stage."""
TAP_CHANNELS = (24, 32, 96, 320)
GUIDES = 4
"""Positive clicks, negative clicks, previous mask, what the previous mask leaves out."""

# Of the inverted residuals after the first: output channels, stride, dilation of the depthwise.
_BLOCKS = (
    *[(24, 2, 1), (24, 1, 1)],
    *[(32, 2, 1), (32, 1, 1), (32, 1, 1)],
    *[(64, 2, 1), (64, 1, 1), (64, 1, 1), (64, 1, 1)],
    *[(96, 1, 1), (96, 1, 1), (96, 1, 1)],
    *[(160, 1, 1), (160, 1, 2), (160, 1, 2), (320, 1, 2)],
)
_EXPANSION = 6


class Block(NamedTuple):
    """An inverted residual of the encoder; ``dilation`` is that of its depthwise convolution."""

    inputs: int
    outputs: int
    stride: int
    dilation: int
    expansion: int


def encoder_blocks(middle_stride: int, deep_stride: int) -> list[Block]:
    """Return the encoder's blocks for the strides of a `LightConfig`."""
    blocks = [Block(STEM_CHANNELS, 16, 1, 1, expansion=1)]
    finer = 1  # stride 16 over the stride of the block's input, from the middle stage on
    for index, (outputs, stride, dilation) in enumerate(_BLOCKS, start=1):
        dilation *= finer
        if index == TAPS[1] + 1:
            stride, finer = middle_stride // 8, 16 // middle_stride
        elif index == TAPS[2] + 1:
            stride, finer = deep_stride // middle_stride, 16 // deep_stride
        blocks.append(Block(blocks[-1].outputs, outputs, stride, dilation, _EXPANSION))
    return blocks
