"""An environment that is whole and proved, in the place of what was there; or nothing changed at all.

The environment is built in a folder beside the target, filled, hooked, proved there, made to name its final
place, and switched in by one rename. A journal beside the target lets the next run finish or undo what a
killed one left.
"""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from stackfix.errors import AnswerError, QuestionError, TargetError
from stackfix.install.apply import apply
from stackfix.install.create import create, interpreter, python_version, site_packages
from stackfix.install.hook import add_hook
from stackfix.install.installer import Choice, find_installer
from stackfix.install.journal import Entry, close_journal, read_journal, remove_tree, write_journal
from stackfix.install.marker import Marker, write_marker
from stackfix.install.progress import Progress, Silent
from stackfix.install.relocate import relocate
from stackfix.install.space import Disks, FreeSpace, amount, check_room
from stackfix.install.switch import recover, switch_in
from stackfix.install.switch import undo as _undo
from stackfix.install.target import Beside, judge, make_parent, resolved
from stackfix.model.environment import Environment
from stackfix.model.lock import Lock
from stackfix.plan.lock import to_pylock


class NotProvedError(AnswerError):
    """The new environment did not pass its proof; the target is as it was."""


def install(
    lock: Lock,
    target: Path,
    python: Path,
    *,
    read: Callable[[Path], Environment],
    prove: Callable[[Path], object],
    installer: Choice = "auto",
    progress: Progress | None = None,
    replace: bool = False,
    wait_seconds: float = 0,
    space: FreeSpace | None = None,
    variables: Mapping[str, str] | None = None,
) -> Environment:
    """Return the environment of the lock at `target`, made with the interpreter `python`.

    `read` reads an environment from outside; `prove` gets the new environment's interpreter while it still
    stands beside the target, and answers something true if it works (NotProvedError otherwise). Whatever
    goes wrong, or Ctrl-C, leaves the target as it was and nothing beside it.
    """
    shown: Progress = progress if progress is not None else Silent()
    environment = dict(os.environ if variables is None else variables)
    place = resolved(target)
    judge(place, replace=replace)
    _check_python(lock, python, environment)
    chosen = find_installer(installer, python, environment)
    made = make_parent(place)
    beside = Beside(place)
    try:
        with (
            termination_is_an_exit(),
            held(beside, wait_seconds),
            tempfile.TemporaryDirectory(prefix="stackfix-") as scratch,
        ):
            if said := recover(beside):
                shown.stage(said)
            judge(place, replace=replace)
            room = check_room(
                lock,
                place.parent,
                downloads=chosen.kind == "pip",
                space=space if space is not None else Disks(),
            )
            shown.stage(f"{len(lock.packages)} packages: {room}")
            build = f"{os.getpid()}-{secrets.token_hex(4)}"
            staging = beside.staging(build)
            write_journal(beside, Entry(step="building", build=build, process=os.getpid()))
            switching = False
            try:
                shown.stage(f"making an environment with Python {lock.python}")
                create(
                    staging, python, chosen, prompt=place.name, scratch=Path(scratch), variables=environment
                )
                shown.stage(f"installing {amount(lock.download_bytes)} with {chosen.kind}")
                apply(lock, staging, chosen, scratch=Path(scratch), variables=environment, progress=shown)
                added = add_hook(site_packages(staging), read(staging))
                write_marker(
                    staging, Marker(build=build, installer=chosen.kind, lock=to_pylock(lock), added=added)
                )
                shown.stage("proving that it works")
                _proved(prove, staging)
                relocate(staging, place)
                write_journal(beside, Entry(step="switching", build=build, process=os.getpid()))
                switching = True
                switch_in(beside, build)
            except BaseException:
                if switching:
                    recover(beside)
                else:
                    remove_tree(staging)
                close_journal(beside)
                raise
            close_journal(beside)
            shown.stage(f"`{place}` is ready")
    except BaseException:
        _remove_empty(made)
        raise
    return read(place)


def undo(target: Path, *, wait_seconds: float = 0) -> None:
    """Put back what was at `target` before the last install; TargetError if nothing is kept."""
    place = resolved(target)
    if not place.parent.is_dir():
        raise TargetError(f"`{place}` is not there")
    beside = Beside(place)
    with held(beside, wait_seconds):
        recover(beside)
        _undo(beside)


@contextmanager
def held(beside: Beside, wait_seconds: float) -> Iterator[None]:
    """Hold the target against a second install; AnswerError says which process holds it."""
    lock = FileLock(beside.lock)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        entry = read_journal(beside)
        who = (
            f"process {entry.process} is {entry.step} it" if entry is not None else "another process holds it"
        )
        raise AnswerError(
            f"`{beside.target}` is being changed: {who}", hint="wait for it to end, or name another folder"
        ) from None
    except OSError as error:
        raise TargetError(f"`{beside.lock}` cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        beside.lock.unlink(missing_ok=True)
        lock.release()


@contextmanager
def termination_is_an_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a cancelled job, a closed terminal) end an install as tidily as Ctrl-C does."""
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = [
        (each, signal.signal(each, leave)) for each in signals if signal.getsignal(each) == signal.SIG_DFL
    ]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _proved(prove: Callable[[Path], object], staging: Path) -> None:
    started = time.monotonic()
    if not prove(interpreter(staging)):
        raise NotProvedError(
            f"the new environment did not pass its proof after {time.monotonic() - started:.0f} s; "
            "nothing was changed"
        )


def _check_python(lock: Lock, python: Path, variables: Mapping[str, str]) -> None:
    found = python_version(python, variables)
    if found != lock.python:
        raise QuestionError(
            f"the lock is for Python {lock.python}, `{python}` is Python {found}",
            hint=f"name a Python {lock.python}, or lock again",
        )


def _remove_empty(folders: tuple[Path, ...]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
