"""At every step of an install something happens: it is killed, interrupted, the disk is full, the clock jumps."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from fault_bench import ABSENT, NEW, OLD, may_mount, plain, small_disk
from step_driver import STEPS

from stackfix.install.target import Beside

SWITCHED = STEPS[STEPS.index("switch_in") :]
RANDOM_KILLS = 8


def undone_or_finished(step: str, moment: str) -> str:
    """What the next run says of an install that was killed there; "" where nothing had begun or all was done."""
    at = STEPS.index(step) + (moment == "after")
    if at <= STEPS.index("write_journal 1") or at > STEPS.index("close_journal"):
        return ""
    return "is undone" if at <= STEPS.index("write_journal 2") else "is finished"


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_a_step(bench, step):
    bench.old()
    done = bench.run(bench.words(), "before", step, "kill")
    state = NEW if step == "close_journal" else OLD
    bench.saw("kill", f"before {step}", done, state=state, code=-signal.SIGKILL, says="")
    bench.then(says=undone_or_finished(step, "before"))


@pytest.mark.parametrize("step", ["create", "apply", "relocate", "switch_in"])
def test_a_first_install_killed_after_a_step(bench, step):
    done = bench.run(bench.words(), "after", step, "kill")
    state = NEW if step == "switch_in" else ABSENT
    bench.saw(
        "kill", f"after {step}, nothing was there before", done, state=state, code=-signal.SIGKILL, says=""
    )
    bench.then(says=undone_or_finished(step, "after"))


@pytest.mark.parametrize("number", range(RANDOM_KILLS))
def test_killed_at_a_random_moment(bench, number):
    seed = os.environ.get("STACKFIX_FAULT_SEED", "stackfix")
    bench.old()
    started = time.monotonic()
    assert bench.run(bench.words()).code == 0
    whole = time.monotonic() - started
    bench.again()
    after = random.Random(f"{seed}{number}").uniform(0.2, 1.1) * whole
    child = bench.start(bench.words())
    time.sleep(after)
    child.kill()
    _, err = child.communicate(timeout=60)
    bench.saw_killed(f"at random moment {number}", child.returncode, err)
    bench.then()


@pytest.mark.parametrize(
    ("action", "step"),
    [
        *(("interrupt", step) for step in STEPS),
        *(("terminate", step) for step in ("create", "_proved", "switch_in")),
    ],
)
def test_ended_before_a_step_by_somebody(bench, action, step):
    bench.old()
    done = bench.run(bench.words(), "before", step, action)
    state = NEW if step == "write_journal 2" or step in SWITCHED else OLD
    code = 130 if action == "interrupt" else 128 + signal.SIGTERM
    what = f"{'Ctrl-C' if action == 'interrupt' else 'SIGTERM'} before {step}"
    bench.saw("interrupt", what, done, state=state, code=code, says="interrupted" if code == 130 else "")
    assert bench.beside() in ([], [".venv.stackfix-previous"] if state == NEW else [])
    bench.then()


@pytest.mark.parametrize("step", STEPS[1:])
def test_the_disk_fills_before_a_step(bench, tmp_path, step):
    mounted = may_mount(tmp_path)
    bench.folder.rmdir()
    with small_disk(bench.folder, "80m") if mounted else plain(bench.folder):
        bench.old()
        action = "fill" if mounted else "limit"
        done = bench.run(bench.words(), "before", step, action, FAULT_DISK=str(bench.folder))
        state, code = (NEW, 0) if step in SWITCHED else (OLD, 3)
        says = "ready" if code == 0 else "the disk is full|[Nn]o space left|too large"
        bench.saw("full disk", f"before {step}", done, state=state, code=code, says=says)
        assert [name for name in bench.beside() if name != ".venv.stackfix-previous"] == []
        (bench.folder / "filler").unlink(missing_ok=True)
        bench.then()


def test_the_disk_of_the_cache_fills(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a small disk needs root")
    with small_disk(tmp_path / "cache-disk", "90m") as disk:
        bench.old()
        done = bench.run(
            bench.words(), "before", "apply", "fill", FAULT_DISK=str(disk), UV_CACHE_DIR=str(disk)
        )
        bench.saw(
            "full disk",
            "the disk of uv's cache",
            done,
            state=OLD,
            code=3,
            says="[Nn]o space left|disk is full",
        )
        bench.then()


def test_a_cache_without_room_is_said_before_anything_is_downloaded(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a small disk needs root")
    with small_disk(tmp_path / "cache-disk", "1m") as disk:
        bench.old()
        done = bench.run(bench.words(), UV_CACHE_DIR=str(disk))
        said = f"not enough room on the disk of `{disk}`.*for uv's cache"
        bench.saw("full disk", "too small for uv's cache", done, state=OLD, code=3, says=said)
        assert bench.server.asked == []
        bench.then()


def test_links_into_a_cache_on_the_same_disk_take_no_room(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a small disk needs root")
    bench.server.publish("lib", "2.0", weight=30_000_000)
    bench.folder.rmdir()
    with small_disk(bench.folder, "160m") as disk:
        cache = disk / "uv-cache"
        assert bench.run(bench.words(), UV_CACHE_DIR=str(cache)).code == 0
        shutil.rmtree(bench.target)
        bench.old()
        with (disk / "filler").open("wb") as filler:
            filler.write(bytes(shutil.disk_usage(disk).free - (70 << 20)))
        elsewhere = tmp_path / "uv-cache"
        done = bench.run(bench.words(), UV_CACHE_DIR=str(elsewhere))
        said = "not enough room on the disk.*for the environment"
        bench.saw("full disk", "copies from a cache elsewhere", done, state=OLD, code=3, says=said)
        bench.then(UV_CACHE_DIR=str(cache))


def test_a_disk_that_is_too_small_is_said_before_anything_is_downloaded(bench, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("a small disk needs root")
    bench.folder.rmdir()
    with small_disk(bench.folder, "40m"):
        bench.old()
        done = bench.run(bench.words())
        bench.saw("full disk", "too small from the start", done, state=OLD, code=3, says="not enough room")
        assert bench.server.asked == []


@pytest.mark.parametrize("step", ["create", "relocate", "switch_in"])
def test_the_folder_closes_before_a_step(bench, step):
    if os.geteuid() or subprocess.run(["chattr", "-i", bench.folder], capture_output=True).returncode:
        pytest.skip("immutable folders need root and a file system that knows them")
    bench.old()
    try:
        done = bench.run(bench.words(), "before", step, "close", FAULT_DISK=str(bench.folder))
        assert bench.beside() != []
        bench.saw("read-only", f"before {step}", done, state=OLD, code=3, says="not permitted")
    finally:
        subprocess.run(["chattr", "-i", bench.folder], check=True)
    bench.then(says="is finished" if step == "switch_in" else "is undone")


@pytest.mark.parametrize("step", ["create", "switch_in"])
def test_the_clock_jumps_back_ten_years(bench, step):
    bench.old()
    done = bench.run(bench.words(), "before", step, "jump")
    bench.saw("clock", f"ten years back before {step}", done, state=NEW, code=0, says="ready")
    bench.then()


@pytest.mark.parametrize(("what", "moment"), [("in the year 2100", 4_102_444_800), ("in 1970", 1)])
def test_what_a_killed_install_left_is_dated(bench, what, moment):
    bench.old()
    assert bench.run(bench.words(), "before", "_proved", "kill").code == -signal.SIGKILL
    for path in [Beside(bench.target).journal, Beside(bench.target).lock, *bench.folder.glob(".stackfix-*")]:
        os.utime(path, (moment, moment))
    done = bench.run(bench.words())
    bench.saw("clock", f"the journal was written {what}", done, state=NEW, code=0, says="is undone")
    bench.then()
