"""Targets that cannot be changed, or that somebody else is changing: said before anything is downloaded."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager

import fault_server as faults
import pytest
from fault_bench import ABSENT, NEW, OLD, ended, may_mount, small_disk


@contextmanager
def marked(*paths):
    """Make files or folders immutable, which not every file system knows."""
    if os.geteuid() or subprocess.run(["chattr", "+i", *paths], capture_output=True).returncode:
        pytest.skip("immutable files need root and a file system that knows them")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *(path for path in paths if path.exists())], check=True)


def test_a_read_only_disk(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a disk of one's own needs root")
    bench.folder.rmdir()
    with small_disk(bench.folder, "80m"):
        bench.old()
        subprocess.run(["mount", "-o", "remount,ro", str(bench.folder)], check=True)
        done = bench.run(bench.words())
        bench.saw("target", "on a read-only disk", done, state=OLD, code=3, says="[Rr]ead-only")
        assert bench.server.asked == []
        subprocess.run(["mount", "-o", "remount,rw", str(bench.folder)], check=True)
        bench.then()


def test_a_folder_to_be_made_on_a_read_only_disk(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a disk of one's own needs root")
    with small_disk(tmp_path / "disk", "80m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        bench.folder = disk / "new"
        done = bench.run(bench.words())
        bench.saw(
            "target", "in a new folder on a read-only disk", done, state=ABSENT, code=3, says="[Rr]ead-only"
        )
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        bench.then()


def test_an_immutable_target(bench):
    bench.old()
    with marked(bench.target):
        done = bench.run(bench.words())
        bench.saw("target", "immutable", done, state=OLD, code=3, says="immutable")
        assert bench.server.asked == []
        assert bench.beside() == []
    bench.then()


def test_an_immutable_parent(bench):
    bench.old()
    with marked(bench.folder):
        done = bench.run(bench.words())
        bench.saw("target", "in an immutable folder", done, state=OLD, code=3, says="takes no new folders")
        assert bench.server.asked == []
    bench.then()


def test_an_immutable_file_in_what_is_replaced(bench):
    bench.old()
    with marked(bench.target / "pyvenv.cfg"):
        done = bench.run(bench.words())
        bench.saw("target", "with an immutable file in it", done, state=NEW, code=0, says="ready")
        kept = bench.folder / ".venv.stackfix-previous"
        done = bench.run(bench.words())
        what = "the environment before has an immutable file"
        bench.saw("target", what, done, state=NEW, code=3, says=f"`{kept}` cannot be removed")
        subprocess.run(["chattr", "-i", kept / "pyvenv.cfg"], check=True)
    bench.then(says="is finished")


def test_a_target_that_is_a_mount_point(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a disk of one's own needs root")
    with small_disk(bench.target, "80m"):
        done = bench.run(bench.words())
        bench.saw("target", "a mount point", done, state="empty", code=2, says="mount point")
        assert bench.server.asked == []
    bench.target.rmdir()
    bench.then()


@pytest.mark.parametrize(
    ("place", "code", "says"),
    [
        ("/proc/x", 3, "`/proc` takes no new folders"),
        ("/sys/x", 3, "`/sys` takes"),
        ("/dev/null/x", 2, "is a file"),
    ],
)
def test_a_place_that_holds_no_files(bench, place, code, says):
    done = bench.run([*bench.words()[:3], "--venv", place, "--no-validate"])
    bench.saw("target", place, done, state=ABSENT, code=code, says=says)
    bench.then()


def test_a_place_below_a_file(bench):
    (bench.folder / "file").write_text("mine")
    done = bench.run([*bench.words()[:3], "--venv", str(bench.folder / "file" / "venv"), "--no-validate"])
    bench.saw("target", "below a file", done, state=ABSENT, code=2, says="is a file")
    assert bench.server.asked == []
    bench.then()


def test_two_installs_at_once(bench):
    bench.old()
    bench.server.faults["app-2.0-py3-none-any.whl"] = faults.stall
    first = bench.start(bench.words(), UV_HTTP_TIMEOUT="60")  # a busy machine starts the second late
    deadline = time.monotonic() + 60
    while "app-2.0-py3-none-any.whl" not in bench.server.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    done = bench.run(bench.words())
    says = f"is being changed: process {first.pid} is building it"
    bench.saw("target", "two installs at once: the second", done, state=OLD, code=3, says=says)
    first.send_signal(signal.SIGINT)
    assert ended(first).code == 130
    bench.then()


def test_two_installs_started_together_leave_one_whole_environment(bench):
    pair = [bench.start(bench.words()), bench.start(bench.words())]
    codes = sorted(ended(child).code for child in pair)
    assert codes in ([0, 0], [0, 3])
    assert bench.state() == NEW
    assert bench.beside() in ([], [".venv.stackfix-previous"])


def test_two_installs_into_one_folder_do_not_meet(bench):
    other = bench.folder / "other"
    words = [str(other) if word == str(bench.target) else word for word in bench.words()]
    pair = [bench.start(bench.words()), bench.start(words)]
    assert [ended(child).code for child in pair] == [0, 0]
    assert bench.state() == NEW
    assert (other / "bin" / "run-app").exists()
    assert bench.beside() == []


def test_an_undo_during_an_install_waits_for_nobody(bench):
    bench.old()
    bench.server.faults["app-2.0-py3-none-any.whl"] = faults.stall
    first = bench.start(bench.words(), UV_HTTP_TIMEOUT="60")  # a busy machine starts the second late
    deadline = time.monotonic() + 60
    while "app-2.0-py3-none-any.whl" not in bench.server.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    done = bench.run(["undo", "--venv", str(bench.target)])
    bench.saw("target", "an undo during an install", done, state=OLD, code=3, says="is being changed")
    first.send_signal(signal.SIGINT)
    assert ended(first).code == 130
    bench.then()
