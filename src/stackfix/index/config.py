"""The index that the user's own pip or uv is configured with; its address is written nowhere here.

Order: STACKFIX_SOURCE_PYPI, uv's variables, pip's variable, uv's and pip's configuration files, and then what
pip (or uv) itself takes when nothing is configured.
"""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stackfix.errors import NetworkError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_VARIABLES = ("STACKFIX_SOURCE_PYPI", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_SOURCE_VARIABLE = "STACKFIX_SOURCE_"
_YES = frozenset({"1", "true", "yes", "on"})
_LABEL = re.compile(r"^[A-Za-z0-9._-]+=(?=[a-z]+:)")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfig:
    """The address of an index, where it was found, and the CA bundle to use ("" for the usual one)."""

    address: str
    found_via: str
    certificate: str = ""


def index_config(environment: Mapping[str, str] | None = None) -> IndexConfig:
    """Return the configured index, or the default of the pip or uv that is here."""
    variables = os.environ if environment is None else environment
    pip_files = [(path, _pip_settings(path)) for path in _pip_files(variables)]
    bundle = certificate(variables)
    for name in _VARIABLES:
        if variables.get(name):
            address = _LABEL.sub("", variables[name].strip())
            return IndexConfig(address=address, found_via=name, certificate=bundle)
    for path in _uv_files(variables):
        address = _uv_index(path)
        if address:
            return IndexConfig(address=address, found_via=str(path), certificate=bundle)
    for path, settings in reversed(pip_files):
        if settings.get("index-url"):
            return IndexConfig(address=settings["index-url"], found_via=str(path), certificate=bundle)
    address, found_via = _default()
    return IndexConfig(address=address, found_via=found_via, certificate=bundle)


def certificate(variables: Mapping[str, str]) -> str:
    """Return the path of the CA bundle that pip's variable or configuration names, or the system's; "" for none."""
    pip_files = [(path, _pip_settings(path)) for path in _pip_files(variables)]
    return variables.get("PIP_CERT") or _last(pip_files, "cert") or variables.get("SSL_CERT_FILE", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraIndex:
    """A further index that the user has configured: its name where it has one, its address, where it was found.

    `explicit` is uv's word for one that serves only what is assigned to it.
    """

    name: str
    address: str
    found_via: str
    explicit: bool = False


def extra_indexes(environment: Mapping[str, str] | None = None) -> tuple[ExtraIndex, ...]:
    """Return the indexes beside the default one that stackfix's, uv's and pip's configuration name, each once."""
    variables = os.environ if environment is None else environment
    found: dict[str, ExtraIndex] = {}
    for each in _extra(variables):
        found.setdefault(each.address.rstrip("/"), each)
    return tuple(found.values())


def _extra(variables: Mapping[str, str]) -> Iterator[ExtraIndex]:
    """Yield every further index, the strongest place first."""
    for variable, value in sorted(variables.items()):
        if variable.startswith(_SOURCE_VARIABLE) and variable != f"{_SOURCE_VARIABLE}PYPI" and value.strip():
            name = variable.removeprefix(_SOURCE_VARIABLE).lower().replace("_", "-")
            yield ExtraIndex(name=name, address=value.strip(), found_via=variable)
    for variable in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        for word in variables.get(variable, "").split():
            label = _LABEL.match(word)
            name = label[0][:-1] if label else ""
            yield ExtraIndex(name=name, address=_LABEL.sub("", word), found_via=variable)
    for path in _uv_files(variables):
        for each in _uv_indexes(path):
            yield ExtraIndex(
                name=str(each.get("name") or ""),
                address=str(each["url"]),
                found_via=str(path),
                explicit=each.get("explicit") is True,
            )
        for address in _uv_listed(path, "extra-index-url"):
            yield ExtraIndex(name="", address=address, found_via=str(path))
    for path in _pip_files(variables):
        for address in _pip_settings(path).get("extra-index-url", "").split():
            yield ExtraIndex(name="", address=address, found_via=str(path))


def find_links(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the folders and pages of links that uv's and pip's variables and files name, each once."""
    variables = os.environ if environment is None else environment
    found = [word for word in variables.get("UV_FIND_LINKS", "").split(",") if word.strip()]
    found += variables.get("PIP_FIND_LINKS", "").split()
    for path in _uv_files(variables):
        found += _uv_listed(path, "find-links")
    for path in _pip_files(variables):
        found += _pip_settings(path).get("find-links", "").split()
    return tuple(dict.fromkeys(word.strip() for word in found))


def no_index(environment: Mapping[str, str] | None = None) -> bool:
    """Whether uv or pip is configured to ask no index, and to take files from find-links alone."""
    variables = os.environ if environment is None else environment
    said = [variables.get("UV_NO_INDEX", ""), pip_setting("no-index", variables)]
    for path in _uv_files(variables):
        settings = _uv_settings(path)
        of_pip = settings.get("pip")
        tables = (settings, of_pip if isinstance(of_pip, dict) else {})
        said += [str(table.get("no-index", "")) for table in tables]
    return any(word.strip().lower() in _YES for word in said)


def _uv_settings(path: Path) -> dict[str, object]:
    """Return what a uv.toml says; nothing for one that cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _uv_listed(path: Path, key: str) -> list[str]:
    """Return the words of a list in a uv.toml, in its own table or in that of `uv pip`."""
    settings = _uv_settings(path)
    of_pip = settings.get("pip")
    tables = (settings, of_pip if isinstance(of_pip, dict) else {})
    listed = [table.get(key) for table in tables]
    return [word for words in listed if isinstance(words, list) for word in words if isinstance(word, str)]


def _uv_indexes(path: Path) -> list[dict[str, object]]:
    """Return the tables of a uv.toml's `[[index]]` that are not the default."""
    listed = _uv_settings(path).get("index")
    tables = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [each for each in tables if each.get("default") is not True and isinstance(each.get("url"), str)]


def _last(files: list[tuple[Path, dict[str, str]]], key: str) -> str:
    return next((settings[key] for _, settings in reversed(files) if settings.get(key)), "")


def _pip_files(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files, weakest first (pip, "Configuration"); none where they are switched off."""
    own = variables.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return
    home = Path(variables.get("HOME") or Path.home())
    if os.name == "nt":
        yield Path(variables.get("PROGRAMDATA", "C:/ProgramData")) / "pip" / "pip.ini"
        yield home / "pip" / "pip.ini"
        yield Path(variables.get("APPDATA", str(home))) / "pip" / "pip.ini"
        yield Path(sys.prefix) / "pip.ini"
    else:
        for folder in variables.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
            yield Path(folder or "/etc/xdg") / "pip" / "pip.conf"
        yield Path("/etc/pip.conf")
        yield home / ".pip" / "pip.conf"
        yield Path(variables.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
        yield Path(sys.prefix) / "pip.conf"
    if own:
        yield Path(own)


def _pip_settings(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {key.replace("_", "-"): value.strip() for key, value in parser.items(section)}
    return found


def pip_setting(name: str, variables: Mapping[str, str]) -> str:
    """Return a setting of pip ("cert") from its variable or its configuration files, "" where it is not set."""
    own = variables.get(f"PIP_{name.upper().replace('-', '_')}", "")
    return own or _last([(path, _pip_settings(path)) for path in _pip_files(variables)], name)


def uv_setting(name: str, variables: Mapping[str, str]) -> str:
    """Return a setting of uv's configuration files ("keyring-provider"), the strongest first; "" where not set."""
    for path in _uv_files(variables):
        settings = _uv_settings(path)
        of_pip = settings.get("pip")
        for table in (settings, of_pip if isinstance(of_pip, dict) else {}):
            if isinstance(table.get(name), str):
                return str(table[name])
    return ""


def _uv_files(variables: Mapping[str, str]) -> Iterator[Path]:
    if variables.get("UV_CONFIG_FILE"):
        yield Path(variables["UV_CONFIG_FILE"])
    home = Path(variables.get("HOME") or Path.home())
    yield Path(variables.get("XDG_CONFIG_HOME") or home / ".config") / "uv" / "uv.toml"
    yield Path("/etc/uv/uv.toml")


def _uv_index(path: Path) -> str:
    """Return the default index that a uv.toml names, "" where it names none."""
    settings = _uv_settings(path)
    listed = settings.get("index")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("default") is True and isinstance(each.get("url"), str):
            return str(each["url"])
    of_pip = settings.get("pip")
    for table in (settings, of_pip if isinstance(of_pip, dict) else {}):
        if isinstance(table.get("index-url"), str):
            return str(table["index-url"])
    return ""


def _default() -> tuple[str, str]:
    """Return the index that pip takes by itself, asked of a pip that is here; else the one that uv names."""
    try:
        pip_index = importlib.import_module("pip._internal.models.index")
        return str(pip_index.PyPI.simple_url), "pip's default"
    except (ImportError, AttributeError):
        pass
    question = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    for name in ("python3", "python", str(Path(sys.base_prefix) / "bin" / "python3")):
        executable = shutil.which(name)
        if executable is None:
            continue
        answer = _said([executable, "-c", question])
        if answer.startswith("http"):
            return answer.strip(), "pip's default"
    uv = shutil.which("uv")
    named = _said([uv, "help", "pip", "install"]) if uv else ""
    found = re.search(r"by default: <(https?://[^>]+)>", named)
    if found:
        return found[1], "uv's default"
    raise NetworkError(
        "no package index is known: neither pip nor uv is here to name its default",
        hint="set PIP_INDEX_URL to the index to use",
    )


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
