"""PE: what a Windows library is called and imports, from its headers and import tables alone.

DLL names are compared without case on Windows, so all are
given in lower case. API sets (`api-ms-win-…`) are names of the system's own libraries and are left out.
Source of the layout: Microsoft, "PE Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from stackfix.errors import MeasureError
from stackfix.measure.reader import Reader

_DOS_SIZE = 64
_COFF = struct.Struct("<4sHHIIIHH")
_DIRECTORIES_AT = {0x20B: 108, 0x10B: 92}  # PE32+ (64-bit), PE32: some wheels carry a 32-bit library beside
_SMALLEST_OPTIONAL = 96
_DIRECTORY = struct.Struct("<II")
_SECTION = struct.Struct("<8sIIII16s")
_IMPORT = struct.Struct("<IIIII")
_DELAYED = struct.Struct("<IIIIIIII")
_EXPORT_NAME_AT = 12

_EXPORTS = 0
_IMPORTS = 1
_DELAYED_IMPORTS = 13

_MAX_SECTIONS = 96
_MAX_IMPORTS = 1024
_MAX_NAME = 260
_API_SETS = ("api-ms-win-", "ext-ms-")

HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """The name a library exports itself by ("" if none), the DLLs it imports, and those it loads at first use."""

    name: str
    needed: tuple[str, ...]
    delayed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    name: bytes
    address: int
    size: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Headers:
    directories: tuple[tuple[int, int], ...]
    sections: tuple[_Section, ...]


def is_pe(head: bytes) -> bool:
    """Whether bytes begin like a Windows executable or library."""
    return head[:2] == b"MZ"


def _broken(reader: Reader, place: int, reason: str) -> MeasureError:
    return MeasureError(f"{reader.name}: byte {place}: {reason}")


def _headers(reader: Reader) -> _Headers:
    dos = reader.read(0, _DOS_SIZE)
    if not is_pe(dos):
        raise _broken(reader, 0, "not a Windows library")
    (start,) = struct.unpack_from("<I", dos, _DOS_SIZE - 4)
    magic, _, count, _, _, _, optional_size, _ = _COFF.unpack(reader.read(start, _COFF.size))
    optional = start + _COFF.size
    if magic != b"PE\0\0" or count > _MAX_SECTIONS or optional_size < _SMALLEST_OPTIONAL:
        raise _broken(reader, start, "not the headers of a Windows library")
    head = reader.read(optional, optional_size)
    place = _DIRECTORIES_AT.get(int.from_bytes(head[:2], "little"), optional_size)
    if place + 4 > optional_size:
        raise _broken(reader, optional, "neither a 64-bit (PE32+) nor a 32-bit Windows library")
    (stated,) = struct.unpack_from("<I", head, place)
    room = (optional_size - place - 4) // _DIRECTORY.size
    directories = tuple(
        _DIRECTORY.unpack_from(head, place + 4 + number * _DIRECTORY.size)
        for number in range(min(stated, room, 16))
    )
    table = reader.read(optional + optional_size, count * _SECTION.size)
    sections = tuple(
        _Section(name=name.rstrip(b"\0"), address=address, size=size, offset=offset, length=length)
        for name, size, address, length, offset, _ in _SECTION.iter_unpack(table)
    )
    return _Headers(directories=directories, sections=sections)


def _place(headers: _Headers, address: int) -> tuple[int, _Section] | None:
    for section in headers.sections:
        inside = address - section.address
        if 0 <= inside < section.length:
            return section.offset + inside, section
    return None


def _offset(reader: Reader, headers: _Headers, address: int) -> int:
    found = _place(headers, address)
    if found is None:
        raise _broken(reader, 0, f"address {address:#x} lies in no section of the file")
    return found[0]


def _directory(headers: _Headers, number: int) -> int:
    return headers.directories[number][0] if number < len(headers.directories) else 0


def _text(reader: Reader, headers: _Headers, address: int) -> str:
    start = _offset(reader, headers, address)
    raw = reader.read(start, min(_MAX_NAME, reader.size - start))
    end = raw.find(b"\0")
    if end <= 0:
        raise _broken(reader, start, "not the name of a library")
    return raw[:end].decode("utf-8", "backslashreplace").lower()


def reach(reader: Reader) -> int:
    """Return how many bytes from the start of a library hold its tables, from a reader that has its headers.

    `imports` then reads nothing beyond: device code lies behind the tables, often for hundreds of megabytes.
    """
    headers = _headers(reader)
    ends = [HEADER_BYTES]
    for number in (_EXPORTS, _IMPORTS, _DELAYED_IMPORTS):
        found = _place(headers, _directory(headers, number)) if _directory(headers, number) else None
        if found is not None:
            ends.append(found[1].offset + found[1].length)
    return max(ends)


def imports(reader: Reader) -> Imports:
    """Return name and imports of a library.

    Raises MeasureError naming file and place for anything that is not a well-formed library.
    """
    headers = _headers(reader)
    exports = _directory(headers, _EXPORTS)
    name = ""
    if exports:
        start = _offset(reader, headers, exports)
        (address,) = struct.unpack("<I", reader.read(start + _EXPORT_NAME_AT, 4))
        name = _text(reader, headers, address) if address else ""
    return Imports(
        name=name,
        needed=_names(_table(reader, headers, _IMPORTS, _IMPORT, 3), reader, headers),
        delayed=_names(_table(reader, headers, _DELAYED_IMPORTS, _DELAYED, 1), reader, headers),
    )


def _table(
    reader: Reader, headers: _Headers, number: int, entry: struct.Struct, name_at: int
) -> Iterator[int]:
    """Yield the address of each entry's name, up to the empty entry at the end."""
    address = _directory(headers, number)
    if not address:
        return
    start = _offset(reader, headers, address)
    for place in range(_MAX_IMPORTS):
        fields = entry.unpack(reader.read(start + place * entry.size, entry.size))
        if not fields[name_at]:
            return
        yield fields[name_at]
    raise _broken(reader, start, f"more than {_MAX_IMPORTS} imports are not believed")


def _names(addresses: Iterator[int], reader: Reader, headers: _Headers) -> tuple[str, ...]:
    found = (_text(reader, headers, address) for address in addresses)
    return tuple(name for name in found if not name.startswith(_API_SETS))


def section(reader: Reader, wanted: str) -> tuple[int, int] | None:
    """Return (offset, size) of a section, by the eight bytes of its name that PE keeps; None where it is not."""
    kept = wanted.encode()[:8]
    for each in _headers(reader).sections:
        if each.name == kept:
            return each.offset, min(each.length, each.size) or each.length
    return None
