"""Pages and files on this machine: an index that is a folder (`file:///srv/simple`), and folders of wheels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from stackfix.errors import NetworkError

_SCHEME = "file"


def path_of(address: str) -> Path | None:
    """Return the path that a `file:` address or a plain path names; None for an address of a server."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme == _SCHEME:
        return Path(url2pathname(unquote(parts.path)))
    return None if "://" in address else Path(address).expanduser()


def is_local(address: str) -> bool:
    """Whether an address is of this machine's own file system."""
    return address.startswith(f"{_SCHEME}:")


def page_of(address: str, limit: int) -> bytes | None:
    """Return the page of a folder (`index.html`), None where there is none; NetworkError if it may not be read."""
    folder = path_of(address)
    page = folder / "index.html" if folder is not None else None
    if page is None or not page.is_file():
        return None
    try:
        if page.stat().st_size > limit:
            raise NetworkError(f"{address}: a page of more than {limit} bytes is refused")
        return page.read_bytes()
    except OSError as error:
        raise NetworkError(f"{address}: {error.strerror or error}") from error


def span_of(address: str, offset: int, length: int) -> bytes:
    """Return `length` bytes of a file from `offset`; NetworkError if they are not there."""
    path = path_of(address)
    try:
        with (path or Path(address)).open("rb") as stream:
            stream.seek(offset)
            data = stream.read(length)
    except OSError as error:
        raise NetworkError(f"{address}: {error.strerror or error}") from error
    if len(data) != length:
        raise NetworkError(f"{address}: cut off: {len(data)} bytes instead of {length}")
    return data


def pieces_of(address: str, size: int) -> Iterator[bytes]:
    """Yield a file in pieces of `size` bytes; NetworkError if it can't be read."""
    path = path_of(address)
    try:
        with (path or Path(address)).open("rb") as stream:
            while piece := stream.read(size):
                yield piece
    except OSError as error:
        raise NetworkError(f"{address}: {error.strerror or error}") from error
