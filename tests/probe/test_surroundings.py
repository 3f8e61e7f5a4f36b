"""What reaches into a process: the loader's variables, and its cache as glibc writes it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackfix.model.surroundings import StrayLibrary
from stackfix.probe.surroundings import cached_libraries, read_surroundings


def cache(entries, *, old_part=b"", count=None):
    """Return a cache in the newer form: header, entries, strings; offsets are from the header's beginning."""
    strings, rows = b"", b""
    at = 48 + 24 * len(entries)
    for soname, path in entries:
        key = at + len(strings)
        strings += soname.encode() + b"\0"
        value = at + len(strings)
        strings += path.encode() + b"\0"
        rows += struct.pack("<iIIIQ", 0x0303, key, value, 0, 0)
    number = len(entries) if count is None else count
    head = b"glibc-ld.so.cache1.1" + struct.pack("<II", number, len(strings)) + bytes(20)
    return old_part + head + rows + strings


@pytest.fixture
def write(tmp_path):
    def written(data):
        path = tmp_path / "ld.so.cache"
        path.write_bytes(data)
        return path

    return written


LIBRARIES = [("libcublas.so.12", "/usr/local/cuda/lib64/libcublas.so.12"), ("libc.so.6", "/lib/libc.so.6")]


@pytest.mark.parametrize("old_part", [b"", b"ld.so-1.7.0\0" + bytes(100)])
def test_the_cache_is_read_in_both_of_its_forms(write, old_part):
    assert cached_libraries(write(cache(LIBRARIES, old_part=old_part))) == dict(LIBRARIES)


def test_the_first_entry_of_a_name_counts(write):
    entries = [("libcublas.so.12", "/first"), ("libcublas.so.12", "/second")]
    assert cached_libraries(write(cache(entries))) == {"libcublas.so.12": "/first"}


@pytest.mark.parametrize("data", [b"", b"glibc-ld.so.cache1.1", b"nothing", cache(LIBRARIES)[:60]])
def test_a_cache_that_is_cut_short_has_what_is_whole(write, data):
    assert cached_libraries(write(data)) == {}


def test_a_count_that_lies_ends_with_the_file(write):
    assert cached_libraries(write(cache(LIBRARIES, count=2**32 - 1))).items() >= dict(LIBRARIES).items()


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_behind_the_magic_raise(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cache") / "ld.so.cache"
    path.write_bytes(b"glibc-ld.so.cache1.1" + data)
    assert isinstance(cached_libraries(path), dict)


def test_without_a_cache_the_systems_libraries_are_unknown(tmp_path):
    found = read_surroundings({}, tmp_path / "none")
    assert (found.strays, found.variables, found.system_libraries) == ((), (), None)


def test_cuda_libraries_of_the_cache_are_strays_and_others_are_not(write):
    found = read_surroundings({}, write(cache(LIBRARIES)))
    assert [(one.soname, one.through) for one in found.strays] == [("libcublas.so.12", "ld.so.conf")]
    assert found.system_libraries == {"libcublas.so.12", "libc.so.6"}


def test_folders_of_a_variable_are_listed_and_the_release_is_that_of_the_file_behind_the_name(tmp_path):
    folder = tmp_path / "cuda" / "lib64"
    folder.mkdir(parents=True)
    (folder / "libcublas.so.12.4.5.8").write_bytes(b"")
    (folder / "libcublas.so.12").symlink_to("libcublas.so.12.4.5.8")
    (folder / "libcublas.so").symlink_to("libcublas.so.12")
    (folder / "libother.so.1").write_bytes(b"")
    variables = {
        "LD_LIBRARY_PATH": f":{folder}:{folder}:/nonexistent:{folder / 'libother.so.1'}",
        "HOME": "/root",
    }
    found = read_surroundings(variables, tmp_path / "none")
    path = str(folder / "libcublas.so.12")
    assert found.strays == (
        StrayLibrary(soname="libcublas.so.12", path=path, release="12.4.5.8", through="LD_LIBRARY_PATH"),
    )
    assert [name for name, _ in found.variables] == ["LD_LIBRARY_PATH"]


@pytest.mark.parametrize("separator", [":", " "])
def test_preloaded_libraries_are_told_however_they_are_separated(tmp_path, separator):
    value = separator.join(("/usr/lib/libjemalloc.so.2", "/opt/libcudnn.so.9"))
    found = read_surroundings({"LD_PRELOAD": value}, tmp_path / "none")
    assert [(one.soname, one.through) for one in found.strays] == [("libcudnn.so.9", "LD_PRELOAD")]


def test_a_library_that_leads_to_itself_has_no_release(tmp_path):
    (tmp_path / "libcudart.so.12").symlink_to("libcudart.so.12")
    (stray,) = read_surroundings({"LD_LIBRARY_PATH": str(tmp_path)}, tmp_path / "none").strays
    assert stray.release == ""
