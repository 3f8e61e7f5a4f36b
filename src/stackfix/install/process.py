"""How a child process ended and what it said; who watches it hears each line as it comes."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Protocol

from stackfix.errors import InstallerError
from stackfix.install.interruption import interruptions_wait

_PR_SET_PDEATHSIG = 1
_KEPT = 256 << 10
_LONGEST = 64 << 10
_MOMENT = 0.1
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_NOT_INHERITED = ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "CONDA_PREFIX")


@dataclass(frozen=True, slots=True)
class Ended:
    """Exit code, and the last of what was written (both streams), without escapes and credentials."""

    code: int
    text: str


class Watch(Protocol):
    """Hears what a child says while it runs."""

    def said(self, line: str) -> None:
        """Hear a line of either stream."""

    def moment(self, process: int) -> None:
        """Hear, a few times a second, that the process is still at it."""


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables a child gets: all but those that would lead it into another Python."""
    return {name: value for name, value in environment.items() if name not in _NOT_INHERITED}


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    watch: Watch | None = None,
    secrets: bool = False,
) -> Ended:
    """Run a command to its end in a folder; a command that cannot be started raises InstallerError.

    `secrets` keeps the credentials in what it says, which must then not be shown.
    """
    with interruptions_wait() as interruptions:  # Python drops one that comes while it forks
        try:
            child = _started(command, folder, environment)
        except OSError as error:
            raise InstallerError(f"`{command[0]}` cannot be started: {error.strerror or error}") from error
        with _stopped_on_error(child), interruptions.let_through():
            output = child.communicate()[0] if watch is None else _watched(child, watch)
    kept = output[-_KEPT:]
    return Ended(child.returncode, kept.decode("utf-8", "replace") if secrets else readable(kept))


def _started(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command as the head of its own group, for pip starts another Python that must end with it."""
    return subprocess.Popen(
        list(command),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 - one system call, of a library that is loaded already
    )


def _end_with(parent: int) -> Callable[[], None] | None:
    """Return what a child does first on Linux: it asks to be killed when we are, so that nothing is written on."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


@contextmanager
def _stopped_on_error(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a child and all that it started when something else goes wrong, Ctrl-C above all."""
    try:
        yield
    except BaseException:
        if sys.platform == "win32":
            child.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise


def readable(raw: bytes) -> str:
    """Return output as text that can be shown: no escapes, no credentials in addresses."""
    return _CREDENTIALS.sub("", _ESCAPES.sub("", raw.decode("utf-8", "replace"))).strip()


def _watched(child: subprocess.Popen[bytes], watch: Watch) -> bytes:
    """Return what a child wrote, the last of it; each line is passed on as it comes, and time in between."""
    lines: Queue[bytes] = Queue()
    threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
    kept = b""
    while True:
        with suppress(Empty):
            line = lines.get(timeout=_MOMENT)
            if not line:
                child.wait()
                return kept
            kept = (kept + line)[-_KEPT:]
            watch.said(readable(line))
        watch.moment(child.pid)


def _read(stream: IO[bytes], lines: Queue[bytes]) -> None:
    """Pass lines on, and at the end nothing."""
    with stream:
        for line in iter(lambda: stream.readline(_LONGEST), b""):
            lines.put(line)
    lines.put(b"")
