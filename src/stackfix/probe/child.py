"""What short-lived child processes said, each under a time limit, whatever they did.

A driver library can crash, hang in the kernel or write to stdout; in a child none of that reaches us.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:  # named in annotations; 4 ms that a described machine does not need
    import subprocess

# Children started at once; more than this many interpreters on one machine wait for the next batch.
_BATCH = 16
# A killed child that hangs in the kernel (a lost GPU) may never end; it is left behind after this long.
_GRACE_SECONDS = 1.0
_NEW_GROUP = 0x200 if sys.platform == "win32" else 0  # CREATE_NEW_PROCESS_GROUP


class Ended(Struct, frozen=True, kw_only=True):
    """A child that ended by itself; `code` is its exit status."""

    code: int
    out: str
    err: str


class Broken(Struct, frozen=True):
    """A child that could not start, crashed, or was stopped at its time limit; `reason` says which."""

    reason: str


ChildAnswer: TypeAlias = Ended | Broken


def run_child(
    command: Sequence[str], *, seconds: float, environ: Mapping[str, str] | None = None
) -> ChildAnswer:
    """Return what one command said within `seconds`; never raises for what the command does."""
    return run_together([command], seconds=seconds, environ=environ)[0]


def run_together(
    commands: Sequence[Sequence[str]], *, seconds: float, environ: Mapping[str, str] | None = None
) -> tuple[ChildAnswer, ...]:
    """Return what each command said; they run at the same time, `seconds` for each batch."""
    answers: list[ChildAnswer] = []
    for start in range(0, len(commands), _BATCH):
        children = [_start(command, environ) for command in commands[start : start + _BATCH]]
        deadline = time.monotonic() + seconds
        answers += [
            child if isinstance(child, Broken) else _collect(child, deadline, seconds) for child in children
        ]
    return tuple(answers)


def _start(command: Sequence[str], environ: Mapping[str, str] | None) -> subprocess.Popen[bytes] | Broken:
    import subprocess  # noqa: PLC0415 - see above

    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if environ is None else dict(environ),
            start_new_session=True,
            creationflags=_NEW_GROUP,
        )
    except (OSError, ValueError) as error:
        return Broken(f"could not be started: {getattr(error, 'strerror', None) or error}")


def _collect(child: subprocess.Popen[bytes], deadline: float, seconds: float) -> ChildAnswer:
    import subprocess  # noqa: PLC0415 - see above

    try:
        out, err = child.communicate(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(child)
        return Broken(f"did not answer within {seconds:g} s")
    code = child.returncode
    if code < 0:
        return Broken(f"crashed with {_signal_name(-code)}")
    return Ended(code=code, out=out.decode("utf-8", "replace"), err=err.decode("utf-8", "replace"))


def _kill(child: subprocess.Popen[bytes]) -> None:
    import subprocess  # noqa: PLC0415 - see above

    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=_GRACE_SECONDS)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def first_line(text: str) -> str:
    """Return the first line of `text` that says something, shortened to what fits a report."""
    for line in text.splitlines():
        if line.strip():
            return line.strip()[:200]
    return ""
