"""Archive: a wheel as a zip that is read in pieces, wherever its bytes are.

The zip directory at the end tells the members; a member is inflated from its start and only as far as it is
asked for. The zip format itself is the standard library's business.
"""

from __future__ import annotations

import io
import lzma
import mmap
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stackfix.errors import MeasureError
from stackfix.measure.reader import Reader, checked

BLOCK = 65_536
MAX_MEMBER = 4 << 30
MAX_NAMES = 200_000

_MOST_BLOCKS = 64
_INTO_SITE = re.compile(r"^[^/]+\.data/(purelib|platlib)/")

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class _Stream(io.RawIOBase):
    """A reader as the seekable stream that zipfile wants; blocks that were read are kept."""

    def __init__(self, reader: Reader, block: int) -> None:
        super().__init__()
        self._reader = reader
        self._block = block
        self._place = 0
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._place, 2: self._reader.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # any writable buffer
        left = self._reader.size - self._place
        wanted = min(len(buffer), left)
        if wanted <= 0:
            return 0
        number, inside = divmod(self._place, self._block)
        if number not in self._blocks:
            # A buffer asks for one block more than its caller wants: only what is larger is wanted for certain.
            end = (self._place + wanted - 1) // self._block
            self._fetch(number, end if wanted > self._block else number)
        piece = self._blocks[number][inside : inside + wanted]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def _fetch(self, first: int, last: int) -> None:
        """Read the blocks from `first` up to `last` in one range, as far as they are not kept already."""
        following = range(first + 1, min(last, first + _MOST_BLOCKS - 1) + 1)
        end = next((number for number in following if number in self._blocks), following.stop)
        start = first * self._block
        data = self._reader.read(start, min((end - first) * self._block, self._reader.size - start))
        while len(self._blocks) > _MOST_BLOCKS - (end - first):
            self._blocks.pop(next(iter(self._blocks)))
        for number in range(first, end):
            place = (number - first) * self._block
            self._blocks[number] = data[place : place + self._block]


@dataclass(frozen=True, slots=True)
class MappedReader:
    """A temporary file, mapped: a member of any size, with memory for what is looked at."""

    name: str
    map: mmap.mmap

    @property
    def size(self) -> int:
        """Total bytes."""
        return len(self.map)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        checked(self.name, self.size, offset, length)
        return self.map[offset : offset + length]


class Archive:
    """One wheel; every failure is a MeasureError that names the file."""

    def __init__(self, reader: Reader, *, block: int = BLOCK) -> None:
        """Read the zip directory. Larger blocks mean fewer and larger ranges."""
        self.name = reader.name
        try:
            self._zip = zipfile.ZipFile(io.BufferedReader(_Stream(reader, block), block))
        except _BROKEN as error:
            raise MeasureError(f"{self.name}: not a wheel (zip): {error}") from error
        self._members = {_INTO_SITE.sub("", item.filename): item for item in self._zip.infolist()}
        if len(self._members) > MAX_NAMES:
            raise MeasureError(f"{self.name}: {len(self._members)} members are not those of a wheel")

    @property
    def names(self) -> tuple[str, ...]:
        """Member names in the order of the directory, those under `*.data/purelib` and `platlib` as installed."""
        return tuple(self._members)

    def member_size(self, name: str) -> int:
        """Return the uncompressed size that the directory states."""
        return self._members[name].file_size

    def head(self, name: str, length: int) -> bytes:
        """Return up to `length` bytes from the start of a member."""
        try:
            with self._zip.open(self._members[name]) as member:
                return member.read(length)
        except KeyError as error:
            raise MeasureError(f"{self.name}: {name}: no such member") from error
        except _BROKEN as error:
            raise MeasureError(f"{self.name}: {name}: cannot be inflated: {error}") from error

    def read(self, name: str, limit: int = 64 << 20) -> bytes:
        """Return a whole member; one larger than `limit` is refused."""
        data = self.head(name, limit + 1)
        if len(data) > limit:
            raise MeasureError(f"{self.name}: {name}: larger than the {limit} bytes that are believed")
        self._complete(name, len(data), limit)
        return data

    def _complete(self, name: str, found: int, asked: int) -> None:
        """Raise MeasureError for a member that ended before the size that the directory states."""
        stated = self._members[name].file_size
        if found < min(asked, stated):
            raise MeasureError(f"{self.name}: {name}: {found} bytes, where the directory states {stated}")

    @contextmanager
    def spooled(self, name: str, length: int = MAX_MEMBER) -> Iterator[MappedReader]:
        """Inflate a member, or its first `length` bytes, into a nameless temporary file and yield a reader of it."""
        with tempfile.TemporaryFile() as spool:
            written = 0
            try:
                with self._zip.open(self._members[name]) as member:
                    while written < length and (piece := member.read(min(1 << 20, length - written))):
                        written += len(piece)
                        if written > MAX_MEMBER:
                            raise MeasureError(f"{self.name}: {name}: inflates beyond {MAX_MEMBER} bytes")
                        spool.write(piece)
            except KeyError as error:
                raise MeasureError(f"{self.name}: {name}: no such member") from error
            except _BROKEN as error:
                raise MeasureError(f"{self.name}: {name}: cannot be inflated: {error}") from error
            spool.flush()
            self._complete(name, written, length)
            if not written:
                raise MeasureError(f"{self.name}: {name}: empty")
            with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield MappedReader(f"{self.name}: {name}", mapped)
