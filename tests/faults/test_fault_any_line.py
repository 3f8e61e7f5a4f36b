"""Ctrl-C at every line of an undo: both environments are whole, and nothing else lies beside them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from stackfix.errors import TargetError
from stackfix.install import install, switch, target
from stackfix.install.marker import Marker, read_marker, write_marker
from stackfix.install.target import Beside

OURS = (str(Path(install.__file__).parent), contextlib.__file__)
MOST = 10_000
"""An undo has under 2,000 lines."""


def finalizer(frame: FrameType | None) -> bool:
    """Whether a `__del__` is being run, whose errors Python drops."""
    while frame is not None and frame.f_code.co_name != "interrupted":
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def interrupted(run: Callable[[], object], line: int) -> bool:
    """Run, and press Ctrl-C at that line of it, the first being 1; return whether it had so many lines."""
    seen = 0

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(OURS) or finalizer(frame):
            return None
        seen += 1
        if seen == line:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return trace

    traced_before, handled_before = sys.gettrace(), signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(traced_before)
        signal.signal(signal.SIGINT, handled_before)
    return seen >= line


def environment(folder: Path, build: str, made: int) -> None:
    folder.mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    write_marker(folder, Marker(build=build, installer="uv", lock="a lock"))
    os.utime(folder / "stackfix.json", (made, made))


def undone_at_any_line(place: Path, steps: str) -> None:
    """Interrupt an undo at its first line, another at its second, and so on."""
    if steps == "several":
        switch.exchange = lambda _one, _other: False
    for line in range(1, MOST):
        folder = place / str(line)
        beside = Beside(folder / "venv")
        environment(beside.previous, "1-a", 1)
        environment(beside.target, "2-b", 2)
        reached = interrupted(lambda: install.undo(beside.target), line)  # noqa: B023 - called at once
        assert {each.name for each in folder.iterdir()} == {"venv", beside.previous.name}, line
        builds = [marker.build for each in (beside.target, beside.previous) if (marker := read_marker(each))]
        assert builds in (["2-b", "1-a"], ["1-a", "2-b"]), line
        shutil.rmtree(folder)
        if not reached:
            assert builds == ["1-a", "2-b"]
            return
    raise AssertionError("an undo does not end")


def looked_at_any_line(place: Path) -> None:
    """Interrupt a look at a target at its first line, another at its second, and so on."""
    (place / "venv").touch()

    def look() -> None:
        with contextlib.suppress(TargetError):
            target.judge(place / "venv", replace=False)

    line = 1
    while interrupted(look, line):
        assert [each.name for each in place.iterdir()] == ["venv"], line
        line += 1
    assert line > 10


@pytest.mark.parametrize("words", [["undo", "one"], ["undo", "several"], ["look"]])
def test_ctrl_c_at_any_line(tmp_path, words):
    """In a process of its own: one that was interrupted in an `except` may keep that exception as every later one's context."""
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not list(tmp_path.glob("*/*"))


if __name__ == "__main__":
    to, what, *how = sys.argv[1:]
    if what == "undo":
        undone_at_any_line(Path(to), how[0])
    else:
        looked_at_any_line(Path(to))
