"""What of the user's pip and uv settings an exact install keeps: how to reach files, never which or where.

A pip.conf may hold `constraint`, `target`, `user`, `require-virtualenv`, `no-index`; a uv.toml
`constraint-dependencies`, `exclude-newer`, `pip.target`. Each of them changes or stops an install whose every
file is already decided (measured: pip 26.3 with `constraint`, uv 0.13 with each of the three). Kept are
certificates, proxies, credentials, timeouts, caches and concurrency.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stackfix.install.process import run
from stackfix.plan.lock import parse_toml

_SOURCE = "STACKFIX_SOURCE_"
# pip has no word for "offline": its cache is asked before any connection, and this proxy lets none come about
NOWHERE = "http://127.0.0.1:9"
_PIP_KEPT = frozenset(
    {
        "cert",
        "client-cert",
        "proxy",
        "index-url",
        "extra-index-url",
        "trusted-host",
        "timeout",
        "retries",
        "resume-retries",
        "cache-dir",
        "no-cache-dir",
        "keyring-provider",
        "no-input",
        "use-feature",
        "use-deprecated",
        "no-color",
        "disable-pip-version-check",
    }
)
_UV_KEPT = re.compile(
    r"UV_(INDEX|INDEX_.*|DEFAULT_INDEX|EXTRA_INDEX_URL|KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST"
    r"|HTTP_.*|REQUEST_.*|UPLOAD_.*|CACHE_DIR|NO_CACHE|LINK_MODE|CONCURRENT_.*|OFFLINE|CREDENTIALS_DIR|LOCK_.*"
    r"|PYTHON_INSTALL_.*|NO_PROGRESS|SSL_.*)"
)
_UV_FILE_KEPT = frozenset(
    {
        "native-tls",
        "system-certs",
        "allow-insecure-host",
        "index",
        "index-url",
        "extra-index-url",
        "keyring-provider",
        "cache-dir",
        "no-cache",
        "offline",
        "concurrent-downloads",
        "concurrent-installs",
        "link-mode",
        "http-proxy",
        "https-proxy",
        "no-proxy",
    }
)
_UV_INDEXES = frozenset({"index", "index-url", "extra-index-url"})
_UV_PIP_KEPT = frozenset({"index-url", "extra-index-url", "keyring-provider", "link-mode"})


def pip_environment(pip: Sequence[str], variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables under which pip keeps the user's network settings and nothing else of them.

    pip itself says what its configuration files hold; they are then switched off (`PIP_CONFIG_FILE`).
    """
    kept = {name: value for name, value in variables.items() if not name.startswith("PIP_")}
    said = run([*pip, "config", "list"], folder=folder, environment=dict(variables), secrets=True)
    for line in said.text.splitlines() if said.code == 0 else ():
        found = re.fullmatch(r"(?:global|install)\.([a-z-]+)=(.+)", line.strip())
        if found and found[1] in _PIP_KEPT:
            kept[f"PIP_{found[1].replace('-', '_').upper()}"] = _literal(found[2])
    kept |= {name: value for name, value in variables.items() if _is_kept_pip(name)}
    main, further = _mirrors(variables)
    if main:
        kept["PIP_INDEX_URL"] = main
    if further:
        kept["PIP_EXTRA_INDEX_URL"] = " ".join((kept.get("PIP_EXTRA_INDEX_URL", ""), *further)).strip()
    kept |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if is_offline(variables):
        kept |= {"PIP_PROXY": NOWHERE, "PIP_RETRIES": "0"}
    return {"PIP_NO_INPUT": "1"} | kept


def is_offline(variables: Mapping[str, str]) -> bool:
    """Whether the installer may use its caches and no network (`UV_OFFLINE`)."""
    return variables.get("UV_OFFLINE", "").strip().lower() in {"1", "true", "yes", "on"}


def _mirrors(variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the addresses of our own STACKFIX_SOURCE_ variables: the main index, and the others.

    Files come by address and hash, so the installer takes from these the name and password of a server alone.
    """
    found = {
        name: value.strip() for name, value in variables.items() if name.startswith(_SOURCE) and value.strip()
    }
    main = found.pop(f"{_SOURCE}PYPI", "")
    return main, [found[name] for name in sorted(found)]


def _is_kept_pip(name: str) -> bool:
    return name.startswith("PIP_") and name.removeprefix("PIP_").replace("_", "-").lower() in _PIP_KEPT


def _literal(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def uv_environment(variables: Mapping[str, str], folder: Path, *, indexes: bool = True) -> dict[str, str]:
    """Return the variables under which uv keeps the user's network settings; writes its uv.toml into `folder`.

    `indexes` says whether the indexes of the user's uv.toml are among them.
    """
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith("UV_") or _UV_KEPT.fullmatch(name)
    }
    main, further = _mirrors(variables)
    if main:
        kept["UV_DEFAULT_INDEX"] = main
    if further:
        kept["UV_INDEX"] = " ".join((*further, kept.get("UV_INDEX", ""))).strip()
    settings: dict[str, Any] = {}
    for path in _uv_files(variables):
        settings |= _uv_settings(path, indexes=indexes)
    config = folder / "uv.toml"
    config.write_text(toml(settings), encoding="utf-8")
    # a Python that nobody asked for is not fetched by the way: what a set needs of one is asked of those that are here
    return kept | {"UV_CONFIG_FILE": str(config), "UV_NO_ENV_FILE": "1", "UV_PYTHON_DOWNLOADS": "never"}


def link_mode(variables: Mapping[str, str]) -> str:
    """Return how uv is told to put files from its cache into an environment ("copy"), "" where it is left to choose."""
    if variables.get("UV_LINK_MODE"):
        return variables["UV_LINK_MODE"]
    settings: dict[str, Any] = {}
    for path in _uv_files(variables):
        settings |= _uv_settings(path, indexes=True)
    of_pip = settings.get("pip", {})
    return str(of_pip.get("link-mode") or settings.get("link-mode") or "")


def _uv_files(variables: Mapping[str, str]) -> list[Path]:
    """Return uv's configuration files, weakest first (uv, "Configuration files")."""
    if variables.get("UV_NO_CONFIG"):
        return []
    if variables.get("UV_CONFIG_FILE"):
        return [Path(variables["UV_CONFIG_FILE"])]
    if os.name == "nt":
        machine, user = variables.get("PROGRAMDATA", ""), variables.get("APPDATA", "")
        return [Path(base) / "uv" / "uv.toml" for base in (machine, user) if base]
    home = variables.get("HOME") or str(Path.home())
    machines = [base for base in variables.get("XDG_CONFIG_DIRS", "").split(":") if base] or ["/etc/xdg"]
    user = variables.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [Path(base) / "uv" / "uv.toml" for base in ("/etc", *reversed(machines), user)]


def _uv_settings(path: Path, *, indexes: bool) -> dict[str, Any]:
    left_out: frozenset[str] = frozenset() if indexes else _UV_INDEXES
    try:
        document = parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    kept = {key: value for key, value in document.items() if key in _UV_FILE_KEPT - left_out}
    of_pip = document.get("pip")
    if isinstance(of_pip, dict):
        kept["pip"] = {key: value for key, value in of_pip.items() if key in _UV_PIP_KEPT - left_out}
    return kept


def toml(value: Any) -> str:
    """Return a document of plain values as TOML, nested tables inline."""
    return "".join(f"{key} = {_value(item)}\n" for key, item in value.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, default=str)
