"""A name and a password out of the user's keyring, by the `keyring` command as pip and uv ask it.

It is asked only after a server has said that it wants a password, and only where pip or uv is configured to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from stackfix.errors import NetworkError
from stackfix.index.config import extra_indexes, index_config, pip_setting, uv_setting

_SECONDS = 30
_ASKED = frozenset({"subprocess", "import", "auto"})


def provider(variables: Mapping[str, str]) -> str:
    """Return "subprocess" where pip or uv is configured to ask a keyring, "" where neither is.

    pip's default is to look for one (`auto`); that counts where its command is here and pip may ask (`no-input`).
    """
    of_uv = variables.get("UV_KEYRING_PROVIDER") or uv_setting("keyring-provider", variables)
    of_pip = pip_setting("keyring-provider", variables)
    return "subprocess" if of_uv == "subprocess" or of_pip in _ASKED else ""


def credentials(address: str, variables: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """Return name and password for an address, None where no keyring is configured or it does not know them."""
    given = os.environ if variables is None else variables
    if not provider(given):
        return None
    command = shutil.which("keyring", path=given.get("PATH"))
    if command is None:
        return None
    for service, user in _questions(address, given):
        words = ["get", service, user] if user else ["--mode", "creds", "get", service]
        said = _said([command, *words], given)
        if said and user:
            return user, said[0]
        if len(said) == 2:
            return said[0], said[1]
    return None


def _questions(address: str, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the services to ask for with the name in the configured address: the index first, then its host."""
    wanted = urlsplit(address)
    host = wanted.netloc.rpartition("@")[2]
    seen: list[tuple[str, str]] = []
    for index in [*_configured(variables), address]:
        parts = urlsplit(index)
        if parts.netloc.rpartition("@")[2] != host:
            continue
        user = unquote(parts.netloc.rpartition("@")[0].partition(":")[0])
        service = urlunsplit((parts.scheme, host, parts.path, "", "")) if index != address else host
        for each in ((service, user), (host, user)):
            if each not in seen:
                seen.append(each)
                yield each


def _configured(variables: Mapping[str, str]) -> list[str]:
    try:
        main = [index_config(variables).address]
    except NetworkError:
        main = []
    return [*main, *(each.address for each in extra_indexes(variables))]


def _said(command: list[str], variables: Mapping[str, str]) -> list[str]:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=dict(variables),
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines()[:2] if done.returncode == 0 else []
