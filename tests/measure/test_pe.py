"""Windows libraries: name, imports and sections from their headers; anything else is one clear error."""

import struct

import pytest
from binaries import container, elf, entry, pe, wheel

from stackfix.errors import MeasureError
from stackfix.measure import fatbin
from stackfix.measure.archive import Archive
from stackfix.measure.library import linked, section_bytes
from stackfix.measure.measurement import cuda_major
from stackfix.measure.pe import imports, reach
from stackfix.measure.reader import BytesReader
from stackfix.measure.wheel import measure


def read(data):
    return BytesReader("x.dll", data)


def test_name_and_imports_are_read_in_lower_case_and_without_api_sets():
    data = pe("Thing.DLL", needed=["cublasLt64_12.dll", "KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll"])
    found = imports(read(data))
    assert found.name == "thing.dll"
    assert found.needed == ("cublaslt64_12.dll", "kernel32.dll")
    assert found.delayed == ()


def test_imports_at_first_use_are_told_apart():
    found = imports(read(pe(needed=["KERNEL32.dll"], delayed=["nvcuda.dll"])))
    assert (found.name, found.needed, found.delayed) == ("", ("kernel32.dll",), ("nvcuda.dll",))


def test_a_library_without_imports_needs_nothing():
    assert imports(read(pe())) == imports(read(pe("")))
    assert imports(read(pe())).needed == ()


def test_the_tables_are_read_without_what_lies_behind_them():
    data = pe("a.dll", needed=["b.dll"], sections={".nv_fatbin": b"\0" * 500_000})
    end = reach(read(data[:4096]))
    assert end == 4096
    assert imports(read(data[:end])).needed == ("b.dll",)


def test_sections_are_found_by_the_eight_bytes_that_are_kept_of_their_names():
    code = container(entry(2, 86), entry(1, 90, isa=(8, 2)))
    data = pe(sections={".nv_fatbin": code})
    assert section_bytes(read(data), ".nv_fatbin") == code
    assert section_bytes(read(data), ".text") == b""
    assert dict(fatbin.tally(read(data))) == {(("86",), (("90", "8.2"),)): 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d[:40], "64 bytes are expected"),
        (lambda d: d[:60] + struct.pack("<I", 1 << 31) + d[64:], "byte 2147483648"),
        (lambda d: d.replace(b"PE\0\0", b"XX\0\0"), "not the headers of a Windows library"),
        (lambda d: d.replace(struct.pack("<H", 0x20B), struct.pack("<H", 0x107), 1), "PE32+"),
        (lambda d: d[:-200], "bytes are expected"),
    ],
)
def test_a_broken_library_is_told_with_its_name(change, said):
    data = change(pe("a.dll", needed=[f"library{number}.dll" for number in range(20)]))
    with pytest.raises(MeasureError, match=r"x\.dll: ") as caught:
        imports(read(data))
    assert said in caught.value.message


def test_what_is_neither_elf_nor_pe_is_refused():
    with pytest.raises(MeasureError, match="not a 64-bit little-endian ELF"):
        linked(read(b"#!/bin/sh\n" + bytes(100)))
    assert linked(BytesReader("x.so", elf(soname="x.so", needed=["libc.so.6"]))).needed == ("libc.so.6",)


@pytest.mark.parametrize(
    ("name", "major"),
    [("cublas64_11.dll", 11), ("cudart64_110.dll", 11), ("cudart64_12.dll", 12), ("nvrtc64_120_0.dll", 12),
     ("nvjitlink_130_0.dll", 13), ("cufft64_11.dll", 0), ("cudnn64_9.dll", 0)],
)  # fmt: skip
def test_the_cuda_major_is_told_by_the_names_of_windows_libraries(name, major):
    assert cuda_major([name]) == major


def test_onnxruntime_for_windows():
    members = {
        "onnxruntime/capi/onnxruntime_pybind11_state.pyd": pe(needed=["KERNEL32.dll", "python312.dll"])
        + b"numpy._core",
        "onnxruntime/capi/onnxruntime_providers_shared.dll": pe("onnxruntime_providers_shared.dll"),
        "onnxruntime/capi/onnxruntime_providers_cuda.dll": pe(
            needed=["cublasLt64_12.dll", "cublas64_12.dll", "onnxruntime_providers_shared.dll"],
            delayed=["cudnn64_9.dll"],
            sections={".nv_fatbin": container(entry(2, 89))},
        ),
    }
    archive = Archive(BytesReader("ort.whl", wheel(members)))
    found = measure(archive, archive)
    assert found.needs == {"": ("kernel32.dll",), "cuda": ("cublas64_12.dll", "cublaslt64_12.dll")}
    assert found.opens["cuda"] == ("cudnn64_9.dll",)
    assert found.cuda_major == 12
    assert found.code == ((("89",), {}, 1),)
    assert found.numpy_abi == (1, 2)


def test_a_toolkit_part_for_windows_provides_its_libraries_by_their_lower_case_names():
    members = {
        "nvidia/cublas/bin/cublasLt64_12.dll": pe("cublasLt64_12.dll", needed=["KERNEL32.dll"]),
        "nvidia/cublas/bin/cublas64_12.dll": pe("cublas64_12.dll", needed=["cublasLt64_12.dll"]),
    }
    archive = Archive(BytesReader("cublas.whl", wheel(members)))
    found = measure(archive, archive)
    assert set(found.provides) == {"cublaslt64_12.dll", "cublas64_12.dll"}
    assert found.needs == {"": ("kernel32.dll",)}
    assert found.cuda_major == 12
