"""The one door to HTTP: pages and byte ranges, with retries, limits and errors that name the address.

Proxies, certificates and .netrc are taken from the environment by requests; a certificate from pip's
configuration is passed in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from stackfix.errors import NetworkError
from stackfix.measure.reader import checked

PAGE_LIMIT = 64 << 20
_RETRIED = frozenset({429, 500, 502, 503, 504})
_NOT_AN_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


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


def public(address: str) -> str:
    """Return an address without credentials, as it may be shown."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.rpartition("@")[2]
    place = parts.path if parts.netloc else parts.path.rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], place, "", ""))


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
    ) -> None:
        """Open a session; `certificate` is a CA bundle's path, "" for the environment's own.

        `trusted` are hosts ("host" or "host:port") whose certificate is not looked at.
        """
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=8, pool_maxsize=16)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.cert = client_certificate or None
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}
        self._verify: bool | str = certificate or True
        self._trusted = frozenset(trusted)
        self._tries = tries
        self._timeout = (min(10.0, seconds), seconds)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def page(self, address: str, accept: str) -> Answer | None:
        """Return a page of at most 64 MiB, or None for 404."""
        response = self._get(address, {"Accept": accept}, missing_is_none=True)
        if response is None:
            return None
        with response:
            body = self._limited(response, address)
        return Answer(body=body, content_type=response.headers.get("Content-Type", ""))

    def span(self, address: str, offset: int, length: int) -> bytes:
        """Return a byte range; a server that ignores ranges is an error, not a download of everything."""
        headers = {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"}
        problem = ""
        for attempt in range(self._tries):
            response = self._get(address, headers)
            if response is None:
                break
            with response:
                if response.status_code != requests.codes.partial_content:
                    raise NetworkError(f"{public(address)}: the server does not serve byte ranges")
                try:
                    data = self._at_most(response, length + 1)
                except requests.RequestException as error:
                    problem = _reason(error)
                    self._pause(attempt)
                    continue
            if len(data) == length:
                return data
            problem = f"{len(data)} bytes instead of {length}"
            self._pause(attempt)
        raise NetworkError(f"{public(address)}: cut off: {problem}")

    def stream(self, address: str) -> Iterator[bytes]:
        """Yield a file in pieces of 1 MiB."""
        response = self._get(address, {"Accept-Encoding": "identity"})
        if response is None:
            raise NetworkError(f"{public(address)}: not there")
        with response:
            try:
                yield from response.iter_content(1 << 20)
            except requests.RequestException as error:
                raise NetworkError(f"{public(address)}: cut off: {_reason(error)}") from error

    def _get(
        self, address: str, headers: Mapping[str, str], *, missing_is_none: bool = False
    ) -> requests.Response | None:
        problem = ""
        for attempt in range(self._tries):
            try:
                response = self._session.get(
                    address,
                    headers=dict(headers),
                    stream=True,
                    timeout=self._timeout,
                    verify=self._verified(address),
                )
            except _NOT_AN_ADDRESS as error:
                raise NetworkError(f"`{public(address)}` is not an address of a package index") from error
            except requests.RequestException as error:
                problem = _reason(error)
                self._pause(attempt)
                continue
            if response.ok:
                return response
            status = response.status_code
            response.close()
            if status == requests.codes.not_found and missing_is_none:
                return None
            problem = f"the server answered {status}"
            if status not in _RETRIED:
                break
            self._pause(attempt)
        raise NetworkError(f"{public(address)}: {problem}", hint=_hint(problem))

    def _verified(self, address: str) -> bool | str:
        """Return the certificates to check a host against; False for a host that the user trusts as it is."""
        if not self._trusted:
            return self._verify
        parts = urlsplit(address)
        return False if {parts.hostname, parts.netloc.rpartition("@")[2]} & self._trusted else self._verify

    def _pause(self, attempt: int) -> None:
        if attempt + 1 < self._tries:
            time.sleep(0.3 * 3**attempt)

    def _limited(self, response: requests.Response, address: str) -> bytes:
        try:
            body = self._at_most(response, PAGE_LIMIT + 1)
        except requests.RequestException as error:
            raise NetworkError(f"{public(address)}: cut off: {_reason(error)}") from error
        if len(body) > PAGE_LIMIT:
            raise NetworkError(f"{public(address)}: a page of more than {PAGE_LIMIT} bytes is refused")
        return body

    @staticmethod
    def _at_most(response: requests.Response, limit: int) -> bytes:
        body = bytearray()
        for piece in response.iter_content(1 << 18):
            body += piece
            if len(body) >= limit:
                break
        return bytes(body)


def _hint(problem: str) -> str:
    """Return the one thing to do about a refusal."""
    if "407" in problem:
        return "the proxy wants a name and a password: `HTTPS_PROXY=http://name:password@host:port`"
    if problem.endswith(("401", "403")):
        return "the index may want a name and a password: in `.netrc`, or in its address"
    return "check the network, the proxy and the index that pip or uv is configured with"


def _reason(error: requests.RequestException) -> str:
    """Return the innermost reason of a failure in one line, without addresses."""
    cause: BaseException = error
    while cause.__context__ is not None or cause.__cause__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


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
