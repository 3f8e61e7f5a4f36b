"""One step from the old environment to the new one, and the way out of a step that was cut off."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from stackfix.errors import DiskError, TargetError
from stackfix.install.journal import Entry, close_journal, read_journal, remove_tree, write_journal
from stackfix.install.marker import NAME as MARKER
from stackfix.install.marker import read_marker
from stackfix.install.target import PROBE, Beside

Undone: TypeAlias = Literal["taken back", "brought back", "restored"]
"""What an undo did: took the last change back, brought back one that was taken back, or found the target gone."""

_BUILD = re.compile(r"\.stackfix-\d+-[0-9a-f]{8}")
_JOURNAL = ".stackfix-journal"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise DiskError(f"`{other}` cannot be replaced: {os.strerror(code)}")


def switch_in(beside: Beside, build: str) -> None:
    """Put a finished environment in the target's place; what was there becomes the previous one.

    The journal must say "switching" with this build: a cut at any point is then finished by `recover`.
    """
    staging, target = beside.staging(build), beside.target
    try:
        if not target.exists():
            staging.rename(target)
        elif not any(target.iterdir()):
            target.rmdir()
            staging.rename(target)
        elif not exchange(staging, target):
            target.rename(beside.leaving)
            staging.rename(target)
    except OSError as error:
        raise DiskError(f"`{target}` cannot be replaced: {error.strerror}") from error
    _keep_previous(beside, build)


def _keep_previous(beside: Beside, build: str) -> None:
    """Make what was replaced the previous environment; it is at `leaving`, or where the new one was built."""
    for old in (beside.leaving, beside.staging(build)):
        if old.exists():
            remove_tree(beside.previous)
            old.rename(beside.previous)


def recover(beside: Beside) -> str:
    """Finish or undo what an earlier run left; return what was done in one line, "" for nothing."""
    _sweep(beside)
    entry = read_journal(beside)
    if entry is None:
        beside.journal.unlink(missing_ok=True)
        return ""
    staging = beside.staging(entry.build)
    if entry.step == "building":
        remove_tree(staging)
        said = f"an install that process {entry.process} did not finish is undone; `{beside.target}` was untouched"
    elif entry.step == "switching":
        said = _finish_switch(beside, entry)
    else:
        if beside.leaving.exists() or _name(beside.target) != entry.build:
            _swap(beside)
        said = f"an undo that process {entry.process} did not finish is finished"
    close_journal(beside)
    return said


def _sweep(beside: Beside) -> None:
    """Remove what no journal in the folder speaks of: what an installer still wrote after its stackfix was killed.

    Journals are read after the folder was listed, and each install writes its journal before its folder.
    """
    parent = beside.target.parent
    built = [each for each in parent.glob(".stackfix-*") if _BUILD.fullmatch(each.name)]
    if built:
        entries = (read_journal(Beside(target)) for target in _journaled(parent))
        known = {f".stackfix-{entry.build}" for entry in entries if entry is not None}
        for each in built:
            if each.name not in known:
                remove_tree(each)
    for each in parent.glob(f"{PROBE}*"):
        with suppress(OSError):  # somebody else's, or gone
            each.rmdir()


def _journaled(parent: Path) -> list[Path]:
    """Return the targets in a folder of which there is a journal."""
    return [
        each.with_name(each.name.removeprefix(".").removesuffix(_JOURNAL))
        for each in parent.glob(f".*{_JOURNAL}")
    ]


def _finish_switch(beside: Beside, entry: Entry) -> str:
    here = read_marker(beside.target)
    if here is not None and here.build == entry.build:
        _keep_previous(beside, entry.build)
    else:
        new = read_marker(beside.staging(entry.build))
        if new is None or new.build != entry.build:
            return f"the journal of process {entry.process} names an environment that is not there; it is dropped"
        switch_in(beside, entry.build)
    return f"an install that process {entry.process} had proved and not yet switched in is finished"


def undo(beside: Beside) -> Undone:
    """Exchange the environment with the previous one, so that a second undo takes the first one back; say which it was."""
    if not beside.previous.is_dir():
        raise _nothing_kept(beside.target)
    if not beside.target.exists():
        beside.previous.rename(beside.target)
        return "restored"
    done: Undone = "taken back" if _made(beside.target) >= _made(beside.previous) else "brought back"
    if not exchange(beside.previous, beside.target):
        write_journal(beside, Entry(step="undoing", build=_name(beside.previous), process=os.getpid()))
        _swap(beside)
        close_journal(beside)
    return done


def _nothing_kept(target: Path) -> TargetError:
    """Return what stands at a target that has no past, and what an undo works on."""
    works = "undo works on an environment that `stackfix install` replaced or `stackfix fix` mended"
    if not target.exists():
        return TargetError(f"`{target}` is not there, and nothing is kept of what was", hint=works)
    if not (target / "pyvenv.cfg").is_file():
        what = "a folder without an environment" if target.is_dir() else "a file"
        return TargetError(f"`{target}` is {what}, and nothing is kept of what was there before", hint=works)
    marker = read_marker(target)
    if marker is None or not marker.lock:
        return TargetError(f"`{target}` is an environment that stackfix has not changed", hint=works)
    return TargetError(
        f"nothing is kept of what `{target}` was before: it is as stackfix first made it",
        hint="to be rid of it, remove the folder",
    )


def finished_undo(beside: Beside) -> Undone:
    """Return what an undo that is done was."""
    return "taken back" if _made(beside.previous) >= _made(beside.target) else "brought back"


def _made(environment: Path) -> float:
    """Return when an environment was made or mended (s since the epoch); 0 for one that stackfix did not make."""
    try:
        return (environment / MARKER).stat().st_mtime
    except OSError:
        return 0


def _name(environment: Path) -> str:
    """Return the build of an environment; one that stackfix did not make is the one from before."""
    marker = read_marker(environment)
    return marker.build if marker is not None else "before"


def _swap(beside: Beside) -> None:
    """Exchange target and previous by renames; can be begun again from any point at which it was cut off."""
    if beside.target.exists() and not beside.leaving.exists():
        beside.target.rename(beside.leaving)
    if not beside.target.exists():
        beside.previous.rename(beside.target)
    beside.leaving.rename(beside.previous)
