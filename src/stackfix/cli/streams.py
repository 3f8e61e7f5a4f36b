"""stdout and stderr as files: whether they are open and take what is written. Loads nothing, so that help may use it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

CLOSED = "stdout is closed, and the answer goes there"


def open_all() -> bool:
    """Return whether stdout is open; whichever of the three standard files is closed becomes the null device.

    A file opened later would get the number of a closed one, and what a child of ours prints would go into it.
    """
    there = sys.stdout is not None
    for number in range(3):
        if not _is_open(number):
            _to_nowhere(number)
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    return there


def say(text: str) -> None:
    """Write one line to stderr, where it can be written."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def answer(text: str) -> int:
    """Write an answer to stdout, and return the exit code."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        return 141
    except OSError as error:
        say(f"error: stdout: {error.strerror or error}")
        return 3
    return 0


def settled(code: int) -> int:
    """Return the exit code after all is written: 3, with one line on stderr, where stdout could not take the answer.

    What a stream keeps after a failed write goes nowhere; the interpreter would try again, complain and exit 120.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere(1)
        code = 141
    except (OSError, ValueError) as error:
        _to_nowhere(1)
        if code in {0, 1}:
            say(f"error: stdout: {getattr(error, 'strerror', None) or error}")
            code = 3
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _to_nowhere(2)
    return code


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open as long as the process is


def _to_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
