"""An ONNX file from nodes and arrays, with numpy alone: the target environment has no `onnx`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FLOAT, INT64 = 1, 7
OPSET, IR = 11, 6
# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_MODEL = {"ir_version": 1, "producer_name": 2, "graph": 7, "opset_import": 8}
_GRAPH = {"node": 1, "name": 2, "initializer": 5, "input": 11, "output": 12}
_NODE = {"input": 1, "output": 2, "name": 3, "op_type": 4, "attribute": 5}
_ATTRIBUTE = {"name": 1, "f": 2, "i": 3, "s": 4, "ints": 8, "type": 20}
_TENSOR = {"dims": 1, "data_type": 2, "name": 8, "raw_data": 9}
_VALUE = {"name": 1, "type": 2}
_FLOAT_ATTRIBUTE, _INT_ATTRIBUTE, _STRING_ATTRIBUTE, _INTS_ATTRIBUTE = 1, 2, 3, 7
_VARINT, _BYTES, _FIXED32 = 0, 2, 5


class Graph:
    """Nodes and weights of one network, in the order in which they were added."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parameters = 0
        self._nodes: list[bytes] = []
        self._weights: list[tuple[bytes, Any]] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        """Return the name of a weight that holds these values."""
        array = np.asarray(values, dtype=kind, order="C")
        name = f"w{len(self._weights)}"
        head = b"".join(_integer(_TENSOR["dims"], size) for size in array.shape)
        head += _integer(_TENSOR["data_type"], INT64 if array.dtype == np.int64 else FLOAT)
        head += _bytes(_TENSOR["name"], name.encode())
        head += _key(_TENSOR["raw_data"], _BYTES) + _varint(array.nbytes)
        self._weights.append((head, array))
        if array.dtype == np.float32:
            self.parameters += array.size
        return name

    def add(self, operator: str, *inputs: str, name: str = "", count: int = 1, **attributes: Any) -> Any:
        """Return the name of the output of a new node, or the names of its `count` outputs."""
        number = len(self._nodes)
        outputs = [name] if name else [f"n{number}" if count == 1 else f"n{number}_{k}" for k in range(count)]
        node = b"".join(_bytes(_NODE["input"], each.encode()) for each in inputs)
        node += b"".join(_bytes(_NODE["output"], each.encode()) for each in outputs)
        node += _bytes(_NODE["name"], f"{operator}_{number}".encode())
        node += _bytes(_NODE["op_type"], operator.encode())
        for key, value in attributes.items():
            node += _bytes(_NODE["attribute"], _attribute(key, value))
        self._nodes.append(node)
        return outputs[0] if count == 1 else tuple(outputs)

    def takes(self, name: str, shape: Sequence[Any]) -> str:
        """Declare an input; a word in place of a number is a dimension of any size."""
        self._inputs.append(_value(name, shape))
        return name

    def gives(self, name: str, shape: Sequence[Any]) -> None:
        """Declare an output."""
        self._outputs.append(_value(name, shape))

    def write(self, path: str) -> int:
        """Write the file piece by piece and return its bytes; no second copy of the weights is made."""
        head = b"".join(_bytes(_GRAPH["node"], node) for node in self._nodes)
        head += _bytes(_GRAPH["name"], self.name.encode())
        tail = b"".join(_bytes(_GRAPH["input"], each) for each in self._inputs)
        tail += b"".join(_bytes(_GRAPH["output"], each) for each in self._outputs)
        framed = [
            _key(_GRAPH["initializer"], _BYTES) + _varint(len(start) + array.nbytes) + start
            for start, array in self._weights
        ]
        held = sum(len(frame) + array.nbytes for frame, (_, array) in zip(framed, self._weights))  # noqa: B905 - 3.8
        model = _integer(_MODEL["ir_version"], IR) + _bytes(_MODEL["producer_name"], b"stackfix")
        model += _bytes(_MODEL["opset_import"], _integer(2, OPSET))
        model += _key(_MODEL["graph"], _BYTES) + _varint(len(head) + held + len(tail))
        with Path(path).open("wb") as stream:
            stream.write(model + head)
            for frame, (_, array) in zip(framed, self._weights):  # noqa: B905 - 3.8
                stream.write(frame)
                stream.write(array.tobytes())
            stream.write(tail)
        return Path(path).stat().st_size


def _varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _integer(field: int, number: int) -> bytes:
    return _key(field, _VARINT) + _varint(number)


def _bytes(field: int, data: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(data)) + data


def _attribute(name: str, value: Any) -> bytes:
    done = _bytes(_ATTRIBUTE["name"], name.encode())
    if isinstance(value, float):
        done += _key(_ATTRIBUTE["f"], _FIXED32) + struct.pack("<f", value)
        kind = _FLOAT_ATTRIBUTE
    elif isinstance(value, int):
        done += _integer(_ATTRIBUTE["i"], value)
        kind = _INT_ATTRIBUTE
    elif isinstance(value, str):
        done += _bytes(_ATTRIBUTE["s"], value.encode())
        kind = _STRING_ATTRIBUTE
    else:
        done += b"".join(_integer(_ATTRIBUTE["ints"], int(each)) for each in value)
        kind = _INTS_ATTRIBUTE
    return done + _integer(_ATTRIBUTE["type"], kind)


def _value(name: str, shape: Sequence[Any]) -> bytes:
    dimensions = b""
    for size in shape:
        dimension = _bytes(2, size.encode()) if isinstance(size, str) else _integer(1, size)
        dimensions += _bytes(1, dimension)
    tensor = _integer(1, FLOAT) + _bytes(2, dimensions)
    return _bytes(_VALUE["name"], name.encode()) + _bytes(_VALUE["type"], _bytes(1, tensor))
