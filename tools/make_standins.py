"""Write data/standins/: two small networks with DWPose's names, shapes and operators, a picture, the truth.

A person in the picture is a filled rectangle in which red is 200 above green; everything else is grey, of
any brightness. The closed part of each network measures how far that colour reaches left, right, up and
down, and answers with the rectangle and with 133 points at fixed places in it. A random part, made of the
real networks' operators, adds a bounded amount to every number, so that none can be right by accident.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parent))
from standin_scene import KEYPOINT_PLACES, KEYPOINT_SCORES, PEOPLE, draw, truth_of

FOLDER = Path(__file__).resolve().parent.parent / "data" / "standins"
OPSET, IR = 11, 6
RED_ABOVE_GREEN = 200.0
STRIDES = (8, 16, 32)
# the finer a grid, the lower its score: where a coarse cell lies wholly inside a person, it wins
LEVEL_SCORES = (0.7, 0.8, 0.9)


@dataclass(slots=True)
class Graph:
    """Nodes and weights of one network, in the order in which they were added."""

    random: np.random.Generator
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        """Return the name of a weight that holds these values."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Return the name of the output of a new node."""
        output = name or f"n{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, inputs, [output], name=f"{operator}_{output}", **attributes)
        )
        return output

    def conv(self, value: str, weights: Any, bias: Any = None, **attributes: Any) -> str:
        """Return the convolution of a value with given weights."""
        kernel = np.asarray(weights, np.float32)
        inputs = [value, self.constant(kernel)] + ([] if bias is None else [self.constant(bias)])
        return self.add("Conv", *inputs, kernel_shape=kernel.shape[2:], **attributes)

    def random_conv(self, value: str, inside: int, outside: int, *, size: int = 3, stride: int = 1) -> str:
        """Return a random convolution whose output varies about as much as its input."""
        spread = np.sqrt(2.0 / (inside * size * size))
        weights = self.random.normal(0, spread, (outside, inside, size, size))
        bias = self.random.normal(0, 0.1, outside)
        pad = size // 2
        return self.conv(value, weights, bias, strides=[stride, stride], pads=[pad] * 4)

    def swish(self, value: str) -> str:
        """Return x * sigmoid(x), the activation of both real networks."""
        return self.add("Mul", value, self.add("Sigmoid", value))

    def clip(self, value: str, low: float = 0.0, high: float = 1.0) -> str:
        """Return a value kept between two bounds."""
        return self.add("Clip", value, self.constant(low), self.constant(high))

    def scaled(self, value: str, factor: Any, offset: Any = None) -> str:
        """Return value * factor (+ offset)."""
        product = self.add("Mul", value, self.constant(factor))
        return product if offset is None else self.add("Add", product, self.constant(offset))

    def reshape(self, value: str, *shape: int) -> str:
        """Return the value in another shape; 0 keeps a dimension, -1 is the rest."""
        return self.add("Reshape", value, self.constant(shape, np.int64))

    def cut(self, value: str, axis: int, start: int, end: int, step: int = 1) -> str:
        """Return a slice of a value."""
        places = [self.constant([number], np.int64) for number in (start, end, axis, step)]
        return self.add("Slice", value, *places)

    def bounded(self, value: str, amount: float) -> str:
        """Return something between -amount and amount that depends on the value."""
        return self.scaled(self.add("HardSigmoid", value, alpha=0.2, beta=0.5), 2 * amount, -amount)

    def model(self, inputs: Any, outputs: Any, name: str) -> Any:
        """Return the finished model, checked."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        model.producer_name = "stand-in"
        onnx.checker.check_model(model, full_check=True)
        return model


def reach(graph: Graph, mask: str, steps: int, directions: Sequence[tuple[int, int]]) -> str:
    """Return how many pixels the mask goes on in each direction (down, right: -1, 0 or 1), fractions counted.

    `going` holds whether the last 2^i pixels are all in the mask, `count` how many of them are; each step
    shifts both by 2^i with a dilated convolution that has one weight, and so doubles how far they see.
    The two go apart: joined and cut again, onnxruntime 1.16 and 1.17 get them wrong from the second run on.
    """
    count = graph.conv(mask, np.ones((len(directions), 1, 1, 1)))
    going = graph.clip(graph.scaled(count, 8.0))
    height = 3 if any(down for down, _ in directions) else 1
    shift = np.zeros((len(directions), 1, height, 3), np.float32)
    for channel, (down, right) in enumerate(directions):
        # what lies in a direction is read, so that the count comes from there
        shift[channel, 0, height // 2 + down, 1 + right] = 1.0
    for step in range(steps):
        far = 2**step
        above = far if height > 1 else 0
        sides = {
            "group": len(directions),
            "dilations": [max(above, 1), far],
            "pads": [above, far, above, far],
        }
        beyond = graph.add("Mul", going, graph.conv(count, shift, **sides))
        count = graph.add("Add", count, beyond)
        going = graph.add("Mul", going, graph.conv(going, shift, **sides))
    return count


def logarithm(graph: Graph, value: str) -> str:
    """Return the natural logarithm of [1,2,h,w] values from 1 to 80, by 64 straight pieces (off by 0.0006)."""
    nodes = np.geomspace(1.0, 80.0, 65)
    slopes = np.diff(np.log(nodes)) / np.diff(nodes)
    steps = np.diff(slopes, prepend=0.0)
    pieces = len(steps)
    spread = np.zeros((2 * pieces, 2, 1, 1), np.float32)
    gather = np.zeros((2, 2 * pieces, 1, 1), np.float32)
    for side in range(2):
        own = slice(side * pieces, (side + 1) * pieces)
        spread[own, side, 0, 0] = 1.0
        gather[side, own, 0, 0] = steps
    hinges = graph.add("Relu", graph.conv(value, spread, np.tile(-nodes[:-1], 2)))
    return graph.conv(hinges, gather)


def detector(seed: int = 1) -> Any:
    """Return the stand-in for yolox_l.onnx."""
    graph = Graph(np.random.default_rng(seed))
    # R - G of an 8x8 cell, 1 where the cell lies wholly in a person
    colour = np.zeros((1, 3, 1, 1), np.float32)
    colour[0, :2, 0, 0] = (1 / RED_ABOVE_GREEN, -1 / RED_ABOVE_GREEN)
    person = graph.clip(graph.conv("images", colour))
    cover = graph.conv(person, np.full((1, 1, 8, 8), 1 / 64), strides=[8, 8])
    reached = reach(graph, cover, 7, ((0, -1), (0, 1), (-1, 0), (1, 0)))
    # left and right edges relative to the cell's own corner: 1 - left, right
    turn = np.zeros((4, 4, 1, 1), np.float32)
    turn[0, :2, 0, 0] = (-0.5, 0.5)  # centre across, less the cell: (1 - left + right) / 2
    turn[1, 2:, 0, 0] = (-0.5, 0.5)
    turn[2, :2, 0, 0] = (1.0, 1.0)  # width: left + right - 1, the cell itself was counted twice
    turn[3, 2:, 0, 0] = (1.0, 1.0)
    measures = graph.conv(reached, turn, [0.5, 0.5, -1.0, -1.0])
    centre = graph.cut(measures, 1, 0, 2)
    size = logarithm(graph, graph.clip(graph.cut(measures, 1, 2, 4), 1.0, 80.0))
    inside = graph.clip(graph.scaled(cover, 50.0, -49.0))
    closed = graph.add("Concat", centre, size, inside, axis=1)
    flat = []
    for level, features in enumerate(backbone(graph)):
        flat.append(head(graph, closed, features, level))
    rows = graph.add("Concat", *flat, axis=2)
    graph.add("Transpose", rows, name="output", perm=[0, 2, 1])
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 640, 640])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 8400, 85])
    return graph.model([images], [output], "yolox_l_standin")


def backbone(graph: Graph) -> list[str]:
    """Return random features on the grids of 8, 16 and 32 pixels, 32 channels each, built as YOLOX's are."""
    patches = []
    for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)):
        patches.append(graph.cut(graph.cut("images", 2, row, 640, 2), 3, column, 640, 2))
    stem = graph.scaled(graph.add("Concat", *patches, axis=1), 1 / 128, -1.0)
    value = graph.swish(graph.random_conv(stem, 12, 12, stride=2))
    fine = graph.swish(graph.random_conv(value, 12, 24, stride=2))
    middle = graph.swish(graph.random_conv(fine, 24, 32, stride=2))
    coarse = graph.swish(graph.random_conv(middle, 32, 32, stride=2))
    pools = [
        graph.add("MaxPool", coarse, kernel_shape=[size, size], strides=[1, 1], pads=[size // 2] * 4)
        for size in (5, 9, 13)
    ]
    coarse = graph.swish(graph.random_conv(graph.add("Concat", coarse, *pools, axis=1), 128, 32, size=1))
    up = _doubled(graph, coarse)
    middle = graph.swish(graph.random_conv(graph.add("Concat", up, middle, axis=1), 64, 32))
    up = _doubled(graph, middle)
    fine = graph.swish(graph.random_conv(graph.add("Concat", up, fine, axis=1), 56, 32))
    return [fine, middle, coarse]


def _doubled(graph: Graph, value: str) -> str:
    scales = graph.constant([1, 1, 2, 2])
    return graph.add(
        "Resize",
        value,
        graph.constant([]),
        scales,
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )


def head(graph: Graph, closed: str, features: str, level: int) -> str:
    """Return the [1,85,n] rows of one grid: the closed answer, and the random part within its bounds."""
    step = 2**level
    side = 80 // step
    own = graph.conv(closed, np.eye(5).reshape(5, 5, 1, 1), strides=[step, step]) if level else closed
    branch = graph.random_conv(graph.swish(graph.random_conv(features, 32, 32)), 32, 85, size=1)
    # 0.02 cells of the centre, 0.0005 of the size's logarithm: a fifth of a pixel in a person of 300
    centre = graph.add(
        "Add",
        graph.scaled(graph.cut(own, 1, 0, 2), 1 / step),
        graph.bounded(graph.cut(branch, 1, 0, 2), 0.004),
    )
    size = graph.add(
        "Add",
        graph.scaled(graph.cut(own, 1, 2, 4), 1.0, float(np.log(8 / STRIDES[level]))),
        graph.bounded(graph.cut(branch, 1, 2, 4), 0.0005),
    )
    near = graph.scaled(graph.bounded(graph.cut(branch, 1, 4, 5), 0.02), 1.0, LEVEL_SCORES[level])
    objectness = graph.add("Mul", graph.cut(own, 1, 4, 5), near)
    person = graph.scaled(graph.bounded(graph.cut(branch, 1, 5, 6), 0.02), 1.0, 0.96)
    others = graph.scaled(graph.bounded(graph.cut(branch, 1, 6, 85), 0.02), 1.0, 0.03)
    rows = graph.add("Concat", centre, size, objectness, person, others, axis=1)
    return graph.reshape(rows, 1, 85, side * side)


def pose(seed: int = 2) -> Any:
    """Return the stand-in for dw-ll_ucoco_384.onnx."""
    graph = Graph(np.random.default_rng(seed))
    mean, deviation = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    colour = np.zeros((1, 3, 1, 1), np.float32)
    colour[0, :2, 0, 0] = (deviation[0] / RED_ABOVE_GREEN, -deviation[1] / RED_ABOVE_GREEN)
    person = graph.clip(graph.conv("input", colour, [(mean[0] - mean[1]) / RED_ABOVE_GREEN]))
    # the middle row and column suffice, for the crop's middle is the person's
    row = graph.cut(person, 2, 191, 192)
    column = graph.add("Transpose", graph.cut(person, 3, 143, 144), perm=[0, 1, 3, 2])
    across, down = _interval(graph, row, 288), _interval(graph, column, 384)
    there = graph.reshape(graph.cut(row, 3, 143, 144), 0, 1, 1)
    value = graph.swish(graph.random_conv("input", 3, 16, size=3, stride=4))
    value = graph.add("MaxPool", value, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    value = graph.swish(graph.random_conv(value, 16, 24, stride=2))
    value = _attended(graph, value, 24)
    value = graph.swish(graph.random_conv(value, 24, 32, stride=2))
    value = graph.random_conv(value, 32, 133, stride=2)
    hidden = _gated(graph, graph.reshape(value, 0, 133, 108))
    height = graph.constant(np.asarray(KEYPOINT_SCORES).reshape(1, 133, 1))
    for name, ends, bins, places in (
        ("simcc_x", across, 576, [place[0] for place in KEYPOINT_PLACES]),
        ("simcc_y", down, 768, [place[1] for place in KEYPOINT_PLACES]),
    ):
        # place k is at (1 - u) * start + u * end; two bins a pixel, the first bin is the first pixel's middle
        mix = np.stack((1 - np.asarray(places), np.asarray(places))) * 2
        target = graph.reshape(graph.add("MatMul", ends, graph.constant(mix)), 0, 133, 1)
        distance = graph.add("Sub", target, graph.constant(np.arange(bins).reshape(1, 1, bins)))
        # a hill four bins wide to each side: 1 - (d / 4)^2, never below 0, where there is a person
        hill = graph.clip(graph.scaled(graph.add("Mul", distance, distance), -1 / 16, 1.0))
        answer = graph.add("Mul", graph.add("Mul", hill, height), there)
        weights = graph.random.normal(0, 0.5, (64, bins))
        noise = graph.bounded(graph.add("MatMul", hidden, graph.constant(weights)), 0.01)
        graph.add("Add", answer, noise, name=name)
    taken = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 384, 288])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 133, bins])
        for name, bins in (("simcc_x", 576), ("simcc_y", 768))
    ]
    return graph.model([taken], outputs, "dw_ll_ucoco_384_standin")


def _interval(graph: Graph, line: str, length: int) -> str:
    """Return [batch, 2]: where the person starts and ends on a line, in pixel middles, from the line's middle."""
    reached = reach(graph, line, 8, ((0, -1), (0, 1)))
    middle = length // 2
    before = graph.cut(graph.cut(reached, 1, 0, 1), 3, middle - 1, middle)
    after = graph.cut(graph.cut(reached, 1, 1, 2), 3, middle, middle + 1)
    both = graph.reshape(graph.add("Concat", before, after, axis=1), 0, 2)
    return graph.scaled(both, [-1.0, 1.0], [middle - 0.5, middle - 0.5])


def _attended(graph: Graph, value: str, channels: int) -> str:
    """Return the value weighted channel by channel, as RTMPose's backbone weights it."""
    pooled = graph.random_conv(graph.add("GlobalAveragePool", value), channels, channels, size=1)
    return graph.add("Mul", value, graph.add("HardSigmoid", pooled, alpha=1 / 6, beta=0.5))


def _gated(graph: Graph, value: str) -> str:
    """Return [batch,133,64]: normalised, then attended with squared ReLU in place of a softmax."""
    length = graph.add("ReduceL2", value, axes=[2], keepdims=1)
    value = graph.add("Div", value, graph.clip(graph.scaled(length, 108**-0.5), 1e-5, 1e5))

    def projected() -> str:
        return graph.add("MatMul", value, graph.constant(graph.random.normal(0, 108**-0.5, (108, 64))))

    query, key, content = graph.swish(projected()), graph.swish(projected()), graph.swish(projected())
    score = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 2, 1]))
    positive = graph.add("Relu", graph.scaled(score, 0.125))
    mixed = graph.add("MatMul", graph.add("Mul", positive, positive), content)
    return graph.add("Add", content, graph.scaled(mixed, 0.1))


def main(folder: Path = FOLDER) -> None:
    """Write the two networks, the picture and the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in (("yolox_l.onnx", detector()), ("dw-ll_ucoco_384.onnx", pose())):
        (folder / name).write_bytes(model.SerializeToString(deterministic=True))
        print(f"{name}: {(folder / name).stat().st_size} bytes")
    (folder / "scene.png").write_bytes(draw(640, 480, PEOPLE, seed=3))
    text = json.dumps(truth_of(PEOPLE), sort_keys=True, separators=(",", ":"))
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
