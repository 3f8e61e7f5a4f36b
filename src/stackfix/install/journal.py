"""A journal beside the target: what is being done to it, so that the next run can finish or undo it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stackfix.errors import DiskError
from stackfix.install.target import Beside

Step: TypeAlias = Literal["building", "switching", "undoing"]
_STEPS: tuple[Step, ...] = ("building", "switching", "undoing")
_MAX = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`step` is what is being done by process `process`; `build` names the environment that comes in."""

    step: Step
    build: str
    process: int


def write_journal(beside: Beside, entry: Entry) -> None:
    """Write the entry so that it is either the old one or the new one, also after a power cut."""
    fresh = beside.journal.with_name(f"{beside.journal.name}-new")
    try:
        with fresh.open("w", encoding="utf-8") as handle:
            json.dump({"step": entry.step, "build": entry.build, "process": entry.process}, handle)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(beside.journal)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def read_journal(beside: Beside) -> Entry | None:
    """Return what was being done; None where there is no journal, or one that is not ours."""
    try:
        with beside.journal.open("rb") as handle:
            document = json.loads(handle.read(_MAX))
        step, build = document["step"], str(document["build"])
        if step not in _STEPS or not build.replace("-", "").isalnum():
            return None
        return Entry(step=step, build=build, process=int(document["process"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def close_journal(beside: Beside) -> None:
    """Say that nothing is being done any more."""
    beside.journal.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder, also one in which some folders may not be written; nothing there is fine."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    for _ in range(3):
        if not folder.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
    try:
        for parent, _, _ in os.walk(folder):
            Path(parent).chmod(0o700)
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise DiskError(
            f"`{folder}` cannot be removed: {error.filename}: {error.strerror}",
            hint="remove it yourself (`lsattr -R` shows what is marked immutable), and run this again",
        ) from error
