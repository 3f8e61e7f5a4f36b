"""Fatbins: architectures, suffixes and the PTX's ISA version, container by container."""

import contextlib

from binaries import container, elf, entry
from hypothesis import given, settings
from hypothesis import strategies as st

from stackfix.errors import MeasureError
from stackfix.measure import fatbin
from stackfix.measure.reader import BytesReader

PTX, CUBIN = 1, 2


def library(data):
    return BytesReader("library", elf(soname="libx.so.1", sections={".nv_fatbin": data}))


def test_containers_tell_cubins_and_the_isa_version_of_their_ptx():
    data = container(entry(CUBIN, 80), entry(CUBIN, 86), entry(PTX, 86, isa=(8, 7)))
    assert list(fatbin.containers(library(data))) == [(("80", "86"), (("86", "8.7"),))]


def test_flags_of_an_entry_are_the_suffix_of_its_architecture():
    data = container(entry(CUBIN, 90, 0x100000), entry(CUBIN, 120, 0x200000), entry(CUBIN, 75, 0x11))
    ((cubins, ptx),) = fatbin.containers(library(data))
    assert (cubins, ptx) == (("120f", "75", "90a"), ())


def test_equal_containers_are_counted_and_padding_between_them_is_passed():
    one = container(entry(CUBIN, 80))
    two = container(entry(CUBIN, 90, 0x100000, payload=b"\1" * 24))
    tally = fatbin.tally(library(one + b"\0" * 40 + two + b"\0" * 8 + one))
    assert tally == {(("80",), ()): 2, (("90a",), ()): 1}


def test_a_library_without_device_code_has_no_containers():
    assert not fatbin.tally(BytesReader("plain", elf(soname="libx.so.1")))


def test_sixty_four_megabytes_of_nothing_are_passed_quickly():
    one = container(entry(CUBIN, 80))
    assert fatbin.tally(library(b"\0" * (64 << 20) + one)) == {(("80",), ()): 1}


def test_a_magic_number_inside_a_payload_is_not_a_container():
    inner = container(entry(CUBIN, 37))
    data = container(entry(CUBIN, 80, payload=inner))
    assert fatbin.tally(library(data)) == {(("80",), ()): 1}


def test_a_container_longer_than_its_section_ends_with_the_section():
    data = bytearray(container(entry(CUBIN, 80)))
    data[8:16] = (1 << 60).to_bytes(8, "little")
    assert fatbin.tally(library(bytes(data))) == {(("80",), ()): 1}


@settings(max_examples=300, deadline=2000)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=8)), max_size=6),
    st.binary(max_size=64),
)
def test_damaged_containers_end_or_raise_a_measure_error(patches, tail):
    data = bytearray(container(entry(CUBIN, 80), entry(PTX, 80, isa=(8, 2))) + tail)
    for place, patch in patches:
        data[place : place + len(patch)] = patch
    with contextlib.suppress(MeasureError):
        fatbin.tally(library(bytes(data)))
