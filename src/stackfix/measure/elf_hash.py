"""ELF hash table: whether a library offers a name, as the loader itself finds out.

torch's libraries offer some 200,000 names; to read them all takes a second, to look one up takes four short reads.
Source of the layout: binutils, bfd/elflink.c (`DT_GNU_HASH`); glibc, elf/dl-lookup.c (`do_lookup_x`).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from stackfix.measure import elf
from stackfix.measure.elf_symbols import offered
from stackfix.measure.reader import Reader

_HEAD = struct.Struct("<IIII")
_SYMBOL_BYTES = 24
_WORD = 64
_MAX_CHAIN = 100_000


def offers(reader: Reader, names: Collection[str]) -> frozenset[str]:
    """Return which of some names a library offers to others.

    Raises MeasureError for tables that are not well-formed. Without the table (`-Wl,--hash-style=sysv`) every name of
    the library is read.
    """
    table = elf.section(reader, ".gnu.hash")
    symbols, strings = elf.section(reader, ".dynsym"), elf.section(reader, ".dynstr")
    if table is None or symbols is None or strings is None or table[1] < _HEAD.size:
        return offered(reader) & frozenset(names)
    return frozenset(name for name in names if _has(reader, name.encode(), table[0], symbols[0], strings))


def _has(reader: Reader, name: bytes, table: int, symbols: int, strings: tuple[int, int]) -> bool:
    buckets, first, bloom_words, shift = _HEAD.unpack(reader.read(table, _HEAD.size))
    if not buckets or not bloom_words:
        return False
    hashed = gnu_hash(name)
    bloom = table + _HEAD.size
    word = int.from_bytes(reader.read(bloom + hashed // _WORD % bloom_words * 8, 8), "little")
    if not (word >> hashed % _WORD & 1 and word >> (hashed >> shift) % _WORD & 1):
        return False
    at = bloom + bloom_words * 8
    chains = at + buckets * 4
    index = _number(reader, at + hashed % buckets * 4)
    for place in _alike(reader, chains, index, first, hashed) if index >= first else ():
        (offset,) = struct.unpack("<I", reader.read(symbols + place * _SYMBOL_BYTES, 4))
        length = min(len(name) + 1, strings[1] - offset)
        if length > len(name) and reader.read(strings[0] + offset, length) == name + b"\0":
            return True
    return False


def _alike(reader: Reader, chains: int, index: int, first: int, hashed: int) -> Iterator[int]:
    """Yield the symbols of a bucket with this hash; the lowest bit of a hash marks the last of its bucket."""
    for place in range(index, index + _MAX_CHAIN):
        found = _number(reader, chains + (place - first) * 4)
        if found | 1 == hashed | 1:
            yield place
        if found & 1:
            return


def _number(reader: Reader, offset: int) -> int:
    return int.from_bytes(reader.read(offset, 4), "little")


def gnu_hash(name: bytes) -> int:
    """Return the hash of a name: Bernstein's, 32 bits."""
    value = 5381
    for letter in name:
        value = value * 33 + letter & 0xFFFFFFFF
    return value
