"""Fatbin: which device code a library carries, container by container.

The section `.nv_fatbin` is a row of containers (magic 0xBA55ED50), each with entries: kind 1 is PTX, kind 2 is
machine code (a cubin). The entry's header names the architecture, its `a` or `f` suffix, and for PTX the ISA
version, so nothing has to be decompressed. Layout: read from real libraries and checked against cuobjdump.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

from stackfix.measure.library import section
from stackfix.measure.reader import Reader

MAGIC = 0xBA55ED50
_MAGIC_BYTES = MAGIC.to_bytes(4, "little")
_WINDOW = 1 << 20
_CONTAINER = struct.Struct("<IHHQ")
_ENTRY = struct.Struct("<HHIQIIHHI")
_FLAGS = struct.Struct("<Q")
_PTX = 1
_CUBIN = 2
_EXACT = 0x100000
_FAMILY = 0x200000
_FLAGS_AT = 40

Images = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]


def containers(reader: Reader) -> Iterator[Images]:
    """Yield per container: its cubins ("86", "90a") and its PTX as (architecture, ISA version) pairs."""
    found = section(reader, ".nv_fatbin")
    if found is None:
        return
    offset, size = found
    end = offset + size
    while offset + _CONTAINER.size <= end:
        magic, _, header_size, length = _CONTAINER.unpack(reader.read(offset, _CONTAINER.size))
        if magic != MAGIC:
            offset = _next_container(reader, offset + 8, end)
            continue
        start = offset + header_size
        stop = min(start + length, end)
        yield _entries(reader, start, stop)
        offset = max(stop, offset + 8)


def _next_container(reader: Reader, offset: int, end: int) -> int:
    """Return where the next magic number stands at a multiple of 8 bytes from `offset`, or `end`."""
    while offset < end:
        window = reader.read(offset, min(_WINDOW, end - offset))
        place = window.find(_MAGIC_BYTES)
        while place % 8 and place >= 0:
            place = window.find(_MAGIC_BYTES, place + 1)
        if place >= 0:
            return offset + place
        offset += len(window)
    return end


def _entries(reader: Reader, start: int, stop: int) -> Images:
    cubins: set[str] = set()
    ptx: set[tuple[str, str]] = set()
    while start + _FLAGS_AT + _FLAGS.size <= stop:
        head = reader.read(start, _FLAGS_AT + _FLAGS.size)
        kind, _, header_size, size, _, _, minor, major, architecture = _ENTRY.unpack_from(head)
        (flags,) = _FLAGS.unpack_from(head, _FLAGS_AT)
        if kind not in (_PTX, _CUBIN) or header_size < _ENTRY.size:
            break
        name = f"{architecture}{'a' if flags & _EXACT else 'f' if flags & _FAMILY else ''}"
        if kind == _CUBIN:
            cubins.add(name)
        else:
            ptx.add((name, f"{major}.{minor}"))
        start += header_size + size
    return tuple(sorted(cubins)), tuple(sorted(ptx))


def tally(reader: Reader) -> Counter[Images]:
    """Return how many containers carry exactly which images."""
    return Counter(images for images in containers(reader) if images != ((), ()))
