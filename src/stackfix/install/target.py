"""What stands at a target today, and whether an environment may take its place; and the names beside it."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stackfix.errors import DiskError, TargetError
from stackfix.install.interruption import interruptions_wait
from stackfix.install.marker import read_marker

# linux/fs.h: FS_IOC_GETFLAGS, FS_IMMUTABLE_FL, FS_APPEND_FL
_GET_FLAGS = 0x80086601
_IMMUTABLE = 0x10
_APPEND_ONLY = 0x20
PROBE = ".stackfix-probe-"

Found: TypeAlias = Literal["absent", "empty", "ours", "environment"]


@dataclass(frozen=True, slots=True)
class Beside:
    """The folders and files that an install puts beside its target, in the same folder."""

    target: Path

    def _named(self, what: str) -> Path:
        return self.target.with_name(f".{self.target.name}.stackfix-{what}")

    @property
    def journal(self) -> Path:
        """What is being done."""
        return self._named("journal")

    @property
    def lock(self) -> Path:
        """Held by the one process that changes the target."""
        return self._named("lock")

    @property
    def previous(self) -> Path:
        """The environment before the last install, for undo."""
        return self._named("previous")

    @property
    def leaving(self) -> Path:
        """The environment that is being replaced, where folders cannot be exchanged in one step."""
        return self._named("leaving")

    def staging(self, build: str) -> Path:
        """Where a new environment is built: a name that no script has to quote, to be replaced in scripts."""
        return self.target.with_name(f".stackfix-{build}")


def resolved(target: Path) -> Path:
    """Return the absolute path of a target, links followed; TargetError for a place that cannot be one."""
    try:
        path = Path(os.path.realpath(target))
    except (OSError, ValueError) as error:
        raise TargetError(f"`{target}` is not a path: {error}") from error
    if path.parent == path or not path.name:
        raise TargetError(f"`{path}` cannot be an environment")
    if any(character in str(path) for character in "\n\r\0"):
        raise TargetError("a path with a line break cannot be an environment")
    if any(character in path.name for character in "'\"`$\\%"):
        raise TargetError(
            f"`{path.name}` cannot be an environment's name: its scripts would have to quote it",
            hint="name another folder, of letters, digits, dots and dashes: `--venv FOLDER`",
        )
    return path


def judge(target: Path, *, replace: bool) -> Found:
    """Return what is at the target, or raise TargetError saying why it is left alone."""
    _refuse_place(target)
    _open(target)
    if not target.exists():
        return "absent"
    if not target.is_dir():
        raise TargetError(f"`{target}` is a file, not a folder", hint="name another folder")
    if os.path.ismount(target):
        raise TargetError(
            f"`{target}` is a mount point, which cannot be exchanged for another folder",
            hint=f"name a folder in it: `{target / 'env'}`",
        )
    if reason := _held_fast(target):
        raise DiskError(f"`{target}` cannot be replaced: {reason}", hint="name another folder")
    try:
        empty = not any(target.iterdir())
    except PermissionError as error:
        raise TargetError(f"`{target}` may not be read: {error.strerror}") from error
    if empty:
        return "empty"
    marker = read_marker(target)
    if marker is not None and marker.lock:
        return "ours"
    if not (target / "pyvenv.cfg").is_file():
        raise TargetError(
            f"`{target}` is a folder with files in it, and no environment",
            hint="name an empty or a new folder",
        )
    if not replace:
        raise TargetError(
            f"`{target}` is an environment that stackfix did not make; it is left alone",
            hint="name another folder, or give `--replace`",
        )
    return "environment"


def _refuse_place(target: Path) -> None:
    """Refuse a place that no environment may take, whatever is there."""
    if os.pathsep in str(target):
        raise TargetError(
            f"`{target}` cannot be an environment: PATH, which `activate` adds to, ends a folder at `{os.pathsep}`",
            hint="name a folder without it",
        )
    if _runs_this(target):
        raise TargetError(
            f"`{target}` is the environment that stackfix itself runs in; it is left alone",
            hint="name another folder",
        )


def _runs_this(target: Path) -> bool:
    """Whether this very process has its Python or its packages in a folder."""
    running = {Path(os.path.realpath(prefix)) for prefix in (sys.prefix, sys.base_prefix)}
    return any(each.is_relative_to(target) for each in running)


def _open(target: Path) -> None:
    """Refuse a place in which no folder can be made: tried, and asked before anything else is done."""
    parent = target.parent
    try:
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir():
            raise TargetError(f"`{parent}` is a file, so nothing can be below it", hint="name another folder")
        with interruptions_wait():
            Path(tempfile.mkdtemp(prefix=PROBE, dir=parent)).rmdir()
    except OSError as error:
        hint = (
            "free some space, or name a folder on another disk"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else "name a folder of your own, or ask for the right to write"
        )
        raise DiskError(f"`{parent}` takes no new folders: {error.strerror}", hint=hint) from error


def _held_fast(target: Path) -> str:
    """Return why a folder cannot be renamed although its parent may be written, "" where it can."""
    if sys.platform != "linux":
        return ""
    parent, here = target.parent.stat(), target.stat()
    if parent.st_mode & stat.S_ISVTX and os.geteuid() not in {0, parent.st_uid, here.st_uid}:
        return "it belongs to another user"
    import fcntl  # noqa: PLC0415 - not there on Windows

    flags = bytearray(8)
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return ""
    try:
        fcntl.ioctl(descriptor, _GET_FLAGS, flags)
    except OSError:  # a file system without such flags
        return ""
    finally:
        os.close(descriptor)
    held = int.from_bytes(flags[:4], sys.byteorder) & (_IMMUTABLE | _APPEND_ONLY)
    return "it is marked immutable (`chattr -i` takes the mark off)" if held else ""


def make_parent(target: Path) -> tuple[Path, ...]:
    """Make the folder that holds the target; return the folders made, the deepest first."""
    missing = []
    parent = target.parent
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"`{target.parent}` cannot be made: {error.strerror}") from error
    return tuple(missing)
