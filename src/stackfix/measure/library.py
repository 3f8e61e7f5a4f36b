"""Library: one shared library, ELF or PE, as measuring asks it."""

from __future__ import annotations

from dataclasses import dataclass

from stackfix.measure import elf, pe
from stackfix.measure.archive import Archive
from stackfix.measure.reader import BytesReader, Reader

HEADS = (1 << 15, 1 << 18, 1 << 22)
MOST = 768 << 20

_WINDOWS = (".dll", ".pyd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What a library is called ("" if it does not say), what it needs when it is loaded, and what only later."""

    soname: str
    needed: tuple[str, ...]
    delayed: tuple[str, ...] = ()


def known_as(path: str) -> str:
    """Return the name by which a library is looked for: its file name, in lower case on Windows."""
    name = path.rpartition("/")[2]
    return name.lower() if name.lower().endswith(_WINDOWS) else name


def linked(reader: Reader) -> Linked:
    """Return name and needs of a library; MeasureError for what is neither ELF nor PE.

    A symbol version names the library it comes from: of a library whose DT_NEEDED was edited (auditwheel's
    `--exclude` of old), the versions still tell what it needs.
    """
    if pe.is_pe(reader.read(0, min(2, reader.size))):
        found = pe.imports(reader)
        return Linked(soname=found.name, needed=found.needed, delayed=found.delayed)
    dynamic = elf.dynamic(reader)
    needed = dict.fromkeys((*dynamic.needed, *dynamic.versioned))
    return Linked(soname=dynamic.soname, needed=tuple(needed))


def section_bytes(reader: Reader, name: str) -> bytes:
    """Return the bytes of a named section of a library, empty where it has none."""
    found = section(reader, name)
    return reader.read(*found) if found is not None else b""


def section(reader: Reader, name: str) -> tuple[int, int] | None:
    """Return (offset, size) of a named section of a library, or None."""
    if pe.is_pe(reader.read(0, min(2, reader.size))):
        return pe.section(reader, name)
    return elf.section(reader, name)


def linked_member(archive: Archive, large: Archive | None, path: str) -> Linked | None:
    """Return name and needs of a wheel's library, reading as little of it as can be; None where that is too much.

    An ELF library's head tells them where the string table stands there, which is a kilobyte to 4 MiB; a PE's
    tables stand behind its code. Where more is wanted it is inflated from `large`; without it, or where that were
    more than 768 MiB, it is left unread.
    """
    name = known_as(path)
    if name.endswith(_WINDOWS):
        source = large or archive
        head = BytesReader(f"{archive.name}: {path}", archive.head(path, pe.HEADER_BYTES))
        end = pe.reach(head)
        if end > (HEADS[-1] if large is None else MOST):
            return None
        with source.spooled(path, end) as opened:
            return linked(opened)
    for length in HEADS:
        names = elf.names_in_head(archive.head(path, length), name)
        if names is not None:
            return Linked(soname=name, needed=names)
    if large is None or archive.member_size(path) > MOST:
        return None
    with large.spooled(path) as opened:
        return linked(opened)
