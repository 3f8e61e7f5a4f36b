"""How a child process ended and what it said; its bars are passed on while they are drawn."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stackfix.errors import InstallerError
from stackfix.install.progress import Progress, Silent

_PR_SET_PDEATHSIG = 1
_KEPT = 256 << 10
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_NOT_INHERITED = ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "CONDA_PREFIX")


@dataclass(frozen=True, slots=True)
class Ended:
    """Exit code, and the last of what was written (both streams), without escapes and credentials."""

    code: int
    text: str


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables a child gets: all but those that would lead it into another Python."""
    return {name: value for name, value in environment.items() if name not in _NOT_INHERITED}


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    progress: Progress | None = None,
    secrets: bool = False,
) -> Ended:
    """Run a command to its end in a folder; a command that cannot be started raises InstallerError.

    `secrets` keeps the credentials in what it says, which must then not be shown.
    """
    shown = progress if progress is not None else Silent()
    try:
        if shown.bars and sys.platform != "win32":
            return _on_a_terminal(command, folder, environment, shown)
        child = _started(command, folder, environment, subprocess.PIPE)
    except OSError as error:
        raise InstallerError(f"`{command[0]}` cannot be started: {error.strerror or error}") from error
    with _stopped_on_error(child):
        output, _ = child.communicate()
    kept = output[-_KEPT:]
    return Ended(child.returncode, kept.decode("utf-8", "replace") if secrets else readable(kept))


def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: int
) -> subprocess.Popen[bytes]:
    """Start a command as the head of its own group, for pip starts another Python that must end with it."""
    return subprocess.Popen(
        list(command),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
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


def _on_a_terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], progress: Progress
) -> Ended:
    """Give the child a terminal of its own, of the size of ours, so that it draws its bars."""
    import fcntl  # noqa: PLC0415 - not there on Windows
    import pty  # noqa: PLC0415 - likewise
    import termios  # noqa: PLC0415 - likewise

    ours, childs = pty.openpty()
    try:
        size = shutil.get_terminal_size()
        fcntl.ioctl(childs, termios.TIOCSWINSZ, struct.pack("HHHH", size.lines, size.columns, 0, 0))
        try:
            child = _started(command, folder, environment, childs)
        finally:
            os.close(childs)
        kept = b""
        with _stopped_on_error(child):
            while piece := _read(ours):
                progress.draw(piece)
                kept = (kept + piece)[-_KEPT:]
            return Ended(child.wait(), readable(kept))
    finally:
        os.close(ours)


def _read(descriptor: int) -> bytes:
    """Return what a terminal gives next; Linux ends a terminal with EIO."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""
