"""What stands at a target today, and whether an environment may take its place; and the names beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stackfix.errors import DiskError, TargetError
from stackfix.install.marker import read_marker

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
            f"`{path.name}` cannot be an environment's name: its scripts would have to quote it"
        )
    return path


def judge(target: Path, *, replace: bool) -> Found:
    """Return what is at the target, or raise TargetError saying why it is left alone."""
    if not target.exists():
        return "absent"
    if not target.is_dir():
        raise TargetError(f"`{target}` is a file, not a folder", hint="name another folder")
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


def make_parent(target: Path) -> tuple[Path, ...]:
    """Make the folder that holds the target, and see that it can be written; return the folders made."""
    missing = []
    parent = target.parent
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"`{target.parent}` cannot be made: {error.strerror}") from error
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise DiskError(
            f"`{target.parent}` may not be written",
            hint="name a folder of your own, or ask for the right to write",
        )
    return tuple(missing)
