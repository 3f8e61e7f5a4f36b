"""How the installer reaches the network: as the user has configured pip or uv, whichever of the two installs.

A mirror, a certificate, a proxy or a keyring that stands in pip.conf alone serves uv too, and the other way round:
who configured one of them did not ask for another network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from stackfix.errors import NetworkError
from stackfix.index.config import extra_indexes, index_config
from stackfix.index.keyring import credentials, provider
from stackfix.index.network import network


def installer_variables(given: Mapping[str, str] | None = None, *, offline: bool = False) -> dict[str, str]:
    """Return the variables that an installer is started with; what the user has set for it stands as it is."""
    variables = dict(os.environ if given is None else given)
    found: dict[str, str] = {}
    if not variables.get("STACKFIX_SOURCE_PYPI"):
        found |= _index(variables)
    here = network(variables)
    if here.certificate:
        found |= {"SSL_CERT_FILE": here.certificate, "PIP_CERT": here.certificate}
    if here.client_certificate:
        found |= {"SSL_CLIENT_CERT": here.client_certificate, "PIP_CLIENT_CERT": here.client_certificate}
    if here.proxy and not any(variables.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        found |= {"HTTPS_PROXY": here.proxy, "HTTP_PROXY": here.proxy}
    if here.trusted:
        found |= {"UV_INSECURE_HOST": " ".join(here.trusted), "PIP_TRUSTED_HOST": " ".join(here.trusted)}
    if provider(variables) == "subprocess":
        found |= {"UV_KEYRING_PROVIDER": "subprocess", "PIP_KEYRING_PROVIDER": "subprocess"}
    if offline:
        found["UV_OFFLINE"] = "1"
    found |= {name: value for name, value in variables.items() if value or name not in found}
    return found if offline else found | _with_password(variables)


def _index(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the main index for the tool that does not know it, and those beside it that want a name and a password."""
    try:
        config = index_config(variables)
    except NetworkError:
        return {}
    found: dict[str, str] = {}
    if not config.found_via.endswith("default"):
        found = {"PIP_INDEX_URL": config.address}
        if not variables.get("UV_INDEX_URL"):
            found["UV_DEFAULT_INDEX"] = config.address
    private = [each.address for each in extra_indexes(variables) if "@" in urlsplit(each.address).netloc]
    if private:
        found |= {"UV_INDEX": " ".join(private), "PIP_EXTRA_INDEX_URL": " ".join(private)}
    return found


def _with_password(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the main index with what the keyring says of it; none where it has a password or nobody knows one.

    pip from 24 on asks a keyring for the index's pages and not for the files beside them. For those it takes the name
    and the password that stand in an index's address of the same host.
    """
    try:
        address = index_config(variables).address
    except NetworkError:
        return {}
    parts = urlsplit(address)
    known = None if parts.password else credentials(address, variables)
    if known is None:
        return {}
    name, password = (quote(each, safe="") for each in known)
    host = parts.netloc.rpartition("@")[2]
    return {"PIP_INDEX_URL": urlunsplit(parts._replace(netloc=f"{name}:{password}@{host}"))}
