"""`stackfix facts check`: silent on the facts that ship, and never silent on broken ones."""

from __future__ import annotations

import json

import pytest

from stackfix.facts import prepared, recipes
from stackfix.facts.invariants import check
from stackfix.facts.root import data_root
from stackfix.facts.row_index import INDEX, encoded_index


@pytest.fixture
def settle(root):
    """Write the prepared files and the index anew, so that only the fault under test is left."""

    def write() -> None:
        (root / prepared.PREPARED).write_bytes(prepared.encoded(prepared.prepare(root)))
        (root / recipes.PREPARED).write_bytes(recipes.encoded_recipes(root))
        (root / "wheels" / INDEX).write_bytes(encoded_index(root))

    return write


def swap(root, name, old, new):
    path = root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_facts_that_ship_are_sound():
    assert check(data_root()) == []


def test_a_small_sound_folder_is_sound(root, write_rows, settle):
    write_rows({"needs": {"": ["libc.so.6"]}})
    settle()
    assert check(root) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("drivers.toml", '"525.60.13"', '"520.61.05"', "branch 520 is not known to offer CUDA 12"),
        ("drivers.toml", '"525.60.13"', '"535.54.03"', "branch 525 below it offers CUDA 12 too"),
        ("drivers.toml", '"580.65.06"', '"450.80.01"', "an older floor"),
        (
            "drivers.toml",
            'max_cuda = "12.4"',
            'max_cuda = "13.0"',
            "a newer driver branch offers an older CUDA",
        ),
        ("drivers.toml", 'linux = "535.104.05"', 'linux = "530.30.02"', "is not of branch 535"),
        (
            "drivers.toml",
            "ptx_driver_branch = 570",
            "ptx_driver_branch = 470",
            "names an older driver branch",
        ),
        ("gpus.toml", 'last_cuda = "11.8"', 'last_cuda = "5.0"', "its last CUDA is before its first"),
        ("gpus.toml", 'name = "GeForce RTX 5080"', 'name = "GeForce RTX 5090"', "stands twice"),
        ("gpus.toml", 'capability = "3.7"', 'capability = "3.9"', "is not in the table"),
        ("sources.toml", 'pythons = ">=3.7,<=3.10"', 'pythons = "3.7 to 3.10"', "does not say which Pythons"),
        (
            "sources.toml",
            '["pytorch-cu116", "pytorch',
            '["pytorch-cu999", "pytorch',
            "no source `pytorch-cu999`",
        ),
    ],
)
def test_a_wrong_hand_written_fact_is_told(root, write_rows, settle, name, old, new, said):
    write_rows({"needs": {}})
    swap(root, name, old, new)
    settle()
    assert any(said in line and line.startswith(name) for line in check(root)), check(root)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"needs": {"": ["libnone.so.7"]}}, "nothing on record provides libnone.so.7"),
        ({"needs": {"cuda": ["libnone.so.7"]}}, "nothing on record provides libnone.so.7"),
        ({"needs": {}, "opens": {"cuda": ["libcufft.so.99"]}}, "nothing on record provides libcufft.so.99"),
        ({"needs": {}, "requires_dist": ["numpy >>> 3"]}, "`numpy >>> 3` is not a requirement"),
        ({"needs": {}, "seen": "yesterday"}, "no evidence or no date"),
        ({"needs": {}, "evidence": ""}, "no evidence or no date"),
        ({"needs": {}, "version": "new"}, "new"),
        ({"needs": {}, "files": []}, "no files"),
    ],
)
def test_a_wrong_row_is_told(root, write_rows, settle, change, said):
    write_rows(change)
    settle()
    assert any(said in line for line in check(root)), check(root)


COVERS = {
    "package": "torch",
    "version": "2.8.0",
    "platform": "linux_x86_64",
    "folder": "torch",
    "covers": ["torch"],
    "files": 1,
    "names": 1,
    "told_by": ".py",
    "seen": "2026-11-24",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"version": "2.8.1"}, "torch 2.8.1 (linux_x86_64) has no row that fills `torch`"),
        ({"folder": "other"}, "torch 2.8.0 (linux_x86_64) has no row that fills `other`"),
        ({"covers": ["gone"]}, "gone 2.8.0 (linux_x86_64) has no row that fills `torch`"),
        ({"covers": []}, "covers nothing"),
        ({"seen": "today"}, "has no date"),
        ({"more": 1}, "unknown field"),
    ],
)
def test_what_covers_something_that_is_not_on_record_is_told(root, write_rows, settle, change, said):
    write_rows({"needs": {}, "owns": ["torch"], "version": "2.8.0"})
    settle()
    (root / "covers.jsonl").write_text(json.dumps(COVERS | change) + "\n")
    found = [line for line in check(root) if "covers" in line]
    assert len(found) >= bool(said)
    assert all(said in line for line in found), found
    assert bool(found) == bool(said)


def test_what_another_row_provides_is_not_missing(root, write_rows, settle):
    write_rows({"needs": {"": ["libnone.so.7"]}})
    write_rows({"needs": {}, "provides": {"libnone.so.7": "x"}}, package="brings")
    settle()
    assert not any("provides" in line for line in check(root))


def test_what_is_known_to_be_brought_by_nobody_is_not_told_again(root, write_rows, settle):
    write_rows({"needs": {"": ["libomp140.x86_64.dll"]}})
    settle()
    assert check(root) == []


@pytest.mark.parametrize(("build", "told"), [("", True), ("1-", False)])
def test_rows_of_one_build_agree_on_their_cuda(root, write_rows, settle, build, told):
    name = f"torch-2.5.0-{build}cp311-cp311-linux_x86_64.whl"
    file = {"name": name, "size": 1, "sha256": "0" * 64, "uploaded": "2026-01-02"}
    write_rows({"needs": {}, "files": [file]} | {"cuda_major": 12}, {"needs": {}, "cuda_major": 11})
    settle()
    assert any("contradict each other" in line for line in check(root)) is told


def test_a_file_in_two_rows_and_rows_out_of_order_are_told(root, write_rows, settle):
    write_rows({"needs": {}, "version": "2.5"}, {"needs": {}, "version": "2.4"})
    settle()
    found = check(root)
    assert any("stands twice" in line for line in found)
    assert any("not ordered by version" in line for line in found)


def test_a_row_in_another_packages_file_is_told(root, write_rows, settle):
    write_rows({"needs": {}, "package": "numpy"})
    settle()
    assert any("stands in the wrong file" in line for line in check(root))


def test_a_stale_prepared_file_and_a_stale_index_are_told(root, write_rows, settle):
    write_rows({"needs": {}})
    settle()
    write_rows({"needs": {}, "owns": ["other"]})
    swap(root, "drivers.toml", '"525.60.13"', '"525.60.12"')
    (root / "recipes" / "other.toml").write_bytes((data_root() / "recipes" / "dwpose.toml").read_bytes())
    found = check(root)
    assert any(line.startswith("prepared.json") for line in found)
    assert any(line.startswith("recipes.json") for line in found)
    assert any(line.startswith("index.ndjson") for line in found)


def test_a_file_that_cannot_be_read_is_one_finding(root, write_rows):
    write_rows({})
    (root / "gpus.toml").write_text("[")
    assert len(check(root)) == 1
