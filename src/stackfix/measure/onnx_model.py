"""ONNX: what a model file takes and gives, or what the file is instead; reads the heads of fields, never the weights.

Source of the layout: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and protobuf's "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stackfix.errors import MeasureError

HEAD = 512
USUAL = "float32"
# TensorProto.DataType; others are no numbers of a picture or an answer, and called by their number
_NUMBERS = {1: USUAL, 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 10: "float16", 11: "float64", 16: "bfloat16"}  # fmt: skip
_VARINT, _EIGHT_BYTES, _LENGTH_DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_GRAPH = 7
# field number -> wire type of ModelProto
_MODEL_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_INITIALIZER, _INPUT, _OUTPUT = 5, 11, 12
_INITIALIZER_NAME = 8
_MOST_FIELDS = 1_000_000
_MOST_TEXT = 4096


class NotAModelError(MeasureError):
    """The file is no whole ONNX model: what it is, as the end of a sentence that begins with its name."""

    def __init__(self, message: str, *, instead: str = "") -> None:
        """Keep the message, and what the file is instead: "lfs", "page", "text" or "" (damaged, or something else)."""
        super().__init__(message)
        self.instead = instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or output: its name, shape and kind of numbers ("float32"; "" where the file does not say).

    A dimension without a number is its name, or "".
    """

    name: str
    shape: tuple[int | str, ...]
    numbers: str = ""

    def __str__(self) -> str:
        kind = f"{self.numbers} " if self.numbers not in ("", USUAL) else ""
        return f"`{self.name}` {kind}[{','.join(str(each) or '?' for each in self.shape)}]"

    def fits(self, shape: tuple[int | None, ...]) -> bool:
        """Whether a tensor of this shape can go through; None is any number, and so is a named dimension.

        A file need not say shapes: what has none can be anything.
        """
        return not self.shape or (
            len(self.shape) == len(shape)
            and all(
                mine == theirs or theirs is None or isinstance(mine, str)
                for mine, theirs in zip(self.shape, shape, strict=True)
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxModel:
    """What a model takes and gives."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __str__(self) -> str:
        takes = ", ".join(map(str, self.inputs)) or "nothing"
        return f"takes {takes} and gives {', '.join(map(str, self.outputs)) or 'nothing'}"


def what_instead(head: bytes) -> tuple[str, str]:
    """Return what the first bytes of a file say that it is, if no model: ("page", "a web page"); ("", "") otherwise."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        return "lfs", "a pointer of Git LFS"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")):
        return "page", "a web page"
    if start.startswith((b"{", b"<", b"[")):
        return "text", "text"
    return "", ""


def read_onnx(path: Path) -> OnnxModel:
    """Return what the model in a file takes and gives; NotAModelError says what the file is instead."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(HEAD)
        if not head:
            raise NotAModelError("is empty")
        instead, words = what_instead(head)
        if instead:
            raise NotAModelError(f"is {words}, not the network itself", instead=instead)
        stream.seek(0)
        graphs = list(_graphs(stream, size))
        if not graphs:
            raise NotAModelError("is not an ONNX model: it holds no graph")
        return _signature(stream, *graphs[-1])


def _graphs(stream: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Yield where the graph begins and ends, after a look at the top level to its end."""
    place = 0
    while place < size:
        tag, place = _number(stream, place)
        field, wire = tag >> 3, tag & 7
        if _MODEL_FIELDS.get(field) != wire:
            raise NotAModelError(
                f"is not an ONNX model (at byte {place})" if place <= size else f"is cut short at byte {size}"
            )
        length, place = _number(stream, place)
        if wire == _LENGTH_DELIMITED:
            if place + length > size:
                raise NotAModelError(f"is cut short: byte {place + length} is needed, {size} are there")
            if field == _GRAPH:
                yield place, place + length
            place += length
            stream.seek(place)
        if place > size:
            raise NotAModelError(f"is cut short at byte {size}")


def _signature(stream: BinaryIO, start: int, end: int) -> OnnxModel:
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    constants: set[str] = set()
    for field, first, last in _fields(stream, start, end):
        if field == _INPUT:
            inputs.append(_tensor(stream, first, last))
        elif field == _OUTPUT:
            outputs.append(_tensor(stream, first, last))
        elif field == _INITIALIZER:
            names = [place for inner, *place in _fields(stream, first, last) if inner == _INITIALIZER_NAME]
            constants.update(_text(stream, *place) for place in names)
    # files of IR 3 list their constants among the inputs
    free = tuple(each for each in inputs if each.name not in constants)
    return OnnxModel(inputs=free, outputs=tuple(outputs))


def _tensor(stream: BinaryIO, start: int, end: int) -> Tensor:
    """Return a ValueInfoProto: name = 1; type = 2, in it tensor_type = 1, elem_type = 1 and shape = 2, dim = 1."""
    name = numbers = ""
    for first, last in _within(stream, [(start, end)], 1):
        name = _text(stream, first, last)
    types = _within(stream, [(start, end)], 2, 1)
    for first, _ in _within(stream, types, 1):
        stream.seek(first)
        kind = _number(stream, first)[0]
        numbers = _NUMBERS.get(kind, f"numbers of ONNX's type {kind}") if kind else ""
    dimensions = _within(stream, types, 2, 1)
    return Tensor(name=name, shape=tuple(_dimension(stream, *place) for place in dimensions), numbers=numbers)


def _within(stream: BinaryIO, places: list[tuple[int, int]], *steps: int) -> list[tuple[int, int]]:
    """Return where the fields of these numbers, each within the one before, begin and end."""
    for step in steps:
        places = [
            (first, last)
            for place in places
            for field, first, last in list(_fields(stream, *place))
            if field == step
        ]
    return places


def _dimension(stream: BinaryIO, start: int, end: int) -> int | str:
    """Return a dimension: dim_value = 1, or dim_param = 2, or nothing."""
    for field, first, last in list(_fields(stream, start, end)):
        if field == 1:
            stream.seek(first)
            return _number(stream, first)[0]
        if field == 2:
            return _text(stream, first, last)
    return ""


def _fields(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each field of a message, and where its value begins and ends."""
    place = start
    for _ in range(_MOST_FIELDS):
        if place >= end:
            return
        stream.seek(place)
        tag, place = _number(stream, place)
        wire = tag & 7
        first = place
        if wire == _LENGTH_DELIMITED:
            length, first = _number(stream, place)
            place = first + length
        elif wire == _VARINT:
            _, place = _number(stream, place)
        elif wire in {_EIGHT_BYTES, _FOUR_BYTES}:
            place += 8 if wire == _EIGHT_BYTES else 4
        else:
            raise NotAModelError(f"is not an ONNX model (at byte {place})")
        if place > end:
            raise NotAModelError(f"is damaged: what begins at byte {first} does not end in its place")
        yield tag >> 3, first, place
    raise NotAModelError(f"is not an ONNX model: more than {_MOST_FIELDS} parts")


def _text(stream: BinaryIO, start: int, end: int) -> str:
    stream.seek(start)
    return stream.read(min(end - start, _MOST_TEXT)).decode("utf-8", "replace")


def _number(stream: BinaryIO, place: int) -> tuple[int, int]:
    """Return the variable-length number at a place, and the place after it."""
    value = shift = 0
    while shift < 70:
        byte = stream.read(1)
        place += 1
        if not byte:
            return 0, place
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            break
        shift += 7
    return value, place
