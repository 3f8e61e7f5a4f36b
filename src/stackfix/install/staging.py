"""A place beside the target where an environment is built, and the one step that puts it in the target's place.

The journal is written before anything is made and closed after the switch, so that the next run can finish or undo
what a killed one left. Whatever goes wrong, or Ctrl-C, leaves the target as it was and nothing beside it.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from stackfix.errors import AnswerError, DiskError
from stackfix.install.interruption import Held, interruptions_wait, termination_is_an_exit
from stackfix.install.journal import Entry, close_journal, read_journal, write_journal
from stackfix.install.progress import Progress
from stackfix.install.relocate import relocate
from stackfix.install.switch import recover, switch_in
from stackfix.install.target import Beside

_BETWEEN_ATTEMPTS = 0.05
"""Seconds."""


class NotProvedError(AnswerError):
    """The new environment did not pass its proof; the target is as it was."""


@dataclass(frozen=True, slots=True)
class Staged:
    """An environment that is being built: its name, and the folder that it is built in."""

    build: str
    folder: Path


@contextmanager
def changing(place: Path, progress: Progress, *, wait_seconds: float = 0) -> Iterator[Beside]:
    """Hold a target that is to be changed, after what an earlier run left there has been finished or undone."""
    beside = Beside(place)
    with _disk_errors(place), termination_is_an_exit(), held(beside, wait_seconds):
        if said := recover(beside):
            progress.stage(said)
        yield beside


@contextmanager
def staged(beside: Beside) -> Iterator[Staged]:
    """Give a place to build in; what is built there takes the target's place once the block ends without an error."""
    build = f"{os.getpid()}-{secrets.token_hex(4)}"
    folder = beside.staging(build)
    try:
        write_journal(beside, Entry(step="building", build=build, process=os.getpid()))
        yield Staged(build, folder)
        relocate(folder, beside.target)
        with interruptions_wait():
            write_journal(beside, Entry(step="switching", build=build, process=os.getpid()))
            switch_in(beside, build)
            close_journal(beside)
    except BaseException:
        # what cannot be done now is done by the next run; a second Ctrl-C waits for it
        with interruptions_wait(), suppress(OSError, AnswerError):
            recover(beside)
        raise


@contextmanager
def _disk_errors(place: Path) -> Iterator[None]:
    """Say what the system refused as what it is: a full disk, or one that may not be written."""
    try:
        yield
    except OSError as error:
        where = error.filename or place
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"the disk is full: `{where}` could not be written",
                hint="free some space, or name a folder on another disk",
            ) from error
        raise DiskError(f"`{where}`: {error.strerror or error}") from error


@contextmanager
def held(beside: Beside, wait_seconds: float) -> Iterator[None]:
    """Hold the target against a second install; AnswerError says which process holds it."""
    lock = FileLock(beside.lock)
    with interruptions_wait() as interruptions:  # from before its file is made until it is gone
        _acquire(lock, beside, wait_seconds, interruptions)
        try:
            with interruptions.let_through():
                yield
        finally:
            with suppress(OSError):
                beside.lock.unlink(missing_ok=True)
            lock.release()


def _acquire(lock: FileLock, beside: Beside, wait_seconds: float, interruptions: Held) -> None:
    ends = time.monotonic() + wait_seconds
    while True:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if time.monotonic() < ends:
                with interruptions.let_through():
                    time.sleep(_BETWEEN_ATTEMPTS)
                continue
            entry = read_journal(beside)
            who = (
                f"process {entry.process} is {entry.step} it"
                if entry is not None
                else "another process holds it"
            )
            raise AnswerError(
                f"`{beside.target}` is being changed: {who}",
                hint="wait for it to end, or name another folder",
            ) from None
        except OSError as error:
            raise DiskError(f"`{beside.lock}` cannot be written: {error.strerror or error}") from error
        return
