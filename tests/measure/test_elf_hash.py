"""Whether a library offers a name, asked of its hash table as the loader does; held against pyelftools."""

from __future__ import annotations

import struct
from pathlib import Path

import binaries
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from stackfix.errors import MeasureError
from stackfix.measure.elf_hash import gnu_hash, offers
from stackfix.measure.reader import BytesReader, held

MAPS = Path("/proc/self/maps")


def mapped():
    """The shared libraries of this very process: libc, and what Python has loaded."""
    lines = MAPS.read_text().splitlines() if MAPS.exists() else []
    paths = {line.split()[-1] for line in lines if ".so" in line.split()[-1]}
    return sorted(path for path in paths if Path(path).is_file())


def defined(path):
    with Path(path).open("rb") as handle:
        table = ELFFile(handle).get_section_by_name(".dynsym")
        symbols = list(table.iter_symbols()) if table is not None else []
    return {one.name for one in symbols if one.name and one["st_shndx"] != "SHN_UNDEF"}


@pytest.mark.skipif(not mapped(), reason="this system does not tell what a process has mapped")
def test_every_library_of_this_process_offers_what_pyelftools_reads_and_no_more():
    everything = {path: defined(path) for path in mapped()}
    names = {name for each in everything.values() for name in sorted(each)[:40]}
    assert len(names) > 40
    for path, there in everything.items():
        with held(path) as reader:
            assert offers(reader, names) == names & there, path


def test_the_hash_is_the_loaders():
    assert [gnu_hash(name) for name in (b"", b"printf", b"exit")] == [5381, 0x156B2BB8, 0x7C967E3F]


def test_without_a_hash_table_every_name_is_read():
    reader = BytesReader("lib", binaries.elf(offers=["one", "two"], asks={"": ["three"]}))
    assert offers(reader, {"one", "three", "four"}) == {"one"}


@given(st.binary(max_size=200))
def test_no_table_makes_it_raise_anything_but_what_says_so(table):
    sections = {".gnu.hash": table, ".dynsym": bytes(48)}
    try:
        found = offers(BytesReader("lib", binaries.elf(sections=sections)), {"name"})
    except MeasureError:
        return
    assert found == set()


def test_a_name_of_the_same_hash_is_another_name():
    hashed = gnu_hash(b"name")
    table = struct.pack("<IIIIQI", 1, 1, 1, 0, 2**64 - 1, 1) + struct.pack("<I", hashed | 1)
    reader = BytesReader("lib", binaries.elf(sections={".gnu.hash": table, ".dynsym": bytes(48)}))
    assert offers(reader, {"name"}) == set()
