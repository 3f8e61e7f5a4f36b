"""An ONNX model's format: IR version and opsets, from the top-level fields of its protobuf alone.

The graph, which may be hundreds of megabytes, is stepped over. Source of the layout: onnx/onnx.proto, ModelProto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stackfix.errors import MeasureError
from stackfix.measure.reader import Reader

_IR, _GRAPH, _OPSET = 1, 7, 8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_FIELDS = 100_000
_MOST_OPSET = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFormat:
    """IR version, and domain -> opset ("" is ONNX's own domain); `external` bytes are not part of it."""

    ir: int
    opsets: dict[str, int]


def onnx_format(reader: Reader) -> OnnxFormat:
    """Return the format of a model; MeasureError says at which byte it is no model, or where it is cut short."""
    _refuse_other_files(reader)
    ir, opsets, graphs = 0, {}, 0
    for field in _fields(reader):
        if field.number == _IR and field.kind == _VARINT:
            ir = field.value
        elif field.number == _OPSET and field.kind == _BYTES and field.value <= _MOST_OPSET:
            domain, version = _opset(reader.read(field.place, field.value))
            opsets[domain] = version
        graphs += field.number == _GRAPH and field.kind == _BYTES
    if not graphs or not ir:
        raise MeasureError(f"{reader.name}: is no ONNX model: it has no {'graph' if ir else 'IR version'}")
    return OnnxFormat(ir=ir, opsets=opsets)


def _refuse_other_files(reader: Reader) -> None:
    head = reader.read(0, min(64, reader.size))
    if not head:
        raise MeasureError(f"{reader.name}: the file is empty")
    if head.startswith(b"version https://git-lfs"):
        raise MeasureError(f"{reader.name}: is a pointer of Git LFS, not the model itself")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"{")):
        raise MeasureError(f"{reader.name}: is a web page or text, not a model")


class _Field(NamedTuple):
    """One top-level field: its value where it is a number, else its length, and where its bytes begin."""

    number: int
    kind: int
    value: int
    place: int


def _fields(reader: Reader) -> Iterator[_Field]:
    place = 0
    for _ in range(_MOST_FIELDS):
        if place >= reader.size:
            return
        tag, place = _varint(reader, place)
        number, kind = tag >> 3, tag & 7
        if not number or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            raise MeasureError(f"{reader.name}: byte {place}: is no ONNX model")
        if kind == _VARINT:
            value, place = _varint(reader, place)
            yield _Field(number, kind, value, place)
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind == _BYTES:
            length, place = _varint(reader, place)
        if place + length > reader.size:
            raise MeasureError(
                f"{reader.name}: is cut short: {reader.size} bytes, at least {place + length} are expected"
            )
        yield _Field(number, kind, length, place)
        place += length


def _varint(reader: Reader, place: int) -> tuple[int, int]:
    data = reader.read(place, min(10, reader.size - place))
    value = 0
    for count, byte in enumerate(data):
        value |= (byte & 0x7F) << (7 * count)
        if not byte & 0x80:
            return value, place + count + 1
    raise MeasureError(f"{reader.name}: byte {place}: a number without end")


def _opset(data: bytes) -> tuple[str, int]:
    """Return domain and version of an OperatorSetIdProto."""
    domain, version, place = "", 0, 0
    while place < len(data):
        tag = data[place]
        place += 1
        value = shift = 0
        while place < len(data):
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if tag == (1 << 3 | _BYTES):
            domain = data[place : place + value].decode("utf-8", "replace")
            place += value
        elif tag == (2 << 3 | _VARINT):
            version = value
        else:
            break
    return ("" if domain == "ai.onnx" else domain), version
