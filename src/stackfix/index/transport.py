"""Pages and byte ranges of an index: retries, limits, and errors that name the address."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from stackfix.errors import NetworkError
from stackfix.index.local import is_local, page_of, pieces_of, span_of
from stackfix.measure.reader import checked
from stackfix.web import (
    NOT_FOUND,
    PARTIAL_CONTENT,
    NotAnAddressError,
    Response,
    UnreachableError,
    Web,
    bare,
    basic,
    public,
)

PAGE_LIMIT = 64 << 20
Keyring: TypeAlias = Callable[[str], "tuple[str, str] | None"]
_UNAUTHORIZED = 401
_REFUSED = 400
_RETRIED = frozenset({429, 500, 502, 503, 504})


def nobody(_address: str) -> tuple[str, str] | None:
    """Return that no keyring knows anything."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an address answered: its bytes and its content type."""

    body: bytes
    content_type: str


class Transport(Protocol):
    """What the index asks of the network."""

    def page(self, address: str, accept: str) -> Answer | None:
        """Return a page, None where the server says there is none; NetworkError otherwise."""

    def span(self, address: str, offset: int, length: int) -> bytes:
        """Return `length` bytes of a file from `offset`; NetworkError if they cannot be had."""

    def stream(self, address: str) -> Iterator[bytes]:
        """Yield a file in pieces; NetworkError if it cannot be had whole."""


class HttpTransport:
    """Transport over HTTP: one session, a few tries, time limits."""

    def __init__(
        self,
        *,
        certificate: str = "",
        client_certificate: str = "",
        proxy: str = "",
        trusted: Sequence[str] = (),
        tries: int = 4,
        seconds: float = 60.0,
        keyring: Keyring = nobody,
    ) -> None:
        """Open a session as `Web` does; `seconds` is how long a server may be silent.

        `keyring` is asked for name and password of an address once its server has answered 401.
        """
        self._web = Web(
            certificate=certificate,
            client_certificate=client_certificate,
            proxy=proxy,
            trusted=trusted,
            connect_seconds=min(10.0, seconds),
            read_seconds=seconds,
        )
        self._tries = tries
        self._keyring = keyring
        self._said: dict[str, tuple[str, str] | None] = {}

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._web.close()

    def page(self, address: str, accept: str) -> Answer | None:
        """Return a page of at most 64 MiB, or None for 404; of a folder its `index.html`."""
        if is_local(address):
            kept = page_of(address, PAGE_LIMIT)
            return None if kept is None else Answer(body=kept, content_type="text/html")
        response = self._get(address, {"Accept": accept}, missing_is_none=True)
        if response is None:
            return None
        with response:
            body = self._limited(response, address)
        return Answer(body=body, content_type=response.headers.get("Content-Type", ""))

    def span(self, address: str, offset: int, length: int) -> bytes:
        """Return a byte range; a server that ignores ranges is an error, not a download of everything."""
        if is_local(address):
            return span_of(address, offset, length)
        headers = {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"}
        problem = ""
        for attempt in range(self._tries):
            response = self._get(address, headers)
            if response is None:
                break
            with response:
                if response.status != PARTIAL_CONTENT:
                    raise NetworkError(f"{public(address)}: the server does not serve byte ranges")
                try:
                    data = self._at_most(response, length + 1)
                except UnreachableError as error:
                    problem = error.message
                    self._pause(attempt)
                    continue
            if len(data) == length:
                return data
            problem = f"{len(data)} bytes instead of {length}"
            self._pause(attempt)
        raise NetworkError(f"{public(address)}: cut off: {problem}")

    def stream(self, address: str) -> Iterator[bytes]:
        """Yield a file in pieces of 1 MiB."""
        if is_local(address):
            yield from pieces_of(address, 1 << 20)
            return
        response = self._get(address, {"Accept-Encoding": "identity"})
        if response is None:
            raise NetworkError(f"{public(address)}: not there")
        with response:
            try:
                yield from response.pieces(1 << 20)
            except UnreachableError as error:
                raise NetworkError(f"{public(address)}: cut off: {error.message}") from error

    def _get(
        self, address: str, headers: Mapping[str, str], *, missing_is_none: bool = False
    ) -> Response | None:
        problem = ""
        asked, shown = self._known(address, headers)
        for attempt in range(self._tries):
            try:
                response = self._web.get(asked, shown)
            except NotAnAddressError as error:
                raise NetworkError(f"`{public(address)}` is not an address of a package index") from error
            except UnreachableError as error:
                problem = error.message
                self._pause(attempt)
                continue
            if response.status < _REFUSED:
                return response
            with response:
                if response.status == NOT_FOUND and missing_is_none:
                    return None
            problem = f"the server answered {response.status}"
            if response.status == _UNAUTHORIZED and self._ask_keyring(address):
                return self._get(address, headers, missing_is_none=missing_is_none)
            if response.status not in _RETRIED:
                break
            self._pause(attempt)
        raise NetworkError(f"{public(address)}: {problem}", hint=_hint(problem))

    def _known(self, address: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """Return an address and headers with what the keyring said for its host, if it was asked."""
        said = self._said.get(_host(address))
        return (bare(address), {**headers, "Authorization": basic(*said)}) if said else (address, headers)

    def _ask_keyring(self, address: str) -> bool:
        """Whether the keyring, asked once a host, has a password that was not shown yet."""
        host = _host(address)
        if host in self._said:
            return False
        self._said[host] = self._keyring(address)
        return self._said[host] is not None

    def _pause(self, attempt: int) -> None:
        if attempt + 1 < self._tries:
            time.sleep(0.3 * 3**attempt)

    def _limited(self, response: Response, address: str) -> bytes:
        try:
            body = self._at_most(response, PAGE_LIMIT + 1)
        except UnreachableError as error:
            raise NetworkError(f"{public(address)}: cut off: {error.message}") from error
        if len(body) > PAGE_LIMIT:
            raise NetworkError(f"{public(address)}: a page of more than {PAGE_LIMIT} bytes is refused")
        return body

    @staticmethod
    def _at_most(response: Response, limit: int) -> bytes:
        body = bytearray()
        for piece in response.pieces(1 << 18):
            body += piece
            if len(body) >= limit:
                break
        return bytes(body)


def _host(address: str) -> str:
    return public(address).partition("://")[2].partition("/")[0]


def _hint(problem: str) -> str:
    """Return the one thing to do about a refusal."""
    if "407" in problem:
        return "the proxy wants a name and a password: `HTTPS_PROXY=http://name:password@host:port`"
    if problem.endswith(("401", "403")):
        return "the index may want a name and a password: in `.netrc`, or in its address"
    return "check the network, the proxy and the index that pip or uv is configured with"


@dataclass(frozen=True, slots=True)
class RangeReader:
    """A file on a server as a reader of byte ranges."""

    transport: Transport
    address: str
    name: str
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        checked(self.name, self.size, offset, length)
        return self.transport.span(self.address, offset, length) if length else b""


@dataclass(frozen=True, slots=True)
class FolderTransport:
    """Pages and files from a dictionary of paths: an index in memory for tests."""

    pages: Mapping[str, Answer | NetworkError]
    files: Mapping[str, bytes | Path]

    def page(self, address: str, accept: str) -> Answer | None:
        """Return the page kept for the address; raise the error kept for it."""
        del accept
        kept = self.pages.get(address)
        if isinstance(kept, NetworkError):
            raise kept
        return kept

    def span(self, address: str, offset: int, length: int) -> bytes:
        """Return a part of the file kept for the address."""
        return self._bytes(address)[offset : offset + length]

    def stream(self, address: str) -> Iterator[bytes]:
        """Yield the file kept for the address."""
        yield self._bytes(address)

    def _bytes(self, address: str) -> bytes:
        kept = self.files.get(address)
        if kept is None:
            raise NetworkError(f"{address}: not there")
        return kept.read_bytes() if isinstance(kept, Path) else kept
