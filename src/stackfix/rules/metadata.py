"""Metadata: what Requires-Dist, Requires-Python and the wheel's tags ask for.

`name = "metadata"`. Why: pip and uv hold to these too; a set that breaks them cannot be installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Requested
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from stackfix.model.machine import Platform
from stackfix.model.problem import GLIBC, PYTHON, Fact, Requirement
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules import tags
from stackfix.rules.scene import HYPOTHETICAL_PYTHONS, Scene, release_fact, wheel_source
from stackfix.versions import PythonVersion, canonical_name

NAME = "metadata"

HYPOTHETICAL_GLIBCS = (
    (2, 39),
    (2, 35),
    (2, 34),
    (2, 31),
    (2, 28),
    (2, 27),
    (2, 24),
    (2, 17),
    (2, 12),
    (2, 5),
)


@lru_cache(maxsize=8192)
def parse(text: str) -> Requested:
    """Return the parsed requirement; InvalidRequirement when it is none."""
    return Requested(text)


class Asked(NamedTuple):
    """One requirement of a row, in pieces."""

    name: str
    extras: frozenset[str]
    specifier: str
    marker: Marker | None


_HEAD = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([A-Za-z0-9._,\s-]+)\])?"
    r"\s*\(?\s*((?:(?:[<>!~]=|===?|[<>])\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)*)\)?\s*"
)


@lru_cache(maxsize=8192)
def parse_row(text: str) -> Asked:
    """Return a Requires-Dist of a row in pieces; InvalidRequirement when it is none.

    Rows repeat a few markers hundreds of times: reading the head by a pattern and each marker once takes a
    quarter of what `packaging` takes for all, to which anything unusual is left.
    """
    head, _, marker = text.partition(";")
    found = _HEAD.fullmatch(head)
    if found is not None:
        try:
            parsed = _marker(marker.strip()) if marker.strip() else None
        except InvalidMarker:
            found = None
    if found is None:
        whole = parse(text)
        return Asked(whole.name, frozenset(whole.extras), str(whole.specifier), whole.marker)
    extras = frozenset(extra.strip() for extra in found[2].split(",")) if found[2] else frozenset()
    return Asked(found[1], extras, re.sub(r"\s+", "", found[3]).rstrip(","), parsed)


@lru_cache(maxsize=1024)
def _marker(text: str) -> Marker:
    return Marker(text)


def file_for(rows: tuple[Wheel, ...], scene: Scene) -> tuple[Wheel, WheelFile]:
    """Return the row and file that serve the scene's Python, or the first where none does."""
    python, platform = scene.python.version, scene.machine.platform
    for glibc in (scene.glibc, None):
        for row in rows:
            file = tags.best_file(
                row.files, python, platform, glibc, free_threaded=scene.python.free_threaded
            )
            if file is not None:
                return row, file
    return rows[0], rows[0].files[0]


def tag_requirements(rows: tuple[Wheel, ...], file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield what the tags and Requires-Python of a release ask of the Python and the glibc."""
    row = rows[0]
    python, platform = scene.python.version, scene.machine.platform
    fits = tags.best_file((file,), python, platform, None, free_threaded=scene.python.free_threaded)
    if fits is None:
        files = [one for each in rows for one in each.files]
        known = tags.pythons(files, map(PythonVersion.parse, HYPOTHETICAL_PYTHONS), platform)
        listed = _listed(known)
        says = f"has wheels for {platform.label} only for Python {listed}"
        general = f"has no wheel for {platform.label} and Python {python.minor_version}"
        allowed = frozenset(one.minor_version for one in known if one.minor_version != python.minor_version)
        short = f"no wheel for Python {python.minor_version}"
        source = wheel_source(row, file, "metadata")
        yield Requirement(PYTHON, allowed, release_fact(row, says, NAME, source, general, short=short))
        return
    needed = tags.needed_glibc(file)
    if needed is not None and platform.os == "linux":
        says = f"needs glibc {needed[0]}.{needed[1]} or newer"
        short = f"needs glibc {needed[0]}.{needed[1]}"
        why = release_fact(row, says, NAME, wheel_source(row, file, "metadata"), short=short)
        yield Requirement(GLIBC, _at_least(needed, scene), why)


def glibc_keys(scene: Scene) -> tuple[str, ...]:
    """Return the keys of the glibc node: this machine's first, then others for the sake of argument."""
    if scene.glibc is None:
        return ("unknown",)
    here = f"{scene.glibc[0]}.{scene.glibc[1]}"
    return (here, *(f"{a}.{b}" for a, b in HYPOTHETICAL_GLIBCS if f"{a}.{b}" != here))


def _at_least(needed: tuple[int, int], scene: Scene) -> frozenset[str]:
    return frozenset(
        key
        for key in glibc_keys(scene)
        if key == "unknown" or tuple(int(part) for part in key.split(".")) >= needed
    )


def _listed(known: list[PythonVersion]) -> str:
    return ", ".join(one.minor_version for one in sorted(known)) or "(none)"


def markers_environment(scene: Scene) -> dict[str, str]:
    """Return the marker variables of the scene's Python and platform (PEP 508)."""
    python = scene.python.version
    full = str(python) if python.patch is not None else f"{python.minor_version}.0"
    return marker_variables(scene.machine.platform, python.minor_version, full)


def marker_variables(platform: Platform, python: str, full: str) -> dict[str, str]:
    """Return the marker variables (PEP 508) of a CPython ("3.12", "3.12.4") on a platform."""
    windows = platform.os == "windows"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "nt" if windows else "posix",
        "platform_machine": {"amd64": "AMD64"}.get(platform.arch, platform.arch),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Windows" if windows else "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": python,
        "sys_platform": "win32" if windows else "linux",
    }


def applies(marker: Marker | None, environment: dict[str, str], extra: str) -> bool:
    """Whether a requirement's marker holds for this environment and extra ("" for none)."""
    return marker is None or marker.evaluate({**environment, "extra": extra})


def requires_dist(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield what the wheel's Requires-Dist asks for, without extras."""
    yield from extra_requires(wheel, file, scene, "")


def extra_requires(wheel: Wheel, file: WheelFile, scene: Scene, extra: str) -> Iterator[Requirement]:
    """Yield what an extra of the wheel asks for beyond the plain package ("" is the plain package)."""
    environment = markers_environment(scene)
    for text in wheel.requires_dist:
        if bool(extra) != ("extra ==" in text) or (extra and f'"{extra}"' not in text.replace("'", '"')):
            continue
        try:
            requested = parse_row(text)
        except InvalidRequirement:
            continue
        if not applies(requested.marker, environment, extra):
            continue
        why = release_fact(
            wheel, f"requires {_shown(requested)}", NAME, wheel_source(wheel, file, "metadata")
        )
        yield from on_package(requested, scene, why)


def on_package(requested: Requested | Asked, scene: Scene, why: Fact) -> Iterator[Requirement]:
    """Yield the requirements on a package and on each of the extras that are asked for."""
    name = canonical_name(requested.name)
    allowed = admitted(name, str(requested.specifier), scene)
    yield Requirement(name, allowed, why)
    for extra in sorted(requested.extras):
        yield Requirement(f"{name}[{canonical_name(extra)}]", allowed, why)


def admitted(package: str, specifier: str, scene: Scene) -> frozenset[str]:
    """Return the versions of a package that a specifier admits; pre-releases only where it names one."""
    releases = scene.releases(package)
    if not specifier:
        return frozenset(releases)
    if specifier.startswith("==") and "," not in specifier and "*" not in specifier:
        exact = specifier[2:].strip()
        if exact in releases and not releases.has_local:
            return frozenset({exact})
    keys = releases.keys_newest_first
    first, last = 0, len(keys)
    others: list[Specifier] = []
    for each in specifiers(specifier):
        if each.operator in {">=", ">"}:
            last = min(last, _boundary(keys, each, newer=True))
        elif each.operator in {"<=", "<"}:
            first = max(first, _boundary(keys, each, newer=False))
        else:
            others.append(each)
    return frozenset(
        key
        for key in keys[first:last]
        if all(each.contains(_version(key), prereleases=True) for each in others)
    )


def _boundary(keys: Sequence[str], specifier: Specifier, *, newer: bool) -> int:
    """Return where the keys, newest first, stop (`newer`) or begin to satisfy a specifier that bounds one side.

    Such a specifier holds for all on one side, so that a few looks tell what asking every release would.
    """
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if specifier.contains(_version(keys[middle]), prereleases=True) == newer:
            low = middle + 1
        else:
            high = middle
    return low


@lru_cache(maxsize=4096)
def specifiers(text: str) -> tuple[Specifier, ...]:
    """Return the clauses of a specifier set."""
    return tuple(SpecifierSet(text))


@lru_cache(maxsize=16384)
def _version(text: str) -> Version:
    return Version(text)


def _shown(requested: Asked) -> str:
    extras = f"[{','.join(sorted(requested.extras))}]" if requested.extras else ""
    return f"{requested.name}{extras}{requested.specifier}"
