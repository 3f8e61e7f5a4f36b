"""The overlay: where it lies, that writing is whole or not at all, and that its rows win."""

import json
import os
import shutil
import subprocess
import sys
import threading

import msgspec
import pytest
from platformdirs import user_data_path

from stackfix.errors import DataError, DiskError
from stackfix.facts import overlay as overlays
from stackfix.facts.database import Database
from stackfix.facts.invariants import check
from stackfix.facts.overlay import overlay_folder, write
from stackfix.facts.root import data_root
from stackfix.facts.row_files import read_rows
from stackfix.facts.rows import WheelRow

ROW = {
    "package": "torch",
    "version": "2.4.0",
    "source": "pypi",
    "platform": "linux_x86_64",
    "files": [
        {
            "name": "torch-2.4.0-cp312-cp312-manylinux1_x86_64.whl",
            "size": 9,
            "sha256": "ab" * 32,
            "uploaded": "2024-07-24",
        }
    ],
    "evidence": "measured",
    "seen": "2026-11-24",
    "cuda": ["12.1"],
    "cuda_major": 12,
}


def row(**changes):
    return msgspec.convert(ROW | changes, type=WheelRow)


def test_a_named_folder_is_taken(tmp_path):
    assert overlay_folder({"STACKFIX_DATA": str(tmp_path)}) == tmp_path / "facts"


def test_without_a_name_it_is_the_folder_that_platformdirs_names(tmp_path, monkeypatch):
    monkeypatch.delenv("STACKFIX_DATA", raising=False)
    assert overlay_folder() == user_data_path("stackfix", appauthor=False) / "facts"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert overlay_folder() == user_data_path("stackfix", appauthor=False) / "facts"


def test_a_release_is_replaced_and_others_stay_in_order(tmp_path):
    write(tmp_path, [row(version="2.10.0"), row(version="2.4.0")])
    (path,) = write(tmp_path, [row(version="2.4.0", cuda_major=13)])
    assert path == tmp_path / "linux_x86_64" / "torch.jsonl"
    assert [(one.version, one.cuda_major) for one in read_rows(path)] == [("2.4.0", 13), ("2.10.0", 12)]


def test_each_platform_has_a_file_of_its_own(tmp_path):
    write(tmp_path, [row(), row(platform="any", package="filelock")])
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jsonl"))
    assert found == ["any/filelock.jsonl", "linux_x86_64/torch.jsonl"]


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads everything")
@pytest.mark.parametrize("closed", [".", "facts", "facts/any", "facts/any/filelock.jsonl"])
def test_what_cannot_be_read_is_left_out_and_said_once(tmp_path, closed):
    write(tmp_path / "facts", [row(platform="any", package="filelock", cuda=[], cuda_major=0)])
    mode = (tmp_path / closed).stat().st_mode
    (tmp_path / closed).chmod(0)
    as_user = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    words = ["resolve", "dwpose", "--gpu", "none", "--python", "3.12"]
    try:
        done = subprocess.run(
            [*as_user, sys.executable, "-m", "stackfix", *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "STACKFIX_DATA": str(tmp_path)},
        )
    finally:
        (tmp_path / closed).chmod(mode)
    assert done.returncode == 0
    assert done.stderr.count("is left out, for it cannot be read") == 1
    assert str((tmp_path / closed).resolve()) in done.stderr


def broken(overlay):
    write(overlay, [row(platform="any", package="six", cuda=[], cuda_major=0)])
    path = overlay / "any" / "six.jsonl"
    path.write_text(path.read_text() + '{"package": "six"\n')
    return path


def test_a_broken_row_is_named_with_its_whole_path_and_what_to_do(tmp_path):
    path = broken(tmp_path)
    asked = [
        lambda: Database(data_root(), tmp_path).wheels("six"),
        lambda: Database(data_root(), tmp_path).listed("six", "linux_x86_64"),
        lambda: write(tmp_path, [row(platform="any", package="six", cuda=[], cuda_major=0)]),
    ]
    for ask in asked:
        with pytest.raises(DataError) as caught:
            ask()
        assert caught.value.message.startswith(f"{path}: line 2: ")
        assert caught.value.hint.startswith("delete that file")


def test_a_check_of_the_facts_reads_the_overlay_too(tmp_path):
    write(tmp_path, [row()])
    assert check(data_root(), tmp_path) == []
    path = broken(tmp_path)
    (problem,) = check(data_root(), tmp_path)
    assert problem.startswith(f"{path}: line 2: ")
    path.write_text(path.read_text().splitlines()[0].replace("2026-11-24", "some day") + "\n")
    (problem,) = check(data_root(), tmp_path)
    assert problem == f"{path}: line 1 (six 2.4.0): no evidence or no date"


def test_a_line_is_the_one_that_the_curator_would_write(tmp_path):
    (path,) = write(tmp_path, [row()])
    assert path.read_bytes() == msgspec.json.encode(row()) + b"\n"
    assert json.loads(path.read_text())["version"] == "2.4.0"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    (path,) = write(tmp_path, [row()])
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(overlays.os, "fsync", full)
    with pytest.raises(DiskError, match="No space left on device") as raised:
        write(tmp_path, [row(version="2.5.0")])
    assert "STACKFIX_DATA" in raised.value.hint
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_broken_overlay_is_named_and_not_overwritten(tmp_path):
    (path,) = write(tmp_path, [row()])
    path.write_text("{")
    with pytest.raises(DataError, match=r"torch\.jsonl: line 1"):
        write(tmp_path, [row(version="2.5.0")])
    assert path.read_text() == "{"


def test_writers_at_once_lose_nothing(tmp_path):
    versions = [f"2.{minor}.0" for minor in range(12)]
    threads = [threading.Thread(target=write, args=(tmp_path, [row(version=one)])) for one in versions]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [one.version for one in read_rows(tmp_path / "linux_x86_64" / "torch.jsonl")] == versions


def test_a_writer_that_never_ends_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(overlays, "_LOCK_SECONDS", 0.05)
    with overlays._alone(tmp_path), pytest.raises(DiskError, match="another stackfix"):
        write(tmp_path, [row()])
