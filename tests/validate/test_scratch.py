"""What a killed proof has left goes with the next one; what another one works in stays."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from stackfix.validate.scratch import scratch, sweep

LATER = 3600.0

_PROOF = """
import sys
from pathlib import Path
from stackfix.facts.root import data_root
from stackfix.validate.run import run
from stackfix.validate.weights import standins
run(Path(sys.argv[1]), device="cpu", weights=standins(data_root()), timeout=120)
"""


# started as `python -I -B worker.py`
_SLOW = """#!{python}
import os, runpy, sys, time
runpy.run_path(sys.argv[3])["end_with_parent"]()
open("{pid}", "w").write(str(os.getpid()))
time.sleep(60)
"""


def lives(process: int) -> bool:
    """Whether a process runs; one that ended stays as a zombie where nobody asks for it."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_folder_is_there_as_long_as_it_is_used_and_nobody_sweeps_it(temporary):
    with scratch() as folder:
        (folder / "result").touch()
        assert folder.parent == temporary
        assert sweep(time.time() + LATER) == ()
        assert (folder / "result").is_file()
    assert not list(temporary.iterdir())


def test_what_is_not_ours_or_just_made_stays(temporary):
    for name in ("stackfix-validate-bare", "other-x"):
        (temporary / name).mkdir()
    young, old = temporary / "stackfix-validate-young", temporary / "stackfix-validate-old"
    for folder in (young, old):
        folder.mkdir()
        (folder / "owner.lock").touch()
    os.utime(old / "owner.lock", (time.time() - LATER,) * 2)
    (temporary / "stackfix-validate-link").symlink_to(old)
    assert sweep() == (old,)
    left = {path.name for path in temporary.iterdir()}
    assert left == {"stackfix-validate-bare", "other-x", "stackfix-validate-young", "stackfix-validate-link"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_proof_that_is_killed_leaves_no_worker_and_its_folders_go_with_the_next(temporary, tmp_path):
    slow, pid = tmp_path / "python", tmp_path / "pid"
    slow.write_text(_SLOW.format(python=sys.executable, pid=str(pid)), encoding="utf-8")
    slow.chmod(0o755)
    proof = subprocess.Popen([sys.executable, "-c", _PROOF, str(slow)])
    ends = time.monotonic() + 30
    while not (pid.is_file() and pid.read_text(encoding="utf-8")) and time.monotonic() < ends:
        time.sleep(0.05)
    assert sweep(time.time() + LATER) == ()
    proof.send_signal(signal.SIGKILL)
    proof.wait()
    worker = int(pid.read_text(encoding="utf-8"))
    while lives(worker) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not lives(worker)
    left = set(temporary.iterdir())
    assert len(left) == 2
    assert set(sweep(time.time() + LATER)) == left
    assert not list(temporary.iterdir())
