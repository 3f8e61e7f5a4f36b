"""A file from an index onto the disk: whole and of the right sha256, or still a part that the next run goes on with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from stackfix.errors import DiskError, HashError, NetworkError
from stackfix.index.transport import Transport
from stackfix.web import public

_BLOCK = 1 << 20
_SPAN = 8 << 20
_TRIES = 3

Heard = Callable[[int], None]


def is_whole(path: Path, size: int, sha256: str) -> bool:
    """Whether a file is there with this size (0 for any) and this sha256; every byte is read."""
    if not path.is_file() or (size and path.stat().st_size != size):
        return False
    return digest_of(path) == sha256


def download(
    transport: Transport, address: str, target: Path, *, size: int, sha256: str, heard: Heard
) -> None:
    """Fetch a file to `target`; what an earlier run got of it is kept and gone on with.

    `size` is 0 where the index does not say it. `heard` gets the bytes as they come, and a negative number for
    those that turned out to be useless. Raises HashError for another file, with nothing left of it.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        _fill(transport, address, part, size, heard)
        if (size and part.stat().st_size != size) or digest_of(part) != sha256:
            found = part.stat().st_size
            part.unlink()
            heard(-found)
            raise HashError(
                f"{target.name}: what {public(address)} sends is not the file of sha256 {sha256}",
                hint="a proxy that changes files looks like this: try again, elsewhere",
            )
        part.replace(target)
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error


def _fill(transport: Transport, address: str, part: Path, size: int, heard: Heard) -> None:
    """Bring a part to its whole length: from its end on where there is one, from the start otherwise."""
    there = part.stat().st_size if part.is_file() else 0
    if not size or there > size:
        part.unlink(missing_ok=True)
        there = 0
    heard(there)
    for left in reversed(range(_TRIES)):
        error = _attempt(transport, address, part, size, heard)
        if error is None:
            return
        if not left or not size:
            raise error


def _attempt(transport: Transport, address: str, part: Path, size: int, heard: Heard) -> NetworkError | None:
    """Go on with a part to its end; return what broke it off, None where nothing did."""
    there = part.stat().st_size if part.is_file() else 0
    try:
        pieces = _spans(transport, address, there, size) if there else transport.stream(address)
        _append(part, pieces, heard)
    except NetworkError as error:
        if there and "byte ranges" in error.message:
            part.unlink()
            heard(-there)
        return error
    return None


def _spans(transport: Transport, address: str, start: int, size: int) -> Iterator[bytes]:
    for offset in range(start, size, _SPAN):
        yield transport.span(address, offset, min(_SPAN, size - offset))


def _append(part: Path, pieces: Iterator[bytes], heard: Heard) -> None:
    with part.open("ab") as stream:
        for piece in pieces:
            stream.write(piece)
            heard(len(piece))


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
