"""Metadata: what Requires-Dist, Requires-Python and the wheel's tags ask for.

`name = "metadata"`. Why: pip and uv hold to these too; a set that breaks them cannot be installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from stackfix.model.machine import Platform
from stackfix.model.problem import GLIBC, PYTHON, Fact, Requirement
from stackfix.model.wheel import TOOLKIT_PARTS, AnyFile, TitledRow, Wheel, WheelFile
from stackfix.rules import plain, tags
from stackfix.rules.scene import HYPOTHETICAL_PYTHONS, Releases, Scene, release_fact, wheel_source
from stackfix.versions import PythonVersion, canonical_name

if TYPE_CHECKING:  # named in annotations alone; what is plain is told without its 15 ms at import
    from packaging.markers import Marker
    from packaging.requirements import Requirement as Requested

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
    """Return the parsed requirement; InvalidRequirement (a ValueError) when it is none."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - 15 ms, which what is plain does not need

    return Requirement(text)


class Asked(NamedTuple):
    """One requirement, in pieces; no marker and no address are ""."""

    name: str
    extras: frozenset[str]
    specifier: str
    marker: str
    url: str = ""


_HEAD = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([A-Za-z0-9._,\s-]+)\])?"
    r"\s*\(?\s*((?:(?:[<>!~]=|===?|[<>])\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)*)\)?\s*"
)


_WISH = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)((?:[<>!~=]=|[<>])[0-9.]+(?:,(?:[<>!~=]=|[<>])[0-9.]+)*)?"
)


_EXTRA = re.compile(r"extra\s*==\s*['\"]([A-Za-z0-9._-]+)['\"]")

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) *\(?==([0-9A-Za-z.+!]+)\)?")


def parse_wish(text: str) -> Asked:
    """Return a requirement as a user writes it, in pieces; InvalidRequirement (a ValueError) when it is none."""
    found = _WISH.fullmatch(text)
    if found is not None and all(map(plain.clause, found[2].split(",") if found[2] else ())):
        return Asked(found[1], frozenset(), found[2] or "", "")
    return _asked(parse(text))


@lru_cache(maxsize=8192)
def parse_row(text: str) -> Asked:
    """Return a Requires-Dist of a row in pieces; InvalidRequirement (a ValueError) when it is none.

    Rows repeat a few markers hundreds of times: reading the head by a pattern and each marker once takes a
    quarter of what `packaging` takes for all, to which anything unusual is left.
    """
    head, _, marker = text.partition(";")
    found = _HEAD.fullmatch(head)
    if found is None or not (not marker.strip() or plain.condition(marker.strip()) or _is_marker(marker)):
        return _asked(parse(text))
    extras = frozenset(extra.strip() for extra in found[2].split(",")) if found[2] else frozenset()
    return Asked(found[1], extras, re.sub(r"\s+", "", found[3]).rstrip(","), marker.strip())


def _asked(whole: Requested) -> Asked:
    marker = str(whole.marker) if whole.marker is not None else ""
    return Asked(whole.name, frozenset(whole.extras), str(whole.specifier), marker, whole.url or "")


def _is_marker(text: str) -> bool:
    from packaging.markers import InvalidMarker  # noqa: PLC0415 - what is plain does not need it

    try:
        _marker(text.strip())
    except InvalidMarker:
        return False
    return True


@lru_cache(maxsize=1024)
def _marker(text: str) -> Marker:
    from packaging.markers import Marker  # noqa: PLC0415 - what is plain does not need it

    return Marker(text)


def pins_of(requires_dist: Sequence[str], beside: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Return what a row requires of exactly one release, whatever the machine, as ("torch", "==2.15.0").

    Of packages `beside`, which its other releases pin, also what it requires of several, as ("torch", ">=2.14.0"). Only
    where the name is written as packages are known by: so it is said, too.
    """
    found: list[tuple[str, str]] = []
    for text in requires_dist:
        whole = _PIN.fullmatch(text)
        if whole is not None and canonical_name(whole[1]) == whole[1]:
            found.append((whole[1], f"=={whole[2]}"))
        elif whole is None and ";" not in text and text.startswith(tuple(beside)):
            asked = parse_row(text)
            if asked.name in beside and asked.specifier and not asked.extras and not asked.url:
                found.append((asked.name, asked.specifier))
    return tuple(sorted(found))


def file_for(rows: tuple[Wheel, ...], scene: Scene) -> tuple[Wheel, WheelFile]:
    """Return the row and file that serve the scene's Python, or the first where none does."""
    row, file = place_for([each.files for each in rows], scene)
    return rows[row], rows[row].files[file]


def place_for(rows: Sequence[Sequence[tags.F]], scene: Scene) -> tuple[int, int]:
    """Return which of some rows' files serves the scene's Python, as row and place in it; (0, 0) where none does."""
    python, platform = scene.python.version, scene.machine.platform
    free_threaded = scene.python.free_threaded
    for glibc in (scene.glibc, None):
        served: dict[tags.F, int] = {}
        for place, files in enumerate(rows):
            file = tags.best_file(files, python, platform, glibc, free_threaded=free_threaded)
            if file is not None:
                served[file] = place
        best = next(iter(served), None)
        if len(served) > 1:
            best = tags.best_file(served, python, platform, glibc, free_threaded=free_threaded)
        if best is not None:
            return served[best], list(rows[served[best]]).index(best)
    return 0, 0


def tag_requirements(
    row: TitledRow, file: tags.F, files: Iterable[tags.F], scene: Scene
) -> Iterator[Requirement]:
    """Yield what the tags and Requires-Python of a release ask of the Python and the glibc.

    `row` is its first, `file` the one that an installer takes of all its `files`.
    """
    python, platform = scene.python.version, scene.machine.platform
    fits = tags.best_file((file,), python, platform, None, free_threaded=scene.python.free_threaded)
    if fits is None:
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
    return _from(needed, glibc_keys(scene))


@lru_cache(maxsize=64)
def _from(needed: tuple[int, int], keys: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        key for key in keys if key == "unknown" or tuple(int(part) for part in key.split(".")) >= needed
    )


def _listed(known: list[PythonVersion]) -> str:
    return ", ".join(one.minor_version for one in sorted(known)) or "(none)"


def markers_environment(scene: Scene) -> Mapping[str, str]:
    """Return the marker variables of the scene's Python and platform (PEP 508)."""
    python = scene.python.version
    full = str(python) if python.patch is not None else f"{python.minor_version}.0"
    return marker_variables(scene.machine.platform, python.minor_version, full)


@lru_cache(maxsize=64)
def marker_variables(platform: Platform, python: str, full: str) -> Mapping[str, str]:
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


def applies(marker: str, environment: Mapping[str, str], extra: str) -> bool:
    """Whether a requirement's marker holds for this environment and extra ("" for none)."""
    if not marker:
        return True
    variables = {**environment, "extra": extra}
    said = plain.condition(marker)
    answer = plain.holds(said, variables) if said is not None else None
    return _marker(marker).evaluate(variables) if answer is None else answer


def requires_dist(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield what the wheel's Requires-Dist asks for, without extras."""
    yield from extra_requires(wheel, file, scene, "")


def extra_requires(wheel: Wheel, file: WheelFile, scene: Scene, extra: str) -> Iterator[Requirement]:
    """Yield what an extra of the wheel asks for beyond the plain package ("" is the plain package)."""
    for requested in _of_extra(wheel, scene, extra):
        if extra and _is_unknown(requested, scene):
            continue  # `unknown_to_facts`: what nobody measured speaks for no release and against none
        why = release_fact(
            wheel, f"requires {_shown(requested)}", NAME, wheel_source(wheel, file, "metadata")
        )
        yield from on_package(requested, scene, why)


def unknown_to_facts(wheel: Wheel, scene: Scene, extra: str) -> Iterator[str]:
    """Yield what an extra of the wheel asks for of packages without a row ("optree>=0.13.0"): an installer resolves it."""
    for requested in _of_extra(wheel, scene, extra):
        if _is_unknown(requested, scene):
            yield _shown(requested)


def _is_unknown(requested: Asked, scene: Scene) -> bool:
    """Whether facts are silent about a package; of NVIDIA's all that anything asks for are known, or are not there."""
    name = canonical_name(requested.name)
    return not scene.facts.knows(name) and not name.startswith(TOOLKIT_PARTS)


def extras_of(wheel: Wheel) -> frozenset[str]:
    """Return the extras by which a wheel asks for anything, as names are written in indexes."""
    return frozenset(canonical_name(found) for text in wheel.requires_dist for found in _EXTRA.findall(text))


def _of_extra(wheel: Wheel, scene: Scene, extra: str) -> Iterator[Asked]:
    """Yield what a wheel asks for on the scene's Python and platform by an extra, "" for what it asks for without."""
    environment = markers_environment(scene)
    for text in wheel.requires_dist:
        if bool(extra) != ("extra ==" in text) or (extra and not _is_of_extra(text, extra)):
            continue
        try:
            requested = parse_row(text)
        except ValueError:
            continue
        if applies(requested.marker, environment, extra):
            yield requested


def _is_of_extra(text: str, extra: str) -> bool:
    return any(canonical_name(found) == extra for found in _EXTRA.findall(text))


def pinned(
    row: TitledRow, file: AnyFile, pins: Iterable[tuple[str, str]], scene: Scene
) -> Iterator[Requirement]:
    """Yield what a row requires by its `pins`, as `pins_of` tells them and `extra_requires` says it."""
    source = wheel_source(row, file, "metadata")
    for name, specifier in pins:
        why = release_fact(row, f"requires {name}{specifier}", NAME, source)
        yield Requirement(name, admitted(name, specifier, scene), why)


def on_package(requested: Asked, scene: Scene, why: Fact) -> Iterator[Requirement]:
    """Yield the requirements on a package and on each of the extras that are asked for."""
    name = canonical_name(requested.name)
    allowed = admitted(name, requested.specifier, scene)
    yield Requirement(name, allowed, why)
    for extra in sorted(requested.extras):
        yield Requirement(f"{name}[{canonical_name(extra)}]", allowed, why)


def admitted(package: str, specifier: str, scene: Scene) -> frozenset[str]:
    """Return the versions of a package that a specifier admits; pre-releases only where it names one."""
    found = scene.admitted.get((package, specifier))
    if found is None:
        found = scene.admitted[package, specifier] = admitted_of(scene.releases(package), specifier)
    return found


def admitted_of(releases: Releases, specifier: str) -> frozenset[str]:
    """Return the versions of some releases that a specifier admits; pre-releases only where it names one."""
    if not specifier:
        return frozenset(releases)
    if specifier.startswith("==") and "," not in specifier and "*" not in specifier:
        exact = specifier[2:].strip()
        if exact in releases and not releases.has_local:
            return frozenset({exact})
    keys = releases.keys_newest_first
    first, last = 0, len(keys)
    others: list[str] = []
    for each in plain.bounds(specifier):
        if each.startswith(">"):
            last = min(last, _boundary(keys, partial(plain.admits, each)))
        elif each.startswith("<"):
            first = max(first, _boundary(keys, partial(_is_above, each)))
        elif (start := plain.any_end_of(each)) is not None:
            first = max(first, _boundary(keys, partial(_is_after, start)))
            last = min(last, _boundary(keys, partial(_is_from, start)))
        else:
            others.append(each)
    return frozenset(key for key in keys[first:last] if all(plain.admits(each, key) for each in others))


def _is_above(upper: str, key: str) -> bool:
    return not plain.admits(upper, key)


def _is_after(start: plain.Start, key: str) -> bool:
    return plain.begins(key, start) > start


def _is_from(start: plain.Start, key: str) -> bool:
    return plain.begins(key, start) >= start


def _boundary(keys: Sequence[str], holds: Callable[[str], bool]) -> int:
    """Return how many of the keys, newest first, hold, where all that hold stand before all that do not.

    A few looks tell what asking every release would.
    """
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if holds(keys[middle]):
            low = middle + 1
        else:
            high = middle
    return low


def _shown(requested: Asked) -> str:
    extras = f"[{','.join(sorted(requested.extras))}]" if requested.extras else ""
    return f"{requested.name}{extras}{requested.specifier}"
