"""Tags: which of a release's files fits a Python, a platform and a glibc.

Source: the packaging specification of platform compatibility tags (PEP 425, PEP 600), by `packaging.tags`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from packaging import tags
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.versions import PythonVersion

_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_NEWEST_GLIBC_MINOR = 60


@lru_cache(maxsize=256)
def _platform_tags(platform: Platform, glibc: tuple[int, int] | None) -> tuple[str, ...]:
    if platform.os == "windows":
        return (platform.label,)
    newest = glibc[1] if glibc is not None and glibc[0] == 2 else _NEWEST_GLIBC_MINOR
    found: list[str] = []
    for minor in range(newest, 4, -1):
        found.append(f"manylinux_2_{minor}_{platform.arch}")
        if (2, minor) in _LEGACY:
            found.append(f"{_LEGACY[2, minor]}_{platform.arch}")
    return (*found, f"linux_{platform.arch}")


@lru_cache(maxsize=64)
def _ranks(
    python: tuple[int, int], free_threaded: bool, platform: Platform, glibc: tuple[int, int] | None
) -> dict[str, int]:
    platforms = _platform_tags(platform, glibc)
    interpreter = f"cp{python[0]}{python[1]}"
    abis = [f"{interpreter}t"] if free_threaded else [interpreter]
    known = (
        *tags.cpython_tags(python, abis=abis, platforms=platforms),
        *tags.compatible_tags(python, interpreter=interpreter, platforms=platforms),
    )
    return {str(tag): place for place, tag in reversed(list(enumerate(known)))}


def file_tags(name: str) -> Iterator[str]:
    """Yield the tags of a wheel file name, expanded: `cp312-cp312-manylinux_2_28_x86_64`."""
    stem = name.removesuffix(".whl")
    pieces = stem.rsplit("-", 3)
    if len(pieces) != 4:
        return
    for interpreter in pieces[1].split("."):
        for abi in pieces[2].split("."):
            for platform in pieces[3].split("."):
                yield f"{interpreter}-{abi}-{platform}"


def _build(name: str) -> int:
    """Return the build number of a file name, 0 where it has none; of two equal wheels the higher is taken."""
    pieces = name.removesuffix(".whl").split("-")
    digits = re.match(r"\d+", pieces[2]) if len(pieces) == 6 else None
    return int(digits[0]) if digits else 0


def best_file(
    files: Iterable[WheelFile],
    python: PythonVersion,
    platform: Platform,
    glibc: tuple[int, int] | None,
    *,
    free_threaded: bool = False,
) -> WheelFile | None:
    """Return the file that an installer would take, or None; an unknown glibc (None) rules nothing out."""
    ranks = _ranks((python.major, python.minor), free_threaded, platform, glibc)
    fitting = [
        (min(places), -_build(file.name), file.name, file)
        for file in files
        if (places := [ranks[tag] for tag in file_tags(file.name) if tag in ranks])
        and allows_python(file.requires_python, python)
    ]
    return min(fitting)[3] if fitting else None


@lru_cache(maxsize=1024)
def allows_python(requires_python: str, python: PythonVersion) -> bool:
    """Whether a Requires-Python admits this Python; one that cannot be read admits all, as installers do."""
    if not requires_python:
        return True
    try:
        specifiers = SpecifierSet(requires_python)
    except InvalidSpecifier:
        return True
    text = str(python) if python.patch is not None else f"{python.minor_version}.99"
    return specifiers.contains(text, prereleases=True)


def needed_glibc(file: WheelFile) -> tuple[int, int] | None:
    """Return the oldest glibc that a file's tags accept, or None where they name none."""
    found: list[tuple[int, int]] = []
    for tag in file_tags(file.name):
        platform = tag.split("-", 2)[2]
        if platform.startswith("manylinux_"):
            major, minor, _ = platform.removeprefix("manylinux_").split("_", 2)
            if major.isdecimal() and minor.isdecimal():
                found.append((int(major), int(minor)))
        found += [glibc for glibc, legacy in _LEGACY.items() if platform.startswith(f"{legacy}_")]
    return min(found, default=None)


def pythons(
    files: Iterable[WheelFile], known: Iterable[PythonVersion], platform: Platform
) -> list[PythonVersion]:
    """Return those of `known` for which the release has a file on this platform, whatever the glibc.

    Reads the tags themselves: listing what `packaging` accepts for eight Pythons takes 12 ms, this none.
    """
    listed = [(file, [tag.split("-") for tag in file_tags(file.name)]) for file in files]
    return [
        python
        for python in known
        if any(
            allows_python(file.requires_python, python)
            and any(_serves(tag, python) and _on(tag, platform) for tag in tags_of)
            for file, tags_of in listed
        )
    ]


def _serves(tag: list[str], python: PythonVersion) -> bool:
    """Whether a tag's interpreter and ABI are those of a CPython (not a free-threaded one)."""
    interpreter, abi = tag[0], tag[1]
    number = re.fullmatch(r"(cp|py)(\d)(\d*)", interpreter)
    if number is None or int(number[2]) != python.major:
        return False
    minor = int(number[3]) if number[3] else 0
    if number[1] == "py":
        return abi == "none" and minor <= python.minor
    if abi == "abi3":
        return minor <= python.minor
    return minor == python.minor and abi in (interpreter, f"{interpreter}m", "none")


def _on(tag: list[str], platform: Platform) -> bool:
    """Whether a tag's platform is this one; `any` is for wheels without an ABI alone."""
    name = tag[2]
    if name == "any":
        return tag[1] == "none"
    if platform.os == "windows":
        return name == platform.label
    return name.startswith(("manylinux", "linux")) and name.endswith(f"_{platform.arch}")
