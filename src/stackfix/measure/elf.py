"""ELF: what a shared library is called and needs, from its dynamic section alone.

Reads the header, the program headers, the dynamic section and the string table: a few kilobytes of a library
of a gigabyte. Only 64-bit little-endian files, which x86_64 and aarch64 wheels carry.
Source of the layout: System V ABI, "Dynamic Section"; elf.h.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from stackfix.errors import MeasureError
from stackfix.measure.reader import Reader

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_DYNAMIC = struct.Struct("<qQ")
_VERNEED = struct.Struct("<HHIII")

_PROCESSORS = {62: "x86_64", 183: "aarch64"}  # e_machine
_PT_LOAD = 1
_PT_DYNAMIC = 2
_DT_NEEDED = 1
_DT_STRTAB = 5
_DT_STRSZ = 10
_DT_SONAME = 14
_DT_RPATH = 15
_DT_RUNPATH = 29
_DT_VERNEED = 0x6FFFFFFE
_DT_VERNEEDNUM = 0x6FFFFFFF

_MAX_HEADERS = 512
_MAX_DYNAMIC = 1 << 20
_MAX_VERSIONED = 1024
_MAX_STRINGS = 1 << 28
_MAX_SECTION_NAMES = 1 << 20

LIBRARY_NAME = re.compile(rb"(?:lib|ld-linux)[A-Za-z0-9_+.\-]*\.so(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """The dynamic section: DT_SONAME ("" if none), DT_NEEDED, and the run path as it is written.

    `versioned` are the libraries whose symbol versions it asks for (DT_VERNEED). `run_path_first` says that the run
    path is a DT_RPATH, which the loader reads before LD_LIBRARY_PATH; a DT_RUNPATH comes after it.
    """

    soname: str
    needed: tuple[str, ...]
    run_path: tuple[str, ...]
    run_path_first: bool = False
    versioned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def is_elf(head: bytes) -> bool:
    """Whether bytes begin like a 64-bit little-endian ELF file."""
    return head[:6] == b"\x7fELF\x02\x01"


def _broken(reader: Reader, place: int, reason: str) -> MeasureError:
    return MeasureError(f"{reader.name}: byte {place}: {reason}")


def _header(reader: Reader) -> tuple[int, int, int, int, int, int, int]:
    """Return (program offset, size, count, section offset, size, count, names index)."""
    data = reader.read(0, _HEADER.size)
    if not is_elf(data):
        raise _broken(reader, 0, "not a 64-bit little-endian ELF file")
    fields = _HEADER.unpack(data)
    return fields[5], fields[9], fields[10], fields[6], fields[11], fields[12], fields[13]


def _segments(reader: Reader) -> list[_Segment]:
    offset, size, count, *_ = _header(reader)
    if size != _PROGRAM.size or count > _MAX_HEADERS:
        raise _broken(reader, offset, f"{count} program headers of {size} bytes are not those of a library")
    data = reader.read(offset, size * count)
    found: list[_Segment] = []
    for place in range(count):
        kind, _, start, address, _, length, _, _ = _PROGRAM.unpack_from(data, place * size)
        found.append(_Segment(kind=kind, offset=start, address=address, size=length))
    return found


def processor(reader: Reader) -> str:
    """Return what a file is built for, "x86_64" or "aarch64", and "" for all others and what is no ELF file."""
    data = reader.read(0, min(_HEADER.size, reader.size))
    known = len(data) == _HEADER.size and is_elf(data)
    return _PROCESSORS.get(_HEADER.unpack(data)[2], "") if known else ""


def dynamic(reader: Reader) -> Dynamic:
    """Return the dynamic section of a library; a library without one needs nothing.

    Raises MeasureError naming file and place for anything that is not a well-formed library.
    """
    segments = _segments(reader)
    section = next((segment for segment in segments if segment.kind == _PT_DYNAMIC), None)
    if section is None:
        return Dynamic(soname="", needed=(), run_path=())
    if section.size > _MAX_DYNAMIC:
        raise _broken(reader, section.offset, f"a dynamic section of {section.size} bytes is not believed")
    data = reader.read(section.offset, section.size - section.size % _DYNAMIC.size)
    entries: list[tuple[int, int]] = []
    for tag, value in _DYNAMIC.iter_unpack(data):
        if tag == 0:
            break
        entries.append((tag, value))
    values = dict(entries)
    if _DT_STRTAB not in values:
        return Dynamic(soname="", needed=(), run_path=())
    start = _file_offset(reader, segments, values[_DT_STRTAB])
    size = values.get(_DT_STRSZ, 0)
    if size > _MAX_STRINGS:
        raise _broken(reader, start, f"a string table of {size} bytes is not believed")

    def text(place: int) -> str:
        if place >= size:
            raise _broken(reader, start, f"string {place} lies outside the table of {size} bytes")
        raw = reader.read(start + place, min(4096, size - place))
        end = raw.find(b"\0")
        if end < 0:
            raise _broken(reader, start + place, "a string without end")
        return raw[:end].decode("utf-8", "backslashreplace")

    run_path = [text(value) for tag, value in entries if tag in (_DT_RPATH, _DT_RUNPATH)]
    return Dynamic(
        soname=text(values[_DT_SONAME]) if _DT_SONAME in values else "",
        needed=tuple(text(value) for tag, value in entries if tag == _DT_NEEDED),
        run_path=tuple(part for path in run_path for part in path.split(":")),
        run_path_first=_DT_RPATH in values and _DT_RUNPATH not in values,
        versioned=tuple(text(place) for place in _versioned(reader, segments, values)),
    )


def _versioned(reader: Reader, segments: list[_Segment], values: dict[int, int]) -> Iterator[int]:
    """Yield where the string table names each library that a symbol version is asked of."""
    count = values.get(_DT_VERNEEDNUM, 0)
    if _DT_VERNEED not in values or not count:
        return
    place = _file_offset(reader, segments, values[_DT_VERNEED])
    if count > _MAX_VERSIONED:
        raise _broken(reader, place, f"{count} libraries with symbol versions are not believed")
    for _ in range(count):
        _, _, file, _, step = _VERNEED.unpack(reader.read(place, _VERNEED.size))
        yield file
        if not step:
            return
        place += step


def _file_offset(reader: Reader, segments: list[_Segment], address: int) -> int:
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    raise _broken(reader, 0, f"address {address:#x} lies in no segment of the file")


def section(reader: Reader, wanted: str) -> tuple[int, int] | None:
    """Return (offset, size) of a named section, or None where there is none."""
    _, _, _, offset, size, count, names_index = _header(reader)
    if not count or size != _SECTION.size or count > _MAX_HEADERS or names_index >= count:
        return None
    data = reader.read(offset, size * count)
    rows = [_SECTION.unpack_from(data, place * size) for place in range(count)]
    names_offset, names_size = rows[names_index][4], rows[names_index][5]
    if names_size > _MAX_SECTION_NAMES:
        raise _broken(reader, names_offset, f"section names of {names_size} bytes are not believed")
    names = reader.read(names_offset, names_size)
    for row in rows:
        end = names.find(b"\0", row[0])
        if end >= 0 and names[row[0] : end] == wanted.encode():
            return row[4], row[5]
    return None


def names_in_head(head: bytes, soname: str) -> tuple[str, ...] | None:
    """Return the library names beside `soname` in the string table of a library's head, or None.

    Linkers put the string table into the first pages, with the names of the needed libraries and the
    library's own: a megabyte need not be read to know them. None: the table is not in this head.
    """
    own = head.find(b"\0" + soname.encode() + b"\0")
    if own < 0:
        return None
    start, end = own, own + len(soname) + 1
    while start > 0 and (
        _is_text(head[start - 1]) or (head[start - 1] == 0 and start > 1 and head[start - 2])
    ):
        start -= 1
    while end + 1 < len(head) and (_is_text(head[end + 1]) or (head[end + 1] == 0 and head[end])):
        end += 1
    found = {name.decode() for name in head[start:end].split(b"\0") if LIBRARY_NAME.fullmatch(name)}
    return tuple(sorted(found - {soname}))


def _is_text(byte: int) -> bool:
    return 32 <= byte < 127


def strings(data: bytes) -> set[str]:
    """Return the library names with a version that stand in data as strings of their own."""
    pattern = re.compile(rb"(?<=\0)lib[A-Za-z0-9_+.\-]*\.so\.[0-9][0-9.]*(?=\0)")
    return {match.decode() for match in pattern.findall(data)}


_FIRST_HALF = re.compile(rb"\x48\xb8(lib[A-Za-z0-9_]{5})")
_SECOND_HALF = re.compile(rb"\x48\xb8([A-Za-z0-9_]{0,6}\.so\.[0-9]{1,2})")
_WITHIN = 72


def assembled_names(code: bytes) -> set[str]:
    """Return library names that x86_64 code builds from two overlapping 8-byte constants.

    Compilers write short strings so: `movabs "libcufft"`, then `movabs "ft.so.12"` over its end.
    """
    found: set[str] = set()
    for first in _FIRST_HALF.finditer(code):
        start = first[1].decode()
        for second in _SECOND_HALF.finditer(code, first.end(), first.end() + _WITHIN):
            end = second[1].decode()
            overlap = next((n for n in range(min(len(start), len(end)), 0, -1) if start.endswith(end[:n])), 0)
            if overlap:
                found.add(start + end[overlap:])
    return found
