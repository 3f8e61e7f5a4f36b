"""A wheel that lies is one clear error that names it; nothing is measured of it."""

import io
import struct
import zipfile
import zlib

import pytest
from binaries import elf, wheel

from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive
from stackfix.measure.reader import BytesReader
from stackfix.measure.wheel import measure

MODULE = "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so"
PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"


def onnxruntime(provider):
    return wheel({MODULE: elf(needed=["libc.so.6"]), PROVIDER: provider}, name="onnxruntime-gpu")


def measured(data):
    archive = Archive(BytesReader("lying.whl", data))
    return measure(archive, archive)


def refused(data):
    with pytest.raises(MeasureError) as caught:
        measured(data)
    assert caught.value.message.startswith("lying.whl")
    assert "\n" not in caught.value.message
    return caught.value.message


def with_directory_size(data, name, size):
    """Return a zip whose directory states another size for a member than there is."""
    place = data.rindex(name.encode()) - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    return data[: place + 24] + struct.pack("<I", size) + data[place + 28 :]


@pytest.mark.parametrize("size", [0, 10, 1 << 30, (1 << 32) - 2])
def test_a_member_whose_stated_size_is_not_its_own(size):
    good = onnxruntime(elf("libonnxruntime_providers_cuda.so", needed=["libcublas.so.12"]))
    assert refused(with_directory_size(good, PROVIDER, size))


def test_a_member_that_inflates_to_a_gigabyte_and_says_a_kilobyte():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(MODULE, elf(needed=["libc.so.6"]))
        archive.writestr("x-1.dist-info/METADATA", "Name: x\nVersion: 1\n")
        archive.writestr(PROVIDER, bytes(256 << 20))
    data = with_directory_size(out.getvalue(), PROVIDER, 1024)
    assert len(data) < 4 << 20
    assert PROVIDER in refused(data)


def test_a_metadata_file_of_a_hundred_megabytes():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x-1.dist-info/METADATA", b"Name: x\n" * (12 << 20))
    assert "larger than the" in refused(out.getvalue())


@pytest.mark.parametrize("provider", [b"", b"not a library", b"\x7fELF\x02\x01\x01" + bytes(57)])
def test_a_provider_that_is_no_library(provider):
    refused(onnxruntime(provider) if provider else onnxruntime(b"\0"))


def test_a_string_table_that_lies_outside_the_file():
    library = bytearray(
        elf("libonnxruntime_providers_cuda.so", needed=["libcublas.so.12"], string_padding=9000)
    )
    at = library.index(struct.pack("<qQ", 5, 0x1000 + 64 + 2 * 56)) + 8  # DT_STRTAB
    library[at : at + 8] = struct.pack("<Q", 1 << 40)
    assert "lies in no segment" in refused(onnxruntime(bytes(library)))


def test_a_directory_that_ends_in_the_middle():
    data = onnxruntime(elf())
    refused(data[:-30])
    refused(data[: len(data) // 2])


def test_bytes_that_are_compressed_and_no_zip():
    assert "not a wheel" in refused(zlib.compress(b"x" * 1000))
