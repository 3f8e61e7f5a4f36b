"""ELF symbols: which names a library asks of which other, and which it offers.

A symbol version says from which library a name is to come (`__nvJitLinkCreate_12_8@libnvJitLink.so.12`), so two
libraries whose sonames fit can be told apart: the older one lacks the name, and the loader refuses.
Source of the layout: System V ABI, "Symbol Table"; Linux Standard Base, "Symbol Versioning".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from stackfix.errors import MeasureError
from stackfix.measure import elf
from stackfix.measure.reader import Reader

_SYMBOL = struct.Struct("<IBBHQQ")
_NEED = struct.Struct("<HHIII")
_NEEDED_VERSION = struct.Struct("<IHHII")
_VERSION_MASK = 0x7FFF
_UNDEFINED = 0
_WEAK = 2
_MAX_TABLE = 1 << 27
_MAX_VERSIONS = 4096


def asked(reader: Reader) -> Mapping[str, frozenset[str]]:
    """Return soname -> the names that a library asks of it by symbol version and cannot be loaded without.

    Under "" stand the names that any library may bring. Raises MeasureError naming file and place for tables that are
    not well-formed.
    """
    symbols, strings = _table(reader, ".dynsym"), _table(reader, ".dynstr")
    versions, needs = _table(reader, ".gnu.version"), _table(reader, ".gnu.version_r")
    libraries = dict(_libraries(reader, needs, strings)) if needs else {}
    found: dict[str, set[str]] = {}
    of_symbol = struct.unpack_from(f"<{len(versions) // 2}H", versions)
    for place, (name, info, _, section, _, _) in enumerate(_symbols(symbols)):
        if name and section == _UNDEFINED and info >> 4 != _WEAK:
            version = of_symbol[place] & _VERSION_MASK if place < len(of_symbol) else 0
            soname = libraries.get(version, "")
            found.setdefault(soname, set()).add(_text(reader, strings, name))
    return {soname: frozenset(names) for soname, names in found.items()}


def offered(reader: Reader) -> frozenset[str]:
    """Return the names that a library offers to others. Raises MeasureError as `asked` does."""
    symbols, strings = _table(reader, ".dynsym"), _table(reader, ".dynstr")
    return frozenset(
        _text(reader, strings, name)
        for name, _, _, section, _, _ in _symbols(symbols)
        if section != _UNDEFINED
    )


def _symbols(table: bytes) -> Iterator[tuple[int, int, int, int, int, int]]:
    return _SYMBOL.iter_unpack(table[: len(table) - len(table) % _SYMBOL.size])


def _table(reader: Reader, name: str) -> bytes:
    """Return the bytes of a section; empty where there is none."""
    found = elf.section(reader, name)
    if found is None:
        return b""
    if found[1] > _MAX_TABLE:
        raise MeasureError(
            f"{reader.name}: byte {found[0]}: a table {name} of {found[1]} bytes is not believed"
        )
    return reader.read(*found)


def _libraries(reader: Reader, needs: bytes, strings: bytes) -> Iterator[tuple[int, str]]:
    """Yield (version index, soname) of the versions that are needed of other libraries."""
    place = 0
    for _ in range(_MAX_VERSIONS):
        _, count, file, first, step = _unpack(reader, _NEED, needs, place)
        soname = _text(reader, strings, file)
        at = place + first
        for _ in range(min(count, _MAX_VERSIONS)):
            _, _, index, _, onwards = _unpack(reader, _NEEDED_VERSION, needs, at)
            yield index & _VERSION_MASK, soname
            if not onwards:
                break
            at += onwards
        if not step:
            return
        place += step


def _unpack(reader: Reader, layout: struct.Struct, table: bytes, place: int) -> tuple[int, ...]:
    if place + layout.size > len(table):
        raise MeasureError(
            f"{reader.name}: a version at byte {place} lies outside its table of {len(table)} bytes"
        )
    return layout.unpack_from(table, place)


def _text(reader: Reader, strings: bytes, place: int) -> str:
    end = strings.find(b"\0", place)
    if end < 0:
        raise MeasureError(
            f"{reader.name}: name {place} lies outside the string table of {len(strings)} bytes"
        )
    return strings[place:end].decode("utf-8", "backslashreplace")
