"""Reader: a thing of known size that can be read anywhere; a file, bytes, or HTTP ranges."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stackfix.errors import MeasureError


class Reader(Protocol):
    """Bytes by offset. `read` returns exactly `length` bytes or raises MeasureError."""

    @property
    def name(self) -> str:
        """What is read, as errors name it."""

    @property
    def size(self) -> int:
        """Total bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""


def checked(name: str, size: int, offset: int, length: int) -> None:
    """Raise MeasureError for a range that is not inside the file."""
    if offset < 0 or length < 0 or offset + length > size:
        raise MeasureError(f"{name}: byte {offset}: {length} bytes are expected, the file has {size}")


@dataclass(frozen=True, slots=True)
class BytesReader:
    """Bytes in memory."""

    name: str
    data: bytes

    @property
    def size(self) -> int:
        """Total bytes."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        checked(self.name, self.size, offset, length)
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class FileReader:
    """A file on the disk, opened for each read: a doctor reads a few kilobytes of each of hundreds."""

    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def size(self) -> int:
        """Total bytes."""
        return self.path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        with self.path.open("rb") as handle:
            handle.seek(offset)
            data = handle.read(length)
        if len(data) != length:
            checked(self.name, offset + len(data), offset, length)
        return data


@dataclass(frozen=True, slots=True)
class _Held:
    """A file on the disk that is open; its first bytes are kept, where most of what is asked for stands."""

    name: str
    size: int
    descriptor: int
    head: bytes

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        checked(self.name, self.size, offset, length)
        if offset + length <= len(self.head):
            return self.head[offset : offset + length]
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        data = os.read(self.descriptor, length)
        checked(self.name, offset + len(data), offset, length)
        return data


HELD_HEAD = 1 << 14


@contextmanager
def held(path: str) -> Iterator[Reader]:
    """Yield a reader of a file that is opened once; OSError where it cannot be, or is a pipe, a device or a folder."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "is not a file")
        yield _Held(path, found.st_size, descriptor, os.read(descriptor, HELD_HEAD))
    finally:
        os.close(descriptor)
