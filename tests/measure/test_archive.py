"""Archives: a wheel read in pieces, wherever its bytes are; hostile ones are MeasureErrors."""

import contextlib
import io
import os
import struct
import zipfile

import pytest
from binaries import wheel
from hypothesis import given, settings
from hypothesis import strategies as st

from stackfix.errors import MeasureError
from stackfix.measure import archive as archives
from stackfix.measure.archive import Archive
from stackfix.measure.reader import BytesReader, FileReader
from stackfix.measure.wheel import measure


class Counting(BytesReader):
    total = 0

    def read(self, offset, length):
        Counting.total += length
        return super().read(offset, length)


def test_members_read_as_the_standard_library_reads_them():
    members = {"a/one.txt": b"one" * 1000, "a/two.bin": os.urandom(300_000), "empty": b""}
    data = wheel(members)
    opened = Archive(BytesReader("w", data), block=1000)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert list(opened.names) == file.namelist()
        for name in opened.names:
            assert opened.read(name) == file.read(name)
            assert opened.member_size(name) == file.getinfo(name).file_size


def test_members_that_pip_puts_beside_the_others_have_the_names_they_get_there():
    members = {
        "w-1.data/purelib/w/__init__.py": b"a",
        "w-1.data/platlib/w/x.so": b"b",
        "w-1.data/data/c": b"c",
    }
    opened = Archive(BytesReader("w", wheel(members)))
    assert set(opened.names) >= {"w/__init__.py", "w/x.so", "w-1.data/data/c"}
    assert opened.read("w/x.so") == b"b"
    assert opened.member_size("w/__init__.py") == 1


def test_a_directory_of_many_members_is_asked_for_at_once():
    data = wheel({f"folder/member-{number}": b"" for number in range(5000)})
    requests = []

    class Asking(BytesReader):
        def read(self, offset, length):
            requests.append((offset, length))
            return super().read(offset, length)

    opened = Archive(Asking("w", data), block=1 << 13)
    assert len(opened.names) == 5001
    assert len(requests) <= 3
    assert len({offset for offset, _ in requests}) == len(requests)
    assert sum(length for _, length in requests) < len(data)


def test_the_head_of_a_large_member_costs_no_more_than_its_head():
    data = wheel({"big.bin": os.urandom(8_000_000), "small.txt": b"words"})
    Counting.total = 0
    opened = Archive(Counting("w", data), block=1 << 16)
    assert len(opened.head("big.bin", 4096)) == 4096
    assert opened.read("small.txt") == b"words"
    assert Counting.total < 500_000


def test_a_spooled_member_reads_anywhere():
    payload = os.urandom(3_000_000)
    opened = Archive(BytesReader("w", wheel({"lib.so": payload})))
    with opened.spooled("lib.so") as reader:
        assert reader.size == len(payload)
        assert reader.read(1_234_567, 100) == payload[1_234_567:1_234_667]
        with pytest.raises(MeasureError, match=r"lib\.so: byte 2999999"):
            reader.read(2_999_999, 2)


def test_a_zip64_archive_is_read(tmp_path):
    path = tmp_path / "large.whl"
    with zipfile.ZipFile(path, "w") as file, file.open("a.txt", "w", force_zip64=True) as member:
        member.write(b"sixty-four")
    assert Archive(FileReader(path)).read("a.txt") == b"sixty-four"


def test_a_directory_of_seventy_thousand_members_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(70_000):
            file.writestr(f"m{number}", b"")
    assert len(Archive(BytesReader("many", out.getvalue())).names) == 70_000


def test_a_member_larger_than_believed_is_refused():
    opened = Archive(BytesReader("bomb.whl", wheel({"METADATA": b"\0" * 10_000_000})))
    with pytest.raises(MeasureError, match=r"bomb\.whl: METADATA: larger than the 1000000 bytes"):
        opened.read("METADATA", 1_000_000)


def test_a_spooled_member_that_never_ends_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER", 1 << 20)
    opened = Archive(BytesReader("bomb.whl", wheel({"lib.so": b"\0" * 10_000_000})))
    with pytest.raises(MeasureError, match="inflates beyond"), opened.spooled("lib.so"):
        pass


@pytest.mark.parametrize("data", [b"", b"<html>no such file</html>", b"PK\3\4" + b"\0" * 100])
def test_something_else_is_not_taken_for_a_wheel(data):
    with pytest.raises(MeasureError, match=r"page\.whl: not a wheel"):
        Archive(BytesReader("page.whl", data))


def test_a_wheel_cut_off_anywhere_is_refused():
    data = wheel({"a.txt": b"words" * 100})
    for length in range(0, len(data), 37):
        with pytest.raises(MeasureError):
            Archive(BytesReader("cut", data[:length])).read("a.txt")


def test_a_member_whose_bytes_were_changed_is_refused():
    data = bytearray(wheel({"a.txt": os.urandom(5000)}))
    data[2000] ^= 0xFF
    with pytest.raises(MeasureError, match=r"a\.txt: cannot be inflated"):
        Archive(BytesReader("changed", bytes(data))).read("a.txt")


def test_an_encrypted_member_is_refused():
    data = bytearray(wheel({"a.txt": b"words"}))
    central = data.index(b"PK\1\2")
    flags = struct.unpack_from("<H", data, central + 8)[0]
    struct.pack_into("<H", data, central + 8, flags | 1)
    struct.pack_into("<H", data, 6, flags | 1)
    with pytest.raises(MeasureError, match=r"a\.txt"):
        Archive(BytesReader("locked", bytes(data))).read("a.txt")


def test_a_missing_member_is_named():
    with pytest.raises(MeasureError, match=r"w: nowhere: no such member"):
        Archive(BytesReader("w", wheel({}))).head("nowhere", 10)


@settings(max_examples=300, deadline=3000)
@given(st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=6)), min_size=1, max_size=8))
def test_a_damaged_wheel_never_raises_anything_but_a_measure_error(patches):
    data = bytearray(wheel({"nvidia/x/lib/libx.so.1": b"\x7fELF" + b"\0" * 200, "a/__init__.py": b"x"}))
    for place, patch in patches:
        data[-place - len(patch) : len(data) - place] = patch
    reader = BytesReader("damaged", bytes(data))
    with contextlib.suppress(MeasureError):
        opened = Archive(reader)
        measure(opened, opened)


@settings(max_examples=200, deadline=3000)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_wheel_or_a_measure_error(data):
    with contextlib.suppress(MeasureError):
        measure(Archive(BytesReader("any", data)))
