"""Whether there is room: what a lock needs on which disk, asked before anything is downloaded."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stackfix.errors import DiskError
from stackfix.model.lock import Lock
from stackfix.plan.unpacked import installed_bytes, unpacked_bytes

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
class Way:
    """Which way files take into an environment.

    `through` is the folder that they come through: uv's cache, in which they stay unpacked, or the temporary folder,
    in which pip keeps them whole until all are there. `kept` are the names of the files that are in the cache already,
    `copies` whether an environment gets copies of them on the cache's own disk too, instead of links.
    """

    through: Path
    unpacked: bool
    kept: frozenset[str] = frozenset()
    copies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an install takes: `download_bytes` are known, `installed_bytes` are an estimate.

    `here_bytes` are files that the lock names on this machine, as a bundle's does: nobody fetches them.
    """

    download_bytes: int
    kept_bytes: int
    installed_bytes: int
    free_bytes: int
    here_bytes: int = 0

    def __str__(self) -> str:
        kept = f"{amount(self.kept_bytes)} are in uv's cache, " if self.kept_bytes else ""
        here = (
            f"{amount(self.here_bytes)} from the files that are here (a bundle, a folder), "
            if self.here_bytes
            else ""
        )
        fetched = "" if here and not self.download_bytes else f"{amount(self.download_bytes)} to download, "
        return (
            f"{kept}{here}{fetched}about {amount(self.installed_bytes)} installed, "
            f"{amount(self.free_bytes)} free"
        )


@dataclass(slots=True)
class _Need:
    """What one disk has to take: a folder on it, and what for."""

    folder: Path
    size: int = 0
    parts: list[str] = field(default_factory=list)

    def add(self, size: int, what: str) -> None:
        self.size += size
        self.parts.append(f"{amount(size)} for {what}")


def amount(size: int) -> str:
    """Return bytes as people read them: 5.7 GB."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def check_room(lock: Lock, folder: Path, way: Way, space: FreeSpace) -> Room:
    """Return what the lock takes and what is free, or raise DiskError with need, free, where, and what for.

    `folder` is the one that the environment is built in. Where it lies on the disk of uv's cache its files are links
    to the cache's, and take no room of their own.
    """
    kept = sum(package.file.size for package in lock.packages if package.file.name in way.kept)
    download = lock.download_bytes - kept
    installed = installed_bytes(lock)
    coming = [each for each in lock.packages if each.file.name not in way.kept]
    here = sum(each.file.size for each in coming if each.file.url.startswith("file:"))
    needs: dict[int, _Need] = {}

    def need(where: Path, size: int, what: str) -> None:
        if size:
            needs.setdefault(space.disk(where), _Need(where)).add(size, f"{what} `{where}`")

    linked = way.unpacked and not way.copies and space.disk(folder) == space.disk(way.through)
    needs[space.disk(folder)] = _Need(folder)
    need(folder, 0 if linked else installed, "the environment in")
    if way.unpacked:
        need(way.through, sum(unpacked_bytes(each.name, each.file) for each in coming), "uv's cache")
    else:
        need(way.through, download, "what pip downloads into")
    for each in needs.values():
        free, wanted = space.free_bytes(each.folder), each.size + MARGIN
        if free < wanted:
            raise DiskError(
                f"not enough room on the disk of `{each.folder}`: about {amount(wanted)} are needed "
                f"({', '.join([*each.parts, f'{amount(MARGIN)} to spare'])}), {amount(free)} are free",
                hint=_hint(each, folder, way),
            )
    return Room(
        download_bytes=download - here,
        here_bytes=here,
        kept_bytes=kept,
        installed_bytes=installed,
        free_bytes=space.free_bytes(folder),
    )


def _hint(lacking: _Need, folder: Path, way: Way) -> str:
    """Return the one thing to do about a disk without room."""
    if lacking.folder == folder:
        return "free some space, or name a folder on another disk"
    variable = "UV_CACHE_DIR" if way.unpacked else "TMPDIR"
    return f"free some space there, or name a folder on another disk in {variable}"


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
