"""Moments that nobody chose: an install, an undo or a pair of both is ended at random, or the disk fills at random.

`STACKFIX_FAULT_MOMENTS=150 pytest tests/faults/test_fault_moments.py` tries as many; `STACKFIX_FAULT_SEED` others.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fault_bench import ABSENT, NEW, OLD, Bench, Done, ended, may_mount, small_disk

SEED = os.environ.get("STACKFIX_FAULT_SEED", "stackfix")
MOMENTS = range(int(os.environ.get("STACKFIX_FAULT_MOMENTS", "12")))
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def undo(bench: Bench) -> list[str]:
    return ["undo", "--venv", str(bench.target)]


def tidy(bench: Bench) -> None:
    """Nothing lies beside the target but what undo needs."""
    assert bench.beside() in ([], [".venv.stackfix-previous"])


def ended_at(bench: Bench, words: list[str], number: int, seconds: float, sent: signal.Signals) -> Done:
    """Run a command, send it a signal at a random moment, and return how it ended."""
    after = random.Random(f"{SEED}{number}").uniform(0.05, 1.1) * seconds
    child = bench.start(words)
    time.sleep(after)
    child.send_signal(sent)
    done = ended(child)
    allowed = {0, -sent, 130 if sent == signal.SIGINT else 128 + sent}
    begun = "Fatal Python error: init" not in done.err  # Ctrl-C before Python itself was there
    assert not begun or done.code in allowed, done
    # Python itself, interrupted while it starts, says so before a line of ours has run
    assert "Traceback" not in done.err or "Failed to import the site module" in done.err, done
    if sent != signal.SIGKILL:
        tidy(bench)
    return done


def lasts(bench: Bench, words: list[str]) -> float:
    """Return how long a command takes here when nobody disturbs it."""
    started = time.monotonic()
    done = bench.run(words)
    assert done.code == 0, done
    return time.monotonic() - started


@pytest.mark.parametrize("number", MOMENTS)
def test_an_install_ended_at_a_random_moment(bench, number):
    choice = random.Random(f"{SEED} install {number}")
    sent, installer = choice.choice(SIGNALS), choice.choice(["uv", "uv", "pip"])
    before = choice.choice(["there", "not there"])
    words = bench.words(installer=installer)
    if before == "there":
        bench.old()
    seconds = lasts(bench, words)
    shutil.rmtree(bench.folder)
    bench.folder.mkdir()
    if before == "there":
        bench.old()
    done = ended_at(bench, words, number, seconds, sent)
    assert bench.state() in ((OLD, NEW) if before == "there" else (ABSENT, NEW)), done
    journal = (bench.folder / ".venv.stackfix-journal").exists()
    again = bench.run(words)
    assert again.code == 0, again
    assert bench.state() == NEW
    assert not journal or "is undone" in again.err or "is finished" in again.err, again
    tidy(bench)


@pytest.mark.parametrize("number", MOMENTS)
def test_an_undo_ended_at_a_random_moment(bench, number):
    sent = random.Random(f"{SEED} undo {number}").choice(SIGNALS)
    bench.old()
    assert bench.run(bench.words()).code == 0
    seconds = lasts(bench, undo(bench))
    assert bench.state() == OLD
    lasts(bench, undo(bench))
    assert bench.state() == NEW
    done = ended_at(bench, undo(bench), number, seconds, sent)
    state = bench.state()
    assert state in (OLD, NEW), done
    again = bench.run(undo(bench))
    assert again.code == 0, again
    assert bench.state() == (OLD if state == NEW else NEW) or "is finished" in again.err, again
    tidy(bench)


@pytest.mark.parametrize("number", MOMENTS)
def test_a_disk_of_a_random_size(bench, tmp_path, number):
    if not may_mount(tmp_path):
        pytest.skip("a small disk needs root")
    choice = random.Random(f"{SEED} disk {number}")
    bench.folder.rmdir()
    with small_disk(bench.folder, "80m"):
        bench.old()
        left = str(choice.randrange(400_000))
        driver = ("after", "check_room", "squeeze")
        done = bench.run(bench.words(), *driver, FAULT_DISK=str(bench.folder), FAULT_LEFT=left)
        assert done.code in (0, 3), done
        assert bench.state() == (NEW if done.code == 0 else OLD), done
        assert "Traceback" not in done.err, done
        tidy(bench)
        (bench.folder / "filler").unlink()
        again = bench.run(bench.words())
        assert again.code == 0, again
        assert bench.state() == NEW
        tidy(bench)


@pytest.mark.parametrize("number", MOMENTS)
@pytest.mark.parametrize("other", ["install", "undo"])
def test_a_pair_of_which_one_is_killed(bench, number, other):
    choice = random.Random(f"{SEED} pair {other} {number}")
    bench.old()
    seconds = lasts(bench, bench.words())
    words = bench.words() if other == "install" else undo(bench)
    pair = [bench.start(bench.words())]
    time.sleep(choice.uniform(0, 1) * seconds)
    pair.append(bench.start(words))
    time.sleep(choice.uniform(0, 1) * seconds)
    choice.choice(pair).kill()
    codes = [ended(child) for child in pair]
    assert all(done.code in (0, 3, -9) for done in codes), codes
    assert not any("Traceback" in done.err for done in codes), codes
    assert bench.state() in (OLD, NEW), codes
    again = bench.run(bench.words())
    assert again.code == 0, again
    assert bench.state() == NEW
    tidy(bench)


def test_nothing_is_left_running(bench):
    """An install that is killed takes its installer along, which would write on."""
    child = bench.start(bench.words())
    time.sleep(0.3)
    child.kill()
    ended(child)
    time.sleep(0.3)
    said = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(Path(bench.folder) / ".stackfix-") not in said
