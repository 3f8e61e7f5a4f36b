"""How an AVIF picture is to be cut out and turned, and how many bits its numbers have: OpenCV reads none of its boxes.

Boxes are those of ISO 14496-12 (meta, iprp, ipco, ipma, pitm, clap) and ISO 23008-12 (irot, imir, pixi).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

_MOST_BOXES = 4096
_EIGHT = 8


class Look(NamedTuple):
    """How the decoded picture becomes the one that is meant: crops, quarter turns and mirrorings in order, and its bits."""

    turns: tuple[tuple[str, Any], ...]
    bits: int

    def of(self, picture: Any) -> Any:
        """Return the picture cut out, turned and mirrored, height x width x channels."""
        for kind, value in self.turns:
            if kind == "clap":
                picture = _cut_out(picture, value)
            else:
                # a turn is one against the clock; 0 exchanges top and bottom, 1 left and right
                picture = np.rot90(picture, value) if kind == "irot" else np.flip(picture, value)
        return np.ascontiguousarray(picture)

    def in_8_bits(self, picture: Any) -> Any:
        """Return numbers of 8 bits: OpenCV leaves ten or twelve as they are in sixteen."""
        return (picture >> (self.bits - _EIGHT)).astype(np.uint8) if picture.dtype == np.uint16 else picture


def _cut_out(picture: Any, aperture: tuple[int, ...]) -> Any:
    """Return the clean aperture of a picture, or the whole one where that is no rectangle of whole pixels in it.

    `aperture` is width, height, and how far its middle lies right of and below the picture's, each as a fraction. Only
    whole pixels make one (MIAF, ISO 23000-22, 7.3.6.7), and libavif takes no other for valid.
    """
    wide, high, right, down = (aperture[at : at + 2] for at in range(0, 8, 2))
    columns = _span(picture.shape[1], wide, right)
    rows = _span(picture.shape[0], high, down)
    return picture if columns is None or rows is None else picture[rows, columns]


def _span(whole: int, part: tuple[int, ...], off: tuple[int, ...]) -> slice | None:
    if not part[1] or not off[1] or part[0] % part[1]:
        return None
    size = part[0] // part[1]
    first, rest = divmod((whole - size) * off[1] + 2 * off[0], 2 * off[1])
    return slice(first, first + size) if not rest and size and 0 <= first <= whole - size else None


def brands(data: bytes) -> tuple[bytes, ...]:
    """Return what kinds of file this says to be, () for one that is not of this family."""
    for kind, body in _boxes(data[:4096]):
        return tuple(body[at : at + 4] for at in range(0, len(body), 4) if at != 4) if kind == b"ftyp" else ()
    return ()


def look(data: bytes) -> Look:
    """Return how the file's own picture is to be looked at; as it stands where the boxes don't tell."""
    turns: list[tuple[str, Any]] = []
    bits = 10
    try:
        for kind, body in _properties(data):
            if kind in (b"irot", b"imir"):
                turns.append((kind.decode(), body[0] & (3 if kind == b"irot" else 1)))
            elif kind == b"clap":
                turns.append(("clap", struct.unpack_from(">IIIIiIiI", body)))
            elif kind == b"pixi" and body[4]:
                bits = max(_EIGHT, min(body[5], 16))
    except (IndexError, struct.error):
        return Look((), bits)
    return Look(tuple(turns), bits)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        size = size or len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _properties(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the properties of the picture that the file shows first, in the order in which they apply."""
    meta = dict(_boxes(dict(_boxes(data)).get(b"meta", b"")[4:]))
    shown = meta.get(b"pitm", b"")
    if not shown:
        return []
    item = struct.unpack_from(">I" if shown[0] else ">H", shown, 4)[0]
    parts = list(_boxes(meta.get(b"iprp", b"")))
    listed = [box for kind, body in parts if kind == b"ipco" for box in _boxes(body)]
    for kind, body in parts:
        if kind == b"ipma":
            found = [listed[index - 1] for index in _of_item(body, item) if 0 < index <= len(listed)]
            if found:
                return found
    return []


def _of_item(body: bytes, item: int) -> list[int]:
    """Return the numbers of an item's properties, counted from 1."""
    name = ">IB" if body[0] else ">HB"
    long = bool(body[3] & 1)
    count, at = struct.unpack_from(">I", body, 4)[0], 8
    for _ in range(count):
        found, several = struct.unpack_from(name, body, at)
        at += struct.calcsize(name)
        each = ">H" if long else ">B"
        step = struct.calcsize(each)
        if found == item:
            mask = 0x7FFF if long else 0x7F
            return [struct.unpack_from(each, body, at + step * k)[0] & mask for k in range(several)]
        at += step * several
    return []
