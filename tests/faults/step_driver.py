"""Runs stackfix and does something at one step of an install: kills it, fills the disk, interrupts, makes read-only.

Arguments: before|after, the step, what is done, then the words of the command line. The steps are the calls that
`install` makes, in their order; a number counts calls of the same name.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from stackfix.cli.main import main
from stackfix.install import install, staging

STEPS = (
    "check_room",
    "write_journal 1",
    "create",
    "apply",
    "add_hook",
    "write_marker",
    "_proved",
    "relocate",
    "write_journal 2",
    "switch_in",
    "close_journal",
)


def kill() -> None:
    """End as a machine does whose plug is pulled."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def terminate() -> None:
    """End as a cancelled job."""
    os.kill(os.getpid(), signal.SIGTERM)


def fill() -> None:
    """Leave no byte on the small disk."""
    with (Path(os.environ["FAULT_DISK"]) / "filler").open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            while _fits(filler, b"\1" * size):
                pass


def squeeze() -> None:
    """Leave `FAULT_LEFT` bytes on the small disk."""
    disk = Path(os.environ["FAULT_DISK"])
    with (disk / "filler").open("wb", buffering=0) as filler:
        left = shutil.disk_usage(disk).free - int(os.environ["FAULT_LEFT"])
        while left > 0 and _fits(filler, b"\1" * min(left, 1 << 20)):
            left -= 1 << 20


def _fits(filler: FileIO, data: bytes) -> bool:
    try:
        return bool(filler.write(data))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


def limit() -> None:
    """Let no file grow any more, for who may not mount a small disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def close() -> None:
    """Let the folder of the target take nothing new any more, as on a disk that has become read-only."""
    subprocess.run(["chattr", "+i", os.environ["FAULT_DISK"]], check=True)


def jump() -> None:
    """Let the clock jump ten years back."""
    now = time.time
    time.time = lambda: now() - 315_360_000


ACTIONS: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (kill, interrupt, terminate, fill, squeeze, limit, close, jump)
}


def arrange(moment: str, step: str, action: Callable[[], None]) -> None:
    """Put the action before or after a step."""
    name, _, number = step.partition(" ")
    wanted, called = int(number or 1), 0
    module = install if hasattr(install, name) else staging
    step_itself: Callable[..., Any] = getattr(module, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal called
        called += 1
        if called == wanted and moment == "before":
            action()
        result = step_itself(*arguments, **named)
        if called == wanted and moment == "after":
            action()
        return result

    setattr(module, name, wrapped)


if __name__ == "__main__":
    arrange(sys.argv[1], sys.argv[2], ACTIONS[sys.argv[3]])
    main(sys.argv[4:])
