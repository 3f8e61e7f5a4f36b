"""Twins of both networks: YOLOX-L and RTMPose-l, layer by layer, with random weights.

They are as large and as slow as the real ones and find nothing: for speed and memory without a download.
The layers are those of YOLOX-L (depth and width 1) and of CSPNeXt-l with the SimCC head of 133 keypoints, each
batch normalisation folded into its convolution, as in the files that DWPose uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .onnx_writer import Graph

DETECTOR, POSE = "yolox_l.onnx", "dw-ll_ucoco_384.onnx"
SEED = 20261124
# E[swish(x)^2] of a normal x is 0.36, of a large one half of its square: neither may grow or fade over 100 layers
_GAIN = 0.45**-0.5
# a chain of nine additions would otherwise grow 2^9 times
_BRANCH = 0.3
# no random cell may look like a person: 8400 candidates would be suppressed one by one, as in no real picture
_NOBODY = -12.0


class Written(NamedTuple):
    """What was written: parameters and bytes of one file."""

    path: str
    parameters: int
    bytes: int


class Network(Graph):
    """A graph whose layers draw their weights."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name)
        self.random = np.random.default_rng(seed)

    def drawn(self, *shape: int, fan: int, gain: float = 1.0) -> str:
        """Return the name of a random weight whose product with `fan` numbers varies `gain` times as much."""
        weights = self.random.standard_normal(shape, dtype=np.float32)
        weights *= np.float32(gain * fan**-0.5)
        return self.constant(weights)

    def plain(
        self, value: str, inside: int, outside: int, size: int = 1, *, gain: float = 1.0, bias: float = 0.0
    ) -> str:
        """Return a convolution with stride 1 and no activation."""
        weights = self.drawn(outside, inside, size, size, fan=inside * size * size, gain=gain)
        offset = self.constant(np.full(outside, bias))
        return self._convolved(value, weights, offset, size)

    def conv(
        self,
        value: str,
        inside: int,
        outside: int,
        size: int = 1,
        stride: int = 1,
        *,
        each: bool = False,
        gain: float = 1.0,
    ) -> str:
        """Return swish of a convolution; `each` channel by itself (depthwise), or all of them mixed."""
        mixed = 1 if each else inside
        weights = self.drawn(outside, mixed, size, size, fan=mixed * size * size, gain=gain * _GAIN)
        offset = self.constant(self.random.standard_normal(outside, dtype=np.float32) * np.float32(0.1))
        return self.swish(self._convolved(value, weights, offset, size, stride, inside if each else 1))

    def _convolved(
        self, value: str, weights: str, offset: str, size: int, stride: int = 1, group: int = 1
    ) -> str:
        return str(
            self.add(
                "Conv",
                value,
                weights,
                offset,
                kernel_shape=[size, size],
                strides=[stride, stride],
                pads=[size // 2] * 4,
                dilations=[1, 1],
                group=group,
            )
        )

    def swish(self, value: str) -> str:
        """Return x * sigmoid(x)."""
        return str(self.add("Mul", value, self.add("Sigmoid", value)))

    def joined(self, *values: str, axis: int = 1) -> str:
        """Return values one after another along an axis."""
        return str(self.add("Concat", *values, axis=axis))

    def pooled(self, value: str, inside: int, outside: int) -> str:
        """Return the spatial pyramid: three maxima beside the value itself, between two convolutions."""
        half = inside // 2
        value = self.conv(value, inside, half)
        pools = [
            self.add("MaxPool", value, kernel_shape=[size, size], strides=[1, 1], pads=[size // 2] * 4)
            for size in (5, 9, 13)
        ]
        return self.conv(self.joined(value, *pools), 4 * half, outside)


def yolox(seed: int = SEED) -> Network:
    """Return the twin of yolox_l.onnx."""
    net = Network("yolox_l_twin", seed)
    picture = net.takes("images", [1, 3, 640, 640])
    patches = [_strided(net, picture, row, column) for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))]
    value = net.add("Mul", net.joined(*patches), net.constant(1 / 128))
    value = net.conv(value, 12, 64, 3)
    levels = []
    for inside, outside, blocks in ((64, 128, 3), (128, 256, 9), (256, 512, 9)):
        value = net.conv(value, inside, outside, 3, 2)
        value = _partial(net, value, outside, outside, blocks, added=True)
        levels.append(value)
    value = net.conv(value, 512, 1024, 3, 2)
    value = net.pooled(value, 1024, 1024)
    value = _partial(net, value, 1024, 1024, 3)
    coarse = net.conv(value, 1024, 512)
    middle = _partial(net, net.joined(_doubled(net, coarse), levels[2]), 1024, 512, 3)
    narrow = net.conv(middle, 512, 256)
    fine = _partial(net, net.joined(_doubled(net, narrow), levels[1]), 512, 256, 3)
    middle = _partial(net, net.joined(net.conv(fine, 256, 256, 3, 2), narrow), 512, 512, 3)
    coarse = _partial(net, net.joined(net.conv(middle, 512, 512, 3, 2), coarse), 1024, 1024, 3)
    rows = []
    for features, channels, side in ((fine, 256, 80), (middle, 512, 40), (coarse, 1024, 20)):
        stem = net.conv(features, channels, 256)
        kind = net.conv(net.conv(stem, 256, 256, 3), 256, 256, 3)
        place = net.conv(net.conv(stem, 256, 256, 3), 256, 256, 3)
        kinds = net.add("Sigmoid", net.plain(kind, 256, 80))
        there = net.add("Sigmoid", net.plain(place, 256, 1, gain=0.1, bias=_NOBODY))
        level = net.joined(net.plain(place, 256, 4), there, kinds)
        rows.append(net.add("Reshape", level, net.constant([1, 85, side * side], np.int64)))
    net.add("Transpose", net.joined(*rows, axis=2), name="output", perm=[0, 2, 1])
    net.gives("output", [1, 8400, 85])
    return net


def _strided(net: Network, value: str, row: int, column: int) -> str:
    for axis, start in ((2, row), (3, column)):
        places = [net.constant([number], np.int64) for number in (start, 2**31 - 1, axis, 2)]
        value = net.add("Slice", value, *places)
    return value


def _doubled(net: Network, value: str) -> str:
    return str(
        net.add(
            "Resize",
            value,
            net.constant([]),
            net.constant([1, 1, 2, 2]),
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
    )


def _partial(net: Network, value: str, inside: int, outside: int, blocks: int, *, added: bool = False) -> str:
    """Return a cross stage partial layer of YOLOX: half the channels through a chain of bottlenecks."""
    half = outside // 2
    chain, straight = net.conv(value, inside, half), net.conv(value, inside, half)
    for _ in range(blocks):
        made = net.conv(net.conv(chain, half, half), half, half, 3, gain=_BRANCH if added else 1.0)
        chain = net.add("Add", made, chain) if added else made
    return net.conv(net.joined(chain, straight), outside, outside)


def rtmpose(seed: int = SEED + 1) -> Network:
    """Return the twin of dw-ll_ucoco_384.onnx."""
    net = Network("dw_ll_ucoco_384_twin", seed)
    value = net.takes("input", ["batch", 3, 384, 288])
    value = net.conv(value, 3, 32, 3, 2)
    value = net.conv(net.conv(value, 32, 32, 3), 32, 64, 3)
    for inside, outside, blocks in ((64, 128, 3), (128, 256, 6), (256, 512, 6), (512, 1024, 3)):
        value = net.conv(value, inside, outside, 3, 2)
        last = outside == 1024
        if last:
            value = net.pooled(value, outside, outside)
        value = _attended(net, value, outside, blocks, added=not last)
    value = net.plain(value, 1024, 133, 7)
    # written as PyTorch writes flatten(2): the shape is reckoned from the value's own
    start = net.add("Slice", net.add("Shape", value), *(net.constant([n], np.int64) for n in (0, 2, 0)))
    shape = net.joined(start, net.constant([-1], np.int64), axis=0)
    value = _normalised(net, net.add("Reshape", value, shape), 108)
    value = net.add("MatMul", value, net.drawn(108, 256, fan=108))
    value = _gated(net, value)
    for name, bins in (("simcc_x", 576), ("simcc_y", 768)):
        net.add("MatMul", value, net.drawn(256, bins, fan=256, gain=0.1), name=name)
        net.gives(name, ["batch", 133, bins])
    return net


def _attended(net: Network, value: str, channels: int, blocks: int, *, added: bool) -> str:
    """Return a layer of CSPNeXt: a chain of 3x3 and depthwise 5x5, then each channel weighted by its mean."""
    half = channels // 2
    straight, chain = net.conv(value, channels, half), net.conv(value, channels, half)
    for _ in range(blocks):
        made = net.conv(net.conv(chain, half, half, 3), half, half, 5, each=True)
        made = net.conv(made, half, half, gain=_BRANCH if added else 1.0)
        chain = net.add("Add", made, chain) if added else made
    value = net.joined(chain, straight)
    # a mean does not vary as one pixel does: with weights as large as elsewhere the gate would be a step, in which the last
    # bit of a number becomes a thousandth of the answer
    mean = net.plain(net.add("GlobalAveragePool", value), channels, channels, gain=0.1)
    weight = net.add("HardSigmoid", mean, alpha=1 / 6, beta=0.5)
    return net.conv(net.add("Mul", value, weight), channels, channels, gain=2.0)


def _normalised(net: Network, value: str, size: int) -> str:
    """Return the value divided by its length over its last axis, times one weight."""
    length = net.add("ReduceL2", value, axes=[2], keepdims=1)
    length = net.add("Mul", length, net.constant(size**-0.5))
    length = net.add("Clip", length, net.constant(1e-5))
    return str(net.add("Mul", net.add("Div", value, length), net.constant([1.0])))


def _gated(net: Network, value: str) -> str:
    """Return RTMPose's gated attention unit: 256 numbers a keypoint, 512 inside, keys of 128."""
    inner = _normalised(net, value, 256)
    inner = net.swish(net.add("MatMul", inner, net.drawn(256, 1152, fan=256)))
    gate, content, base = net.add("Split", inner, count=3, axis=2, split=[512, 512, 128])
    sides = []
    for _ in range(2):
        scaled = net.add("Mul", base, net.constant(net.random.standard_normal(128, dtype=np.float32)))
        sides.append(net.add("Add", scaled, net.constant(np.zeros(128))))
    score = net.add("MatMul", sides[0], net.add("Transpose", sides[1], perm=[0, 2, 1]))
    positive = net.add("Relu", net.add("Div", score, net.constant(128**0.5)))
    mixed = net.add("MatMul", net.add("Mul", positive, positive), content)
    made = net.add("MatMul", net.add("Mul", gate, mixed), net.drawn(512, 256, fan=512))
    return str(net.add("Add", net.add("Mul", value, net.constant(np.ones(256))), made))


def write(folder: str) -> tuple[Written, Written]:
    """Write both twins into a folder."""
    made: list[Any] = []
    for name, build in ((DETECTOR, yolox), (POSE, rtmpose)):
        path = str(Path(folder) / name)
        network = build()
        made.append(Written(path, network.parameters, network.write(path)))
    return made[0], made[1]
