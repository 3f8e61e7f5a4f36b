"""ELF: the dynamic section agrees with pyelftools; broken files are MeasureErrors and nothing else."""

import contextlib
import io
from pathlib import Path

import pytest
from binaries import elf as tiny
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from stackfix.errors import MeasureError
from stackfix.measure import elf
from stackfix.measure.reader import BytesReader, FileReader

SITE = Path(pytest.__file__).parent.parent


def real_libraries():
    found = [*Path("/usr/lib/x86_64-linux-gnu").glob("lib[a-m]*.so*")][:60]
    for package in ("numpy", "cv2", "onnxruntime", "msgspec"):
        found += sorted((SITE / package).rglob("*.so"))[:4]
    found += sorted(SITE.glob("opencv_python_headless.libs/*.so*"))[:12]
    return [path for path in found if path.is_file() and elf.is_elf(path.read_bytes()[:6])]


def oracle(data):
    """(soname, needed, run path, .rodata) as pyelftools reads them."""
    file = ELFFile(io.BytesIO(data))
    section = file.get_section_by_name(".rodata")
    rodata = None if section is None else (section["sh_offset"], section["sh_size"])
    dynamic = next((s for s in file.iter_segments() if s["p_type"] == "PT_DYNAMIC"), None)
    if dynamic is None:
        return "", (), (), rodata
    soname, needed, path = "", [], []
    for tag in dynamic.iter_tags():
        if tag.entry.d_tag == "DT_SONAME":
            soname = tag.soname
        elif tag.entry.d_tag == "DT_NEEDED":
            needed.append(tag.needed)
        elif tag.entry.d_tag in ("DT_RUNPATH", "DT_RPATH"):
            path += (tag.runpath if tag.entry.d_tag == "DT_RUNPATH" else tag.rpath).split(":")
    return soname, tuple(needed), tuple(path), rodata


def ours(reader):
    found = elf.dynamic(reader)
    return found.soname, found.needed, found.run_path, elf.section(reader, ".rodata")


def test_real_libraries_read_as_pyelftools_reads_them():
    libraries = real_libraries()
    assert len(libraries) >= 20
    for path in libraries:
        assert ours(FileReader(path)) == oracle(path.read_bytes()), path


@given(
    st.text("abcxyz-_.", max_size=12),
    st.lists(st.text("libcudn.so0123", min_size=1, max_size=20), max_size=6),
    st.sampled_from(["", "$ORIGIN", "$ORIGIN:$ORIGIN/../lib"]),
)
def test_generated_libraries_read_as_pyelftools_reads_them(soname, needed, runpath):
    data = tiny(soname=soname, needed=needed, runpath=runpath, sections={".rodata": b"words"})
    assert ours(BytesReader("tiny", data)) == oracle(data)
    assert elf.dynamic(BytesReader("tiny", data)).needed == tuple(needed)


def test_only_the_header_the_dynamic_section_and_the_named_strings_are_read():
    data = tiny(soname="libbig.so.1", needed=["libc.so.6"], sections={".rodata": b"x" * 5_000_000})

    class Counting(BytesReader):
        total = 0

        def read(self, offset, length):
            Counting.total += length
            return super().read(offset, length)

    assert elf.dynamic(Counting("big", data)).needed == ("libc.so.6",)
    assert Counting.total < 20_000


@pytest.mark.parametrize("length", [0, 3, 63, 64, 100, 180, 200])
def test_a_truncated_library_is_named_with_the_place(length):
    data = tiny(soname="libx.so.1", needed=["libc.so.6"])[:length]
    with pytest.raises(MeasureError, match="cut: byte "):
        elf.dynamic(BytesReader("cut", data))


def test_something_else_is_not_taken_for_a_library():
    with pytest.raises(MeasureError, match="not a 64-bit little-endian ELF file"):
        elf.dynamic(BytesReader("text", b"#!/bin/sh\n" * 100))


@settings(max_examples=300, deadline=2000)
@given(st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
def test_a_damaged_library_never_raises_anything_but_a_measure_error(patches):
    data = bytearray(tiny(soname="libx.so.1", needed=["libc.so.6"], sections={".nv_fatbin": b"\0" * 64}))
    for place, patch in patches:
        data[place : place + len(patch)] = patch
    reader = BytesReader("damaged", bytes(data))
    for question in (elf.dynamic, lambda r: elf.section(r, ".nv_fatbin")):
        with contextlib.suppress(MeasureError):
            question(reader)


def test_names_in_a_head_are_those_of_the_dynamic_section_where_the_string_table_is_in_it():
    compared = 0
    for path in real_libraries():
        dynamic = elf.dynamic(FileReader(path))
        found = elf.names_in_head(path.read_bytes()[: 1 << 18], dynamic.soname) if dynamic.soname else None
        if found is not None:
            compared += 1
            assert set(found) >= set(dynamic.needed), path
            assert set(found) <= {*dynamic.needed} | _named_anywhere(path), path
    assert compared >= 10


def _named_anywhere(path):
    return {match.decode() for match in elf.LIBRARY_NAME.findall(path.read_bytes())}


def test_names_of_a_library_whose_string_table_is_further_back_are_unknown():
    data = tiny(soname="libx.so.1", needed=["libc.so.6"], string_padding=100_000)
    assert elf.names_in_head(data[: 1 << 15], "libx.so.1") is None


def test_the_loader_is_a_name_in_a_head_too():
    data = tiny(soname="libx.so.1", needed=["liba.so.1", "ld-linux-aarch64.so.1"])
    assert elf.names_in_head(data, "libx.so.1") == ("ld-linux-aarch64.so.1", "liba.so.1")


def test_names_do_not_mix_with_other_texts_of_the_head():
    data = tiny(soname="libx.so.1", needed=["liba.so.1", "libb.so.2"])
    noise = b"\0\0\0libnoise.so.9\0\0\0"
    assert elf.names_in_head(noise + data, "libx.so.1") == ("liba.so.1", "libb.so.2")


def test_versioned_names_among_strings_are_found_only_where_they_stand_alone():
    data = b"\0libcudnn.so.9\0libfoo.so\0cannot load libbar.so.3\0libcufft.so.12\0"
    assert elf.strings(data) == {"libcudnn.so.9", "libcufft.so.12"}


def test_a_name_assembled_from_two_overlapping_constants_is_found():
    code = b"\x90" * 9 + b"\x48\xb8libcufft" + b"\x48\x89\x45\xd0" + b"\x48\xb8ft.so.12" + b"\x90" * 9
    assert elf.assembled_names(code) == {"libcufft.so.12"}
    assert elf.assembled_names(code.replace(b"ft.so.12", b"xx.so.12")) == set()
