"""The text of a lock (pylock.toml, PEP 751), and the lock of a text; the same lock is always the same bytes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from msgspec.structs import replace
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from stackfix.errors import DataError, QuestionError
from stackfix.model.evidence import Known
from stackfix.model.lock import Address, Lock, LockedFile, LockedPackage
from stackfix.model.machine import PLATFORMS
from stackfix.model.resolution import Resolution
from stackfix.versions import PythonVersion

LOCK_VERSION = "1.0"
MAX_TEXT = 16 << 20
MAX_FILE = 64 << 30
_MARKERS = {
    "linux_x86_64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux_aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "win_amd64": "sys_platform == 'win32' and platform_machine == 'AMD64'",
}
_OF_THE_MACHINE = ("glibc", "driver", "cuda", "device", "facts-date", "recipe")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\s]")

T = TypeVar("T")


def lock_of(
    resolution: Resolution, addresses: Mapping[str, Address], *, facts_date: str = "", recipe: str = ""
) -> Lock:
    """Return the lock of a resolution; `addresses` maps each chosen file's name to where it lies."""
    machine = resolution.machine
    gpus = machine.gpus.value if isinstance(machine.gpus, Known) else ()
    return Lock(
        packages=tuple(
            LockedPackage(
                name=pin.name,
                version=pin.version,
                file=LockedFile(
                    name=pin.file.name,
                    size=pin.file.size,
                    sha256=pin.file.sha256,
                    url=addresses[pin.file.name].url,
                ),
                requires_python=pin.file.requires_python,
                index=addresses[pin.file.name].index,
            )
            for pin in sorted(resolution.pins, key=lambda pin: pin.name)
        ),
        python=resolution.python.version.minor_version,
        platform=machine.platform.label,
        glibc=".".join(map(str, machine.glibc.value)) if isinstance(machine.glibc, Known) else "",
        driver=str(machine.driver.value) if isinstance(machine.driver, Known) else "",
        cuda=resolution.cuda,
        gpus=tuple(
            f"{gpu.name} ({gpu.compute_capability.value.sm})"
            if isinstance(gpu.compute_capability, Known)
            else gpu.name
            for gpu in gpus
        ),
        device=resolution.device,
        facts_date=facts_date,
        recipe=recipe,
    )


def platform_marker(platform: str) -> str:
    """Return the marker (PEP 508) that holds on a platform, by its label."""
    return _MARKERS[platform]


def to_pylock(lock: Lock) -> str:
    """Return the lock as pylock.toml: one wheel a package (or its source), by URL, size and sha256; the machine under tool."""
    lines = [
        f"lock-version = {_text(LOCK_VERSION)}",
        f"environments = [{_text(_MARKERS[lock.platform])}]",
        f'requires-python = "=={lock.python}.*"',
        'created-by = "stackfix"',
        *(["packages = []"] if not lock.packages else []),
    ]
    for package in sorted(lock.packages, key=lambda each: each.name):
        lines += ["", "[[packages]]", f"name = {_text(package.name)}", f"version = {_text(package.version)}"]
        if package.requires_python:
            lines.append(f"requires-python = {_text(package.requires_python)}")
        if package.index:
            lines.append(f"index = {_text(package.index)}")
        file = package.file
        place = "url" if "://" in file.url else "path"
        written = (
            f"{{ name = {_text(file.name)}, {place} = {_text(file.url)}, size = {file.size}, "
            f"hashes = {{ sha256 = {_text(file.sha256)} }} }}"
        )
        lines.append(f"sdist = {written}" if file.is_source else f"wheels = [{written}]")
    lines += ["", "[tool.stackfix]", f"python = {_text(lock.python)}", f"platform = {_text(lock.platform)}"]
    for key in _OF_THE_MACHINE:
        value: str = getattr(lock, key.replace("-", "_"))
        if value:
            lines.append(f"{key} = {_text(value)}")
    if lock.gpus:
        lines.append(f"gpus = [{', '.join(_text(gpu) for gpu in lock.gpus)}]")
    if lock.stands_for:
        pairs = sorted(lock.stands_for.items())
        served = (f"{name} = [{', '.join(map(_text, names))}]" for name, names in pairs)
        lines.append(f"stands-for = {{ {', '.join(served)} }}")
    lines.append(f"packages = {len(lock.packages)}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's, DEL aside."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse_toml(text: str) -> dict[str, Any]:
    """Return a TOML document; raises the parser's ValueError, or RecursionError."""
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    document: dict[str, Any] = import_module(name).loads(text)  # 10 ms that most runs do not need
    return document


def from_pylock(text: str, file_name: str) -> Lock:
    """Return the lock that a text holds; DataError names the file and the place of what is wrong."""
    if len(text) > MAX_TEXT:
        raise DataError(file_name, "", f"{len(text)} characters are not those of a lock")
    try:
        document = parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            file_name, "", f"not TOML, perhaps cut off: {error}", hint="write it anew with `stackfix lock`"
        ) from error
    return _Reader(file_name).lock(document)


def placed(lock: Lock, folder: str) -> Lock:
    """Return a lock whose paths beside it are addresses in `folder`, itself a file address."""
    return replace(
        lock,
        packages=tuple(
            each
            if "://" in each.file.url
            else replace(each, file=replace(each.file, url=f"{folder}/{quote(each.file.url)}"))
            for each in lock.packages
        ),
    )


class _Reader:
    """Reads one document; every refusal names the file and the key."""

    def __init__(self, file_name: str) -> None:
        self._file = file_name

    def _no(self, place: str, reason: str, hint: str = "") -> DataError:
        return DataError(self._file, place, reason, hint=hint)

    def _get(self, table: Mapping[str, object], place: str, key: str, kind: type[T]) -> T:
        value = table.get(key)
        where = f"{place}.{key}" if place else key
        if value is None:
            raise self._no(where, "is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._no(where, f"is {type(value).__name__}, expected {kind.__name__}")
        return value

    def _optional(self, table: Mapping[str, object], place: str, key: str) -> str:
        return self._get(table, place, key, str) if key in table else ""

    def lock(self, document: Mapping[str, object]) -> Lock:
        version = self._get(document, "", "lock-version", str)
        if version.partition(".")[0] != LOCK_VERSION.partition(".")[0]:
            raise self._no("lock-version", f"`{version}` is not a version that is understood here")
        tool = self._get(document, "", "tool", dict) if "tool" in document else {}
        if "stackfix" not in tool:
            raise self._no(
                "tool.stackfix",
                "is missing: this lock does not say for what machine it was worked out",
                "write it with `stackfix lock`",
            )
        place = "tool.stackfix"
        own = self._get(tool, "tool", "stackfix", dict)
        python = self._get(own, place, "python", str)
        try:
            python = PythonVersion.parse(python).minor_version
        except QuestionError as error:
            raise self._no(f"{place}.python", error.message) from error
        platform = self._get(own, place, "platform", str)
        if platform not in PLATFORMS:
            raise self._no(f"{place}.platform", f"`{platform}` is none of {', '.join(PLATFORMS)}")
        gpus = self._get(own, place, "gpus", list) if "gpus" in own else []
        for gpu in gpus:
            if not isinstance(gpu, str):
                raise self._no(f"{place}.gpus", f"is a list of {type(gpu).__name__}, expected str")
        said = {key.replace("-", "_"): self._optional(own, place, key) for key in _OF_THE_MACHINE}
        packages = self._packages(document)
        if self._get(own, place, "packages", int) != len(packages):
            raise self._no(
                f"{place}.packages", f"is not the {len(packages)} that are there; perhaps it is cut off"
            )
        stands_for = self._stands_for(own, place, {package.name for package in packages})
        return Lock(
            packages=packages,
            python=python,
            platform=platform,
            gpus=tuple(gpus),
            stands_for=stands_for,
            **said,
        )

    def _stands_for(
        self, own: Mapping[str, object], place: str, packages: Collection[str]
    ) -> dict[str, tuple[str, ...]]:
        table = self._get(own, place, "stands-for", dict) if "stands-for" in own else {}
        for name, names in table.items():
            if name not in packages:
                raise self._no(f"{place}.stands-for", f"`{name}` is not among the packages")
            if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
                raise self._no(f"{place}.stands-for.{name}", "is not a list of names")
            if here := sorted(set(names) & set(packages)):
                raise self._no(f"{place}.stands-for.{name}", f"`{here[0]}` is among the packages itself")
        return {name: tuple(names) for name, names in table.items()}

    def _packages(self, document: Mapping[str, object]) -> tuple[LockedPackage, ...]:
        found: dict[str, LockedPackage] = {}
        for number, table in enumerate(self._get(document, "", "packages", list)):
            place = f"packages[{number}]"
            if not isinstance(table, dict):
                raise self._no(place, f"is {type(table).__name__}, expected a table")
            package = self._package(table, place)
            if package.name in found:
                raise self._no(f"{place}.name", f"`{package.name}` is there twice")
            found[package.name] = package
        return tuple(found.values())

    def _package(self, table: Mapping[str, object], place: str) -> LockedPackage:
        name = self._get(table, place, "name", str)
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            raise self._no(f"{place}.name", f"`{name}` is not a normalised package name")
        version = self._get(table, place, "version", str)
        source = (
            self._get(table, place, "sdist", dict) if "sdist" in table and "wheels" not in table else None
        )
        wheels = self._get(table, place, "wheels", list) if source is None else [source]
        if len(wheels) != 1 or not isinstance(wheels[0], dict):
            raise self._no(f"{place}.wheels", f"one wheel is expected, {len(wheels)} are there")
        index = self._optional(table, place, "index")
        if index:
            self._address(index, f"{place}.index")
        return LockedPackage(
            name=name,
            version=version,
            file=self._one_file(wheels[0], f"{place}.wheels[0]", name, version)
            if source is None
            else self._one_file(source, f"{place}.sdist", name, version, source=True),
            requires_python=self._optional(table, place, "requires-python"),
            index=index,
        )

    def _one_file(
        self, table: Mapping[str, object], place: str, name: str, version: str, *, source: bool = False
    ) -> LockedFile:
        if "path" in table and "url" not in table:
            url = parts = self._path(self._get(table, place, "path", str), f"{place}.path")
        else:
            url = self._get(table, place, "url", str)
            parts = self._address(url, f"{place}.url")
        file = self._optional(table, place, "name") or unquote(parts.rpartition("/")[2])
        what = "the source" if source else "a wheel"
        try:
            of_name, of_version = (parse_sdist_filename if source else parse_wheel_filename)(file)[:2]
            same = of_name == canonicalize_name(name) and of_version == Version(version)
        except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion) as error:
            raise self._no(f"{place}.name", f"`{file}` is not {what} of `{name}`: {error}") from error
        if not same or "/" in file or "\\" in file or _CONTROL.search(file):
            raise self._no(f"{place}.name", f"`{file}` is not {what} of {name} {version}")
        size = self._get(table, place, "size", int)
        if not 0 < size <= MAX_FILE:
            raise self._no(f"{place}.size", f"{size} bytes are not believed of a wheel")
        hashes = self._get(table, place, "hashes", dict)
        sha256 = self._get(hashes, f"{place}.hashes", "sha256", str)
        if not _SHA256.fullmatch(sha256):
            raise self._no(f"{place}.hashes.sha256", f"`{sha256[:80]}` is not 64 hexadecimal digits")
        return LockedFile(name=file, size=size, sha256=sha256, url=url)

    def _path(self, path: str, place: str) -> str:
        """Return a path beside the lock; refuse one that leads out of the lock's folder."""
        words = path.split("/")
        if not path or {"", ".", ".."} & set(words) or re.search(r"[\\:\x00-\x1f\x7f]", path):
            raise self._no(place, f"`{path[:200]}` is not a path beside the lock")
        return path

    def _address(self, url: str, place: str) -> str:
        """Return the path of an address; refuse what an installer would read as something else."""
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise self._no(place, f"not an address: {error}") from error
        if parts.scheme not in ("https", "http", "file") or _CONTROL.search(url) or "#" in url or "$" in url:
            raise self._no(place, f"`{url[:200]}` is not an https, http or file address")
        if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
            raise self._no(place, f"`{url[:200]}` is a file on another machine")
        return parts.path
