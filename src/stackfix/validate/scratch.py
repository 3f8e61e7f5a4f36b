"""Folders that a proof works in, gone with it; and what a process that was killed has left of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_MINE = "stackfix-validate-"
_OWNER = "owner.lock"
# between the making of a folder and the lock on it lies less than that
_YOUNG_SECONDS = 60.0


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder of its own in the folder for temporary files; it is locked while it is in use, then removed."""
    with tempfile.TemporaryDirectory(prefix=_MINE, ignore_cleanup_errors=True) as made:
        lock = FileLock(Path(made, _OWNER), timeout=0)
        with contextlib.suppress(OSError, NotImplementedError):  # where there are no locks nothing is swept
            lock.acquire()
        try:
            yield Path(made)
        finally:
            lock.release()  # before the folder goes: Windows removes no file that is open


def sweep(now: float | None = None) -> tuple[Path, ...]:
    """Remove the folders of this user that no living process holds the lock on, and return them.

    The system lets a lock go with the process that held it, however that ended; a number of a process may be
    another's by now, or another container's. What has no lock file in it, or is younger than a minute, is left alone.
    """
    moment = time.time() if now is None else now
    swept = []
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_MINE}*"):
            with contextlib.suppress(OSError, NotImplementedError, Timeout):
                if _is_left(folder, moment):
                    with FileLock(folder / _OWNER, timeout=0):
                        pass
                    shutil.rmtree(folder, ignore_errors=True)
                    swept.append(folder)
    return tuple(swept)


def _is_left(folder: Path, moment: float) -> bool:
    """Whether a folder may be one that was left: this user's own, with our file in it, and not just made."""
    seen = folder.lstat()
    mine = not hasattr(os, "getuid") or seen.st_uid == os.getuid()
    owner = folder / _OWNER
    return (
        mine
        and not folder.is_symlink()
        and folder.is_dir()
        and owner.is_file()
        and not owner.is_symlink()
        and owner.stat().st_mtime + _YOUNG_SECONDS < moment
    )
