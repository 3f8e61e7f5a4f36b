"""Whether there is room: what a lock needs on which disk, asked before anything is downloaded."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stackfix.errors import DiskError
from stackfix.model.lock import Lock

# Measured: the 12 wheels of a CUDA 12 set unpack to 1.67 times their size, those of a CUDA 13 set to 1.63.
UNPACKED = 1.7
MARGIN = 64 << 20


class FreeSpace(Protocol):
    """Tells of a folder how many bytes are free there, and on which disk it lies."""

    def free_bytes(self, folder: Path) -> int:
        """Return the bytes that this user can still write there."""

    def disk(self, folder: Path) -> int:
        """Return a number that two folders share if they are on one disk."""


class Disks:
    """The real disks."""

    def free_bytes(self, folder: Path) -> int:
        """Return the bytes that this user can still write there."""
        return shutil.disk_usage(_existing(folder)).free

    def disk(self, folder: Path) -> int:
        """Return the device number."""
        return _existing(folder).stat().st_dev


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an install takes: `download_bytes` are known, `installed_bytes` are an estimate."""

    download_bytes: int
    installed_bytes: int
    free_bytes: int

    def __str__(self) -> str:
        return (
            f"{amount(self.download_bytes)} to download, about {amount(self.installed_bytes)} installed, "
            f"{amount(self.free_bytes)} free"
        )


def amount(size: int) -> str:
    """Return bytes as people read them: 5.7 GB."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def check_room(lock: Lock, folder: Path, *, downloads: bool, space: FreeSpace) -> Room:
    """Return what the lock takes and what is free, or raise DiskError with need, free and where.

    `downloads` is whether whole files are kept in the temporary folder first, as pip does (uv unpacks as it
    downloads, into its cache, and links from there).
    """
    installed = int(lock.download_bytes * UNPACKED)
    temporary = Path(tempfile.gettempdir())
    need = {space.disk(folder): (installed + MARGIN, folder)}
    if downloads:
        disk = space.disk(temporary)
        before, where = need.get(disk, (MARGIN, temporary))
        need[disk] = (before + lock.download_bytes, where)
    for size, where in need.values():
        free = space.free_bytes(where)
        if free < size:
            raise DiskError(
                f"not enough room on the disk of `{where}`: about {amount(size)} are needed, {amount(free)} are free",
                hint="free some space, or name a folder on another disk",
            )
    return Room(
        download_bytes=lock.download_bytes, installed_bytes=installed, free_bytes=space.free_bytes(folder)
    )


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
