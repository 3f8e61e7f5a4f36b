"""Tags: which of a release's files fits a Python, a platform and a glibc.

Source: the packaging specification of platform compatibility tags (PEP 425, PEP 600). The order is that of
`packaging.tags`, which tests hold this to: importing it and listing what it accepts costs 25 ms, this nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import TypeVar

from stackfix.model.machine import Platform
from stackfix.model.wheel import AnyFile, FileName, WheelFile
from stackfix.rules import plain
from stackfix.versions import PythonVersion

_LEGACY = {"manylinux2014": (2, 17), "manylinux2010": (2, 12), "manylinux1": (2, 5)}
_MANYLINUX = re.compile(r"(manylinux(?:_(\d+)_(\d+)|\d+))_(\w+)")
_INTERPRETER = re.compile(r"(cp|py)(\d)(\d*)")
_ANY_GLIBC = (2, 999)

Rank = tuple[int, int, int]
F = TypeVar("F", WheelFile, FileName)


def rank(
    tag: str, python: tuple[int, int], platform: Platform, glibc: tuple[int, int], *, free_threaded: bool
) -> Rank | None:
    """Return the place of a tag among those that a Python accepts, lower is better; None for one it does not."""
    interpreter, abi, system = tag.split("-", 2)
    place = _system_rank(system, platform, glibc)
    named = _INTERPRETER.fullmatch(interpreter)
    if place is None or named is None or int(named[2]) != python[0]:
        return None
    if named[1] == "py":
        age = _generic_age(named[3], python)
        return None if abi != "none" or age is None else (6 if system == "any" else 4, age, place)
    group = _abi_group(interpreter, int(named[3] or 0), abi, python, free_threaded=free_threaded)
    if group is None or (system == "any" and abi != "none"):
        return None
    return 5 if system == "any" else group, python[1] - int(named[3] or 0), place


def _abi_group(
    interpreter: str, minor: int, abi: str, python: tuple[int, int], *, free_threaded: bool
) -> int | None:
    """Return 0 for the Python's own ABI, 1 for abi3 of its minor, 2 for none, 3 for an older abi3, or None."""
    own = f"cp{python[0]}{python[1]}"
    if interpreter == own and abi == (f"{own}t" if free_threaded else own):
        return 0
    if interpreter == own and abi == "none":
        return 2
    if abi == "abi3" and not free_threaded and 2 <= minor <= python[1]:
        return 1 if minor == python[1] else 3
    return None


def _generic_age(minor: str, python: tuple[int, int]) -> int | None:
    """Return the place of py312, py3, py311, py310 … for a Python 3.12; None for a newer one."""
    if not minor:
        return 1
    age = python[1] - int(minor)
    return None if age < 0 else age + 1 if age else 0


def _system_rank(system: str, platform: Platform, glibc: tuple[int, int]) -> int | None:
    if system == "any":
        return 0
    if platform.os == "windows":
        return 0 if system == platform.label else None
    if system == f"linux_{platform.arch}":
        return 9999
    found = _MANYLINUX.fullmatch(system)
    if found is None or found[4] != platform.arch:
        return None
    needed = (int(found[2]), int(found[3])) if found[2] else _LEGACY.get(found[1])
    if needed is None or needed > glibc or needed[0] != 2:
        return None
    return 2 * (1000 - needed[1]) + (0 if found[2] else 1)


def file_tags(name: str) -> Iterable[str]:
    """Return the tags of a wheel file name, expanded: `cp312-cp312-manylinux_2_28_x86_64`."""
    return _expanded(_tags_of(name))


def _tags_of(name: str) -> str:
    """Return the tags as a file name has them, which many releases share; "" for what is no wheel's name."""
    pieces = name.removesuffix(".whl").rsplit("-", 3)
    return "-".join(pieces[1:]) if len(pieces) == 4 else ""


@lru_cache(maxsize=1024)
def _expanded(tags: str) -> tuple[str, ...]:
    if not tags:
        return ()
    interpreters, abis, platforms = (part.split(".") for part in tags.split("-"))
    return tuple(map("-".join, product(interpreters, abis, platforms)))


@lru_cache(maxsize=4096)
def _best_rank(
    tags: str, python: tuple[int, int], platform: Platform, glibc: tuple[int, int], *, free_threaded: bool
) -> Rank | None:
    """Return the best place that any of a file's tags has, None where the Python accepts none of them."""
    places = (rank(tag, python, platform, glibc, free_threaded=free_threaded) for tag in _expanded(tags))
    return min((place for place in places if place is not None), default=None)


def build_number(name: str) -> int:
    """Return the build number of a file name, 0 where it has none; of two equal wheels the higher is taken."""
    pieces = name.removesuffix(".whl").split("-")
    digits = re.match(r"\d+", pieces[2]) if len(pieces) == 6 else None
    return int(digits[0]) if digits else 0


def best_file(
    files: Iterable[F],
    python: PythonVersion,
    platform: Platform,
    glibc: tuple[int, int] | None,
    *,
    free_threaded: bool = False,
) -> F | None:
    """Return the file that an installer would take, or None; an unknown glibc (None) rules nothing out."""
    version, libc = (python.major, python.minor), glibc or _ANY_GLIBC
    fitting = [
        (place, -build_number(file.name), file.name, file)
        for file in files
        if (place := _best_rank(_tags_of(file.name), version, platform, libc, free_threaded=free_threaded))
        is not None
        and allows_python(file.requires_python, python)
    ]
    return min(fitting)[3] if fitting else None


@lru_cache(maxsize=1024)
def allows_python(requires_python: str, python: PythonVersion) -> bool:
    """Whether a Requires-Python admits this Python; one that cannot be read admits all, as installers do."""
    if not requires_python:
        return True
    text = str(python) if python.patch is not None else f"{python.minor_version}.99"
    try:
        return plain.admits(requires_python, text)
    except ValueError:
        return True


def needed_glibc(file: AnyFile) -> tuple[int, int] | None:
    """Return the oldest glibc that a file's tags accept, or None where they name none."""
    return _needed_glibc(_tags_of(file.name))


@lru_cache(maxsize=1024)
def _needed_glibc(tags: str) -> tuple[int, int] | None:
    found: list[tuple[int, int]] = []
    for tag in _expanded(tags):
        named = _MANYLINUX.fullmatch(tag.split("-", 2)[2])
        if named is not None and named[2]:
            found.append((int(named[2]), int(named[3])))
        elif named is not None and named[1] in _LEGACY:
            found.append(_LEGACY[named[1]])
    return min(found, default=None)


def pythons(
    files: Iterable[AnyFile], known: Iterable[PythonVersion], platform: Platform
) -> list[PythonVersion]:
    """Return those of `known` for which the release has a file on this platform, whatever the glibc."""
    named = tuple([FileName(_tags_of(file.name), file.requires_python) for file in files])
    return list(_served(named, tuple(known), platform))


@lru_cache(maxsize=1024)
def _served(
    named: tuple[FileName, ...], known: tuple[PythonVersion, ...], platform: Platform
) -> tuple[PythonVersion, ...]:
    """Return for which Pythons there is one of some tags and Requires-Pythons, which many releases share."""
    return tuple(
        python
        for python in known
        if any(
            _best_rank(each.name, (python.major, python.minor), platform, _ANY_GLIBC, free_threaded=False)
            is not None
            and allows_python(each.requires_python, python)
            for each in named
        )
    )
