"""What short-lived child processes said, each under a time limit, whatever they did.

A driver library can crash, hang in the kernel or write to stdout; in a child none of that reaches us.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:  # named in annotations; 4 ms that a described machine does not need
    import subprocess

# Children started at once; more than this many interpreters on one machine wait for the next batch.
_BATCH = 16
# A killed child that hangs in the kernel (a lost GPU) may never end; it is left behind after this long.
_GRACE_SECONDS = 1.0
# What is read of either stream: a library that prints without end must not fill our memory.
_MOST_BYTES = 16_000_000
_BLOCK = 65536
_NEW_GROUP = 0x200 if sys.platform == "win32" else 0  # CREATE_NEW_PROCESS_GROUP


class Ended(Struct, frozen=True, kw_only=True):
    """A child that ended by itself; `code` is its exit status."""

    code: int
    out: str
    err: str


class Broken(Struct, frozen=True):
    """A child that could not start, crashed, or was stopped at its time limit; `reason` says which.

    `out` is what it had written by then; `files` what it had mapped when its time was over, where the system tells.
    """

    reason: str
    out: str = ""
    files: tuple[str, ...] = ()


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

    heard: list[_Heard] = []
    try:
        heard += [_Heard(child, pipe) for pipe in (child.stdout, child.stderr) if pipe is not None]
        for each in heard:
            each.wait(deadline)
        child.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        files = _mapped(child.pid)
        _kill(child)
        return Broken(f"did not answer within {seconds:g} s", heard[0].text, files)
    except KeyboardInterrupt:
        _kill(child)
        raise
    finally:
        for each in heard:
            each.close()
    if any(each.too_much for each in heard):
        return Broken(f"was stopped when it had printed {_MOST_BYTES // 1_000_000} MB")
    code = child.returncode
    if code < 0:
        return Broken(f"crashed with {_signal_name(-code)}", heard[0].text)
    return Ended(code=code, out=heard[0].text, err=heard[1].text)


class _Heard:
    """What a child writes to one of its streams, read beside whatever else is waited for."""

    def __init__(self, child: subprocess.Popen[bytes], pipe: IO[bytes]) -> None:
        self.too_much = False
        self._child, self._pipe = child, pipe
        self._blocks: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return b"".join(self._blocks).decode("utf-8", "replace")

    def wait(self, deadline: float) -> None:
        """Wait for the end of the stream; TimeoutError where it does not come."""
        self._reader.join(max(0.0, deadline - time.monotonic()))
        if self._reader.is_alive():
            raise TimeoutError

    def close(self) -> None:
        """Let go of the stream; who still holds its other end after the child is left behind with it."""
        self._reader.join(_GRACE_SECONDS)
        if not self._reader.is_alive():
            self._pipe.close()

    def _read(self) -> None:
        left = _MOST_BYTES
        with contextlib.suppress(OSError, ValueError):  # closed: an interrupted `join` takes us for ended
            while block := os.read(self._pipe.fileno(), _BLOCK):
                self._blocks.append(block)
                left -= len(block)
                if left < 0:
                    self.too_much = True
                    _kill(self._child)
                    return


def _mapped(pid: int) -> tuple[str, ...]:
    """Return the files that a process has mapped: a library whose own start hangs is among them."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123 - see above
            fields = [line.split(maxsplit=5) for line in maps]
    except OSError:
        return ()
    return tuple(dict.fromkeys(each[5].strip() for each in fields if len(each) == 6 and each[5][0] == "/"))


def _kill(child: subprocess.Popen[bytes]) -> None:
    import subprocess  # noqa: PLC0415 - see above

    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_SECONDS)


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
