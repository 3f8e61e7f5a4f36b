"""How the user's pip and uv reach an index: certificates, proxy, patience; an HTTP door that does the same.

Proxies of the environment, and `.netrc`, are requests' own to read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackfix.index.config import pip_setting
from stackfix.index.keyring import credentials

if TYPE_CHECKING:  # named in annotations alone
    from stackfix.index.transport import HttpTransport

TRIES = 4
SECONDS = 60.0
_MOST_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`certificate` is a CA bundle, `client_certificate` one's own, `proxy` an address; "" where not configured.

    `trusted` are hosts whose certificate is not looked at, because the user said so.
    """

    certificate: str = ""
    client_certificate: str = ""
    proxy: str = ""
    trusted: tuple[str, ...] = ()
    tries: int = TRIES
    seconds: float = SECONDS


def network(variables: Mapping[str, str] | None = None) -> Network:
    """Return how pip and uv are configured to reach an index, in their variables and pip's files."""
    given = os.environ if variables is None else variables
    return Network(
        certificate=pip_setting("cert", given) or given.get("SSL_CERT_FILE", ""),
        client_certificate=pip_setting("client-cert", given) or given.get("SSL_CLIENT_CERT", ""),
        proxy=pip_setting("proxy", given),
        trusted=tuple(f"{pip_setting('trusted-host', given)} {given.get('UV_INSECURE_HOST', '')}".split()),
        tries=_tries(given.get("UV_HTTP_RETRIES") or pip_setting("retries", given)),
        seconds=_seconds(given.get("UV_HTTP_TIMEOUT") or pip_setting("timeout", given)),
    )


def open_transport(*, tries: int = 0) -> HttpTransport:
    """Return a door to HTTP as the user has configured it; `tries` says how often at most, 0 for as configured."""
    from stackfix.index.transport import HttpTransport  # noqa: PLC0415 - HTTP costs 100 ms; an install from a lock only asks how it is configured

    found = network()
    return HttpTransport(
        certificate=found.certificate,
        client_certificate=found.client_certificate,
        proxy=found.proxy,
        trusted=found.trusted,
        tries=tries or found.tries,
        seconds=found.seconds,
        keyring=credentials,
    )


def _tries(text: str) -> int:
    return min(int(text) + 1, _MOST_TRIES) if text.isdecimal() else TRIES


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return SECONDS
    return seconds if 0 < seconds < 86_400 else SECONDS
