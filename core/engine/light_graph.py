"""The light network as a graph of OpenVINO, made from the weights in its file without PyTorch.

What each part does is said in `core.model.light`, which computes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError
from ..model.config import LightConfig
from ..model.light_layout import GUIDES, STEM_CHANNELS, TAP_CHANNELS, TAPS, Block, encoder_blocks

_BATCH_NORM_EPS = 1e-5
_SPATIAL = np.array([2, 3])

Node = Any
"""An operation of OpenVINO, or what it puts out."""


def build_light_graph(config: LightConfig, weights: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401
    """Return the ``openvino.Model`` of a light network, for inputs of every size and batch.

    From the output of `core.model.arrays.prepare`, (B, 3, H, W) twice, to logits at stride 4.

    Raises
    ------
    CheckpointError
        If a weight is missing, unknown, of another shape or not a number.
    """
    from openvino import Model

    bad = sorted(name for name, values in weights.items() if not np.isfinite(values).all())
    if bad:
        raise CheckpointError(f"it holds values that are not numbers, in {bad[0]}.")
    graph = _Graph(weights)
    inputs = [graph.ops.parameter([-1, 3, -1, -1], np.float32) for _ in ("rgb", "maps")]
    logits = _decoded(graph, config, _encoded(graph, config, *inputs), inputs[1])
    graph.check_all_used()
    return Model([logits], inputs, "light")


def _encoded(graph: _Graph, config: LightConfig, rgb: Node, maps: Node) -> list[Node]:
    """Return the features at the four taps."""
    ops = graph.ops
    embedded = graph.conv(maps, "maps_transform.0", config.map_channels, 16)
    embedded = ops.prelu(embedded, graph.constant(np.array([0.2])))
    embedded = graph.conv(embedded, "maps_transform.2", 16, STEM_CHANNELS, 3, stride=2)
    scale = np.abs(graph.take("maps_transform.3.scale", 1))
    embedded = ops.multiply(embedded, graph.constant(scale.reshape(1, 1, 1, 1)))
    stem = graph.conv(rgb, "encoder.stem", 3, STEM_CHANNELS, 3, stride=2)
    x, taps = ops.clamp(ops.add(stem, embedded), 0.0, 6.0), []
    for index, block in enumerate(encoder_blocks(config.middle_stride, config.deep_stride)):
        x = _inverted_residual(graph, x, f"encoder.blocks.{index}.", block)
        if index in TAPS:
            taps.append(x)
    return taps


def _inverted_residual(graph: _Graph, x: Node, name: str, block: Block) -> Node:
    ops, middle = graph.ops, block.inputs * block.expansion
    y = x
    if block.expansion > 1:
        y = ops.clamp(graph.conv(y, name + "expand", block.inputs, middle), 0.0, 6.0)
    y = graph.depthwise(y, name + "depthwise", middle, block.stride, block.dilation)
    y = graph.conv(ops.clamp(y, 0.0, 6.0), name + "project", middle, block.outputs)
    return ops.add(x, y) if block.stride == 1 and block.inputs == block.outputs else y


def _decoded(graph: _Graph, config: LightConfig, taps: list[Node], maps: Node) -> Node:
    """Return logits at stride 4 from the features at the taps."""
    ops, channels = graph.ops, config.channels
    fine, low, middle, deep = taps

    def lateral(index: int) -> Node:
        name = f"decoder.lateral.{index}."
        return graph.conv(taps[index], name + "0", TAP_CHANNELS[index], channels, norm=name + "1")

    def separable(x: Node, name: str, dilation: int = 1) -> Node:
        x = graph.depthwise(x, name + ".body.0", channels, 1, dilation, bias=False)
        return ops.relu(graph.conv(x, name + ".body.1", channels, channels, norm=name + ".body.2"))

    mean = ops.reduce_mean(deep, graph.constant(_SPATIAL), True)
    mean = graph.conv(mean, "decoder.whole", TAP_CHANNELS[-1], channels)
    deepest = graph.upsample(lateral(3), middle)
    joined = ops.relu(ops.add(ops.add(deepest, lateral(2)), mean))
    top = separable(joined, "decoder.top", 16 // config.middle_stride)
    x = separable(ops.add(graph.upsample(top, low), lateral(1)), "decoder.middle")
    guides = graph.upsample(_guides(graph, maps), low)
    x = separable(ops.add(x, _likeness(graph, x, guides, channels)), "decoder.compared")
    x = ops.add(graph.upsample(x, fine), lateral(0))
    for index in range(3):
        x = separable(x, f"decoder.fine.{index}")
    return graph.conv(x, "head", channels, 1)


def _guides(graph: _Graph, maps: Node) -> Node:
    """Pool previous mask and clicks to (B, 4, ~H / 8, ~W / 8) weights."""
    ops = graph.ops
    pooled = ops.avg_pool(maps, [8, 8], [0, 0], [0, 0], [8, 8], True, "ceil")
    mask, clicks = ops.variadic_split(
        pooled, graph.constant(np.int64(1)), graph.constant(np.array([1, 2]))
    ).outputs()
    largest = ops.reduce_max(mask, graph.constant(_SPATIAL), True)
    has_mask = ops.convert(ops.greater(largest, graph.constant(np.float32(0))), "f32")
    rest = ops.multiply(ops.subtract(graph.constant(np.float32(1)), mask), has_mask)
    return ops.concat([clicks, mask, rest], 1)


def _likeness(graph: _Graph, x: Node, guides: Node, channels: int) -> Node:
    """Return what `SimilarityGuide` adds."""
    ops = graph.ops

    def flat(values: Node, count: int) -> Node:
        return ops.reshape(values, graph.constant(np.array([0, count, -1])), True)

    def normalised(values: Node, axis: int, smallest: float) -> Node:
        return ops.normalize_l2(values, graph.constant(np.array([axis])), smallest**2, "max")

    embedded = graph.conv(x, "decoder.likeness.embed", channels, channels)
    cells = flat(normalised(embedded, 1, 1e-12), channels)
    means = ops.matmul(flat(guides, GUIDES), cells, False, True)
    similarity = ops.matmul(normalised(means, 2, 1e-4), cells, False, False)
    leading = graph.constant(np.array([0, GUIDES]))
    similarity = ops.reshape(similarity, ops.concat([leading, graph.size(x)], 0), True)
    return graph.conv(similarity, "decoder.likeness.spread", GUIDES, channels)


class _Graph:
    """Layers of OpenVINO whose weights are taken by name, each in the shape that it must have."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        from openvino import opset13

        self.ops = opset13
        self._weights = dict(weights)

    def take(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Take a weight out of those that are left."""
        if name not in self._weights:
            raise CheckpointError(
                f"its weights do not fit the architecture 'light' that it names. Missing: {name}."
            )
        values = self._weights.pop(name)
        if values.shape != shape:
            raise CheckpointError(
                f"the weight '{name}' has shape {values.shape}, but the architecture that the "
                f"file names needs {shape}."
            )
        return np.asarray(values, np.float32)

    def check_all_used(self) -> None:
        """Raise a `CheckpointError` if weights are left."""
        if self._weights:
            raise CheckpointError(
                "its weights do not fit the architecture 'light' that it names. Unexpected: "
                f"{min(self._weights)}."
            )

    def constant(self, values: Any) -> Node:  # noqa: ANN401
        """Return a constant; of real numbers in single precision."""
        array = np.asarray(values)
        return self.ops.constant(array.astype(np.float32) if array.dtype.kind == "f" else array)

    def conv(
        self,
        x: Node,
        name: str,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        norm: str | None = None,
    ) -> Node:
        """Convolve; with a bias, or the batch norm ``norm`` folded in."""
        weight = self.take(name + ".weight", outputs, inputs, kernel, kernel)
        if norm is None:
            bias = self.take(name + ".bias", outputs)
        else:
            scale, bias = self._batch_norm(norm, outputs)
            weight = weight * scale[:, None, None, None]
        y = self.ops.convolution(x, self.constant(weight), *_steps(kernel, stride, 1))
        return self._add(y, bias)

    def depthwise(
        self, x: Node, name: str, channels: int, stride: int, dilation: int, *, bias: bool = True
    ) -> Node:
        """Convolve each channel by its own 3x3 kernel."""
        weight = self.take(name + ".weight", channels, 1, 3, 3)[:, None]
        y = self.ops.group_convolution(x, self.constant(weight), *_steps(3, stride, dilation))
        if not bias:
            return y
        return self._add(y, self.take(name + ".bias", channels))

    def size(self, x: Node) -> Node:
        """Return (H, W) of (B, C, H, W) values."""
        shape = self.ops.shape_of(x, "i64")
        return self.ops.gather(shape, self.constant(_SPATIAL), self.constant(np.int64(0)))

    def upsample(self, x: Node, like: Node) -> Node:
        """Resize bilinearly about pixel centres, to the size of ``like``."""
        return self.ops.interpolate(
            x,
            self.size(like),
            mode="linear_onnx",
            shape_calculation_mode="sizes",
            coordinate_transformation_mode="half_pixel",
            axes=self.constant(_SPATIAL),
        )

    def _add(self, x: Node, bias: NDArray[np.float32]) -> Node:
        return self.ops.add(x, self.constant(bias[None, :, None, None]))

    def _batch_norm(
        self, name: str, channels: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the scale and the bias that a batch norm comes to."""
        parts = ("weight", "bias", "running_mean", "running_var")
        weight, bias, mean, variance = (self.take(f"{name}.{part}", channels) for part in parts)
        self.take(f"{name}.num_batches_tracked")
        scale = weight / np.sqrt(variance + np.float32(_BATCH_NORM_EPS))
        return scale, bias - mean * scale


def _steps(kernel: int, stride: int, dilation: int) -> tuple[list[int], ...]:
    """Return strides, paddings before and after, and dilations, for rows and columns each.

    A stride of 2 pads at the bottom and the right, as `core.model.light.SameConv2d`.
    """
    margin = dilation * (kernel // 2)
    before, after = (dilation - 1, dilation) if stride == 2 else (margin, margin)
    return [stride] * 2, [before] * 2, [after] * 2, [dilation] * 2
