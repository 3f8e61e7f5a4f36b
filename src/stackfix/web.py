"""The one door to HTTP: one request, and its status, headers and bytes as they come; nothing is tried twice here.

Proxies, certificates and .netrc are taken from the environment by requests; what pip's configuration names beside
them (certificates, a proxy, trusted hosts) is passed in. A redirect to another host is followed without the
credentials of the first.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from stackfix.errors import NetworkError

OK = 200
PARTIAL_CONTENT = 206
NOT_FOUND = 404
Headers: TypeAlias = Mapping[str, str]
_NOT_AN_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
_BROKEN_OFF = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_REDIRECTS = 10
_LONGEST = 300


class UnreachableError(NetworkError):
    """Nothing came, or no more: why in one line, without an address, so that it can stand beside one."""


class NotAnAddressError(UnreachableError):
    """What was to be asked is no HTTP address."""


def public(address: str) -> str:
    """Return an address without credentials and query, as it may be shown."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.rpartition("@")[2]
    place = parts.path if parts.netloc else parts.path.rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], place, "", ""))


def bare(address: str) -> str:
    """Return an address without the name and password that stand in it."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def basic(user: str, password: str) -> str:
    """Return the header by which a name and a password are shown (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class Response:
    """What was answered; `with` closes it. `headers` are found whatever their case."""

    def __init__(self, response: requests.Response) -> None:
        """Keep the answer; its body has not been read."""
        self._response = response
        self.status = response.status_code
        self.headers: Headers = response.headers

    def __enter__(self) -> Response:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the body, unpacked if it was packed for the way, in pieces of `size` bytes."""
        try:
            yield from self._response.iter_content(size)
        except _BROKEN_OFF as error:
            raise UnreachableError(reason(error)) from error

    def arriving(self, most: int) -> Iterator[bytes]:
        """Yield the body as it was sent, in pieces as they arrive, of at most `most` bytes."""
        while True:
            try:
                piece = self._response.raw.read1(most, decode_content=False)
            except _BROKEN_OFF as error:
                raise UnreachableError(reason(error)) from error
            if not piece:
                return
            yield piece


class _Adapter(HTTPAdapter):
    """Reads a bundle of certificates once; requests has it read for each connection, which takes 33 ms."""

    def __init__(self) -> None:
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._alone = threading.Lock()
        super().__init__(pool_connections=8, pool_maxsize=16)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        """Give a host's connections the certificates that were read, instead of where they lie."""
        host: Any
        pool: Any
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host.get("scheme") == "https" and self._is_read(verify, cert):
            pool = {name: value for name, value in pool.items() if name not in {"ca_certs", "ca_cert_dir"}}
            pool["ssl_context"] = self._context(_bundle(verify))
        return host, pool

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        """Have a host's certificate checked against those."""
        if not (url.lower().startswith("https") and self._is_read(verify, cert)):
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call] # it has no types

    @staticmethod
    def _is_read(verify: bool | str, cert: Any) -> bool:
        return bool(verify) and cert is None and Path(_bundle(verify)).exists()

    def _context(self, bundle: str) -> ssl.SSLContext:
        with self._alone:
            if bundle not in self._contexts:
                context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
                folder = Path(bundle).is_dir()
                context.load_verify_locations(None if folder else bundle, bundle if folder else None)
                self._contexts[bundle] = context
            return self._contexts[bundle]


def _bundle(verify: bool | str) -> str:
    return verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH


class Web:
    """One session: connections that stay open, and time limits for connecting and for each read."""

    def __init__(
        self,
        *,
        certificate: str = "",
        client_certificate: str = "",
        proxy: str = "",
        trusted: Collection[str] = (),
        connect_seconds: float = 10,
        read_seconds: float = 60,
    ) -> None:
        """Open a session; `certificate` is a CA bundle's path, "" for the environment's own.

        `client_certificate` is one's own, `proxy` an address for where the environment names none. `trusted` are
        hosts ("host" or "host:port") whose certificate is not looked at.
        """
        self._session = requests.Session()
        self._session.max_redirects = _REDIRECTS
        adapter = _Adapter()
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.cert = client_certificate or None
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}
        self._verify: bool | str = certificate or True
        self._trusted = frozenset(trusted)
        self._timeout = (connect_seconds, read_seconds)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def get(self, address: str, headers: Headers) -> Response:
        """Return the answer of an address, whatever its status; UnreachableError where there is none."""
        try:
            response = self._session.get(
                address,
                headers=dict(headers),
                stream=True,
                timeout=self._timeout,
                verify=self._verified(address),
            )
        except _NOT_AN_ADDRESS as error:
            raise NotAnAddressError("is not an address") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise UnreachableError(reason(error)) from error
        return Response(response)

    def _verified(self, address: str) -> bool | str:
        """Return the certificates to check a host against; False for a host that the user trusts as it is."""
        if not self._trusted:
            return self._verify
        try:
            parts = urlsplit(address)
        except ValueError:  # no address; asking it says so
            return self._verify
        return False if {parts.hostname, parts.netloc.rpartition("@")[2]} & self._trusted else self._verify


def reason(error: BaseException) -> str:
    """Return the innermost reason of a failure in one line, without addresses.

    It may quote what a server sent in place of an answer: that moves no cursor, and does not go on for ever.
    """
    cause = error
    while cause.__context__ is not None or cause.__cause__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    if isinstance(cause, http.client.IncompleteRead | urllib3.exceptions.IncompleteRead):
        return "the connection ended"
    said = (isinstance(cause, OSError) and cause.strerror) or str(cause)
    line = "".join(each if each.isprintable() else "?" for each in said.splitlines()[0]) if said else ""
    return (line if len(line) <= _LONGEST else f"{line[:_LONGEST]}...") or type(cause).__name__
