"""Symbols of a library: what it asks of others by version, what it offers; damaged tables are named, not believed."""

from __future__ import annotations

import struct
from contextlib import suppress

import binaries
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackfix.errors import MeasureError
from stackfix.measure.elf_symbols import asked, offered
from stackfix.measure.reader import BytesReader

ASKS = {"libnvJitLink.so.12": ["__create_12_8", "__add_12_8"], "libc.so.6": ["malloc", "weak_hook"]}


def reader(data):
    return BytesReader("library", data)


def test_names_are_asked_of_the_library_that_their_version_names():
    data = binaries.elf(soname="libcusparse.so.12", needed=tuple(ASKS), asks=ASKS, offers=["cusparseCreate"])
    assert asked(reader(data)) == {
        "libnvJitLink.so.12": frozenset({"__create_12_8", "__add_12_8"}),
        "libc.so.6": frozenset({"malloc"}),
    }


def test_what_is_defined_is_offered_and_what_is_undefined_is_not():
    data = binaries.elf(soname="libx.so.1", asks=ASKS, offers=["one", "two"])
    assert offered(reader(data)) == {"one", "two"}


def test_a_library_without_versions_asks_nothing_by_name():
    assert asked(reader(binaries.elf(soname="libx.so.1", needed=("liby.so.2",)))) == {}


def test_names_without_a_version_may_come_from_anywhere():
    assert asked(reader(binaries.elf(soname="libx.so.1", asks={"": ["ncclMemFree", "weak_hook"]}))) == {
        "": frozenset({"ncclMemFree"})
    }


def test_a_version_outside_its_table_is_an_error_with_its_place():
    data = binaries.elf(soname="libx.so.1", asks=ASKS)
    first = struct.pack("<HHI", 1, 1, 0)[:4]
    at = data.index(first, data.index(b"libc.so.6"))
    broken = data[: at + 8] + struct.pack("<I", 4096) + data[at + 12 :]
    with pytest.raises(
        MeasureError, match=r"library: a version at byte 4096 lies outside its table of \d+ bytes"
    ):
        asked(reader(broken))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_damage_ends_in_an_answer_or_in_one_error(place, bytes_over):
    data = bytearray(binaries.elf(soname="libx.so.1", needed=tuple(ASKS), asks=ASKS, offers=["one"]))
    at = place % len(data)
    data[at : at + len(bytes_over)] = bytes_over
    for ask in (asked, offered):
        with suppress(MeasureError):
            ask(reader(bytes(data)))
