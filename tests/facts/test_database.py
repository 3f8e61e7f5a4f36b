"""Rows of wheels: read only for what is asked, newest first, and told by file and line when they are broken."""

from __future__ import annotations

import pytest
from packaging.version import Version

from stackfix.errors import DataError
from stackfix.facts.database import Database
from stackfix.facts.row_index import INDEX, encoded_index
from stackfix.versions import CudaVersion

FILE = {"name": "torch-2.4.0-py3-none-any.whl", "size": 1, "sha256": "cd" * 32, "uploaded": "2024-07-24"}


def test_rows_come_newest_first_by_version_and_not_by_letters(root, write_rows):
    write_rows({"version": "2.9.1"}, {"version": "2.10.0"}, {"version": "2.10.0rc1"}, {"version": "1.13.1"})
    versions = [str(wheel.version) for wheel in Database(root).wheels("torch")]
    assert versions == ["2.10.0", "2.10.0rc1", "2.9.1", "1.13.1"]


def test_a_row_becomes_a_wheel_with_all_that_was_measured(root, write_rows):
    write_rows({"opens": {"cuda": ["libcudnn.so.9"]}, "onnx_opset": 21})
    (wheel,) = Database(root).wheels("torch")
    assert wheel.version == Version("2.4.0")
    assert wheel.needs == {"": frozenset({"libc.so.6", "libcudart.so.12"})}
    assert wheel.opens == {"cuda": frozenset({"libcudnn.so.9"})}
    assert wheel.provides == {"libtorch.so": "torch/lib/libtorch.so"}
    assert (wheel.cuda, wheel.cuda_major) == ((CudaVersion(12, 1),), 12)
    assert wheel.code[0].cubins == {"50", "90"}
    assert wheel.code[0].ptx == {"90": CudaVersion(12, 1), "80": None}
    assert wheel.code[0].count == 3
    assert (wheel.numpy_abi, wheel.onnx_opset, wheel.onnx_ir) == ({1, 2}, 21, None)
    assert (wheel.evidence.method, wheel.evidence.seen) == ("measured", "2026-11-24")
    assert (wheel.files[0].size, wheel.files[0].requires_python) == (797175000, ">=3.8")


def test_only_the_package_that_is_asked_for_is_read(root, write_rows):
    write_rows({})
    (root / "wheels" / "linux_x86_64" / "numpy.jsonl").write_text("broken")
    database = Database(root)
    assert len(database.wheels("torch")) == 1
    with pytest.raises(DataError, match=r"numpy\.jsonl: line 1"):
        database.wheels("numpy")


def test_a_package_without_rows_has_none(root):
    assert Database(root).wheels("no-such-package") == ()


@pytest.mark.parametrize("name", ["../drivers", "Torch", "a/b", "", ".", "torch\x00", "torch.jsonl", "-"])
def test_a_name_that_no_package_has_reads_no_file(root, write_rows, name):
    write_rows({})
    assert Database(root).wheels(name) == ()


def test_a_row_is_converted_once(root, write_rows):
    path = write_rows({})
    database = Database(root)
    first = database.wheels("torch")
    path.unlink()
    assert database.wheels("torch") is first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"colour": "red"}, "colour"),
        ({"version": "newest"}, "newest"),
        ({"cuda": ["twelve"]}, "twelve"),
        ({"files": []}, "no files"),
        ({"files": [FILE | {"size": "big"}]}, "int"),
        ({"files": [FILE | {"url": "x"}]}, "url"),
        ({"files": [FILE | {"size": 0}]}, ">= 1"),
        ({"files": [FILE | {"size": -5}]}, ">= 1"),
        ({"files": [FILE | {"sha256": "ab" * 31}]}, "regex"),
        ({"files": [FILE | {"sha256": "AB" * 32}]}, "regex"),
        ({"needs": ["libc.so.6"]}, "object"),
        ({"code": [{"ptx": {"90": "x"}}]}, "x"),
        ({"numpy_abi": ["1"]}, "int"),
    ],
)
def test_a_broken_row_is_told_with_file_and_line(root, write_rows, change, reason):
    write_rows({"version": "1.0"}, change)
    with pytest.raises(DataError) as caught:
        Database(root).wheels("torch")
    assert caught.value.file == "linux_x86_64/torch.jsonl"
    assert caught.value.place.startswith("line 2")
    assert reason in caught.value.reason


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"{", b"null\n", b'"text"\n', b"[]\n"])
def test_bytes_that_are_no_rows_are_told_with_file_and_line(root, write_rows, damage):
    path = write_rows({})
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(DataError) as caught:
        Database(root).wheels("torch")
    assert (caught.value.file, caught.value.place) == ("linux_x86_64/torch.jsonl", "line 2")


def test_a_file_that_was_cut_is_told(root, write_rows):
    path = write_rows({}, {"version": "2.5.0"})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"torch\.jsonl: line 2"):
        Database(root).wheels("torch")


def write_index(root):
    (root / "wheels" / INDEX).write_bytes(encoded_index(root))


def test_rows_are_listed_for_their_platform_and_read_when_asked_for(root, write_rows):
    path = write_rows({}, {"version": "2.10.0", "colour": "red"}, {"version": "2.5.0"})
    good = path.read_text().replace(', "colour": "red"', "")
    path.write_text(good)
    write_index(root)
    database = Database(root)
    listed = database.listed("torch", "linux_x86_64")
    assert [each.key for each in listed] == ["2.10.0", "2.5.0", "2.4.0"]
    assert (listed[0].cuda_major, listed[0].provides) == (12, {"libtorch.so"})
    assert list(database.listed("torch", "win_amd64")) == []
    assert listed[1].wheel == next(w for w in database.wheels("torch") if w.key == "2.5.0")
    assert listed[1].wheel is listed[1].wheel
    assert database.knows("torch")
    assert not database.knows("jax")


def test_rows_that_have_changed_since_the_index_was_made_are_told(root, write_rows):
    write_rows({})
    write_index(root)
    write_rows({}, {"version": "2.5.0"})
    (listed,) = Database(root).listed("torch", "linux_x86_64")
    with pytest.raises(DataError, match=r"torch\.jsonl: has changed since index\.ndjson"):
        _ = listed.wheel


def test_an_overlay_adds_rows_and_wins_over_those_of_the_same_release(root, write_rows, tmp_path):
    path = write_rows({}, {"version": "2.5.0"})
    write_index(root)
    overlay = tmp_path / "overlay"
    (overlay / "linux_x86_64").mkdir(parents=True)
    newer = path.read_text().splitlines()[1].replace("2.5.0", "2.6.0").replace("libtorch.so", "libnew.so")
    other = path.read_text().splitlines()[1].replace('"cuda_major": 12', '"cuda_major": 13')
    (overlay / "linux_x86_64" / "torch.jsonl").write_text(f"{newer}\n{other}\n")
    database = Database(root, overlay=overlay)
    listed = database.listed("torch", "linux_x86_64")
    assert [(each.key, each.cuda_major) for each in listed] == [("2.6.0", 12), ("2.5.0", 13), ("2.4.0", 12)]
    assert [wheel.key for wheel in database.wheels("torch")] == ["2.6.0", "2.5.0", "2.4.0"]
    assert tuple(database.providers("libnew.so")) == ("torch",)
    assert set(database.majors("torch")) == {12, 13}


def test_a_row_that_ships_and_was_measured_later_wins_over_the_overlay(root, write_rows, tmp_path):
    path = write_rows({"seen": "2026-12-01"})
    write_index(root)
    overlay = tmp_path / "overlay"
    (overlay / "linux_x86_64").mkdir(parents=True)
    old = path.read_text().replace("2026-12-01", "2026-11-01").replace('"cuda_major": 12', '"cuda_major": 13')
    (overlay / "linux_x86_64" / "torch.jsonl").write_text(old)
    database = Database(root, overlay=overlay)
    assert [each.cuda_major for each in database.listed("torch", "linux_x86_64")] == [12]
    assert [each.cuda_major for each in database.wheels("torch")] == [12]


def test_the_index_knows_who_provides_and_owns_what(root, write_rows):
    write_rows({}, {"version": "2.5.0", "provides": {"libtorch.so": "a", "libshm.so": "b"}})
    write_rows({"provides": {"libtorch.so": "c"}, "owns": ["fork"], "seen": "2026-12-01"}, package="fork")
    write_index(root)
    database = Database(root)
    assert tuple(database.providers("libtorch.so")) == ("fork", "torch")
    assert tuple(database.providers("libshm.so")) == ("torch",)
    assert tuple(database.providers("libnone.so")) == ()
    assert tuple(database.owners("fork")) == ("fork",)
    assert database.date == "2026-12-01"
    assert database.packages() == ["fork", "torch"]


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"seen": 1}'])
def test_a_missing_or_broken_index_is_told(root, content):
    if content is not None:
        (root / "wheels" / INDEX).write_bytes(content)
    with pytest.raises(DataError, match=r"index\.ndjson"):
        Database(root).providers("libtorch.so")
