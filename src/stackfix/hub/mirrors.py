"""Mirrors: the addresses of a model in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from stackfix.model.recipe import Model

HUB = "https://huggingface.co"
ENDPOINT = "HF_ENDPOINT"
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """An address, and the token to show there if it asks for one ("" = none); no other host ever sees it."""

    address: str
    token: str = ""

    @property
    def host(self) -> str:
        """The host, as it may be shown; the whole address where it has none."""
        try:
            return urlsplit(self.address).hostname or self.address
        except ValueError:
            return self.address


def mirrors_of(model: Model, variables: Mapping[str, str]) -> tuple[Mirror, ...]:
    """Return the mirrors of a model: HF_ENDPOINT in the hub's place first, then the recipe's addresses as they stand.

    A hub that the user has switched off (HF_HUB_OFFLINE) is left out.
    """
    endpoint = variables.get(ENDPOINT, "").strip().rstrip("/")
    off = any(variables.get(name, "").strip().lower() in {"1", "on", "yes", "true"} for name in _OFFLINE)
    token = next((variables[name].strip() for name in _TOKENS if variables.get(name, "").strip()), "")
    hub: list[Mirror] = []
    other: list[Mirror] = []
    for address in model.urls:
        if not address.startswith(f"{HUB}/"):
            other.append(Mirror(address=address))
        elif not off:
            if endpoint and endpoint != HUB:
                hub.insert(0, _with_token(endpoint + address.removeprefix(HUB), token))
            hub.append(_with_token(address, token))
    return (*hub, *other)


def _with_token(address: str, token: str) -> Mirror:
    """Return a mirror of the hub; a token is shown over an encrypted connection, or to this machine itself."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return Mirror(address=address)
    safe = parts.scheme == "https" or parts.hostname in _THIS_MACHINE
    return Mirror(address=address, token=token if safe else "")
