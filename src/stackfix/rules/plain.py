"""Plain specifiers and markers, told without `packaging`: what almost every row says.

`packaging.specifiers` and `packaging.markers` cost 15 ms at import, which is a tenth of a resolve. Numbers with dots
compare as numbers, and a marker of names, strings, `and`, `or` and brackets is looked up; whatever else there is
(pre-releases, local versions, epochs, `in`) is None here and left to `packaging`. Tests hold both to it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from packaging.version import Version

from stackfix.versions import canonical_name

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_CLAUSE = re.compile(r"\s*(==|~=|!=|<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?\s*")
_TOKEN = re.compile(r"""\s*(?:([()]|and\b|or\b)|([a-z_]+)\s*(==|!=|<=|>=|<|>)\s*(?:"([^"]*)"|'([^']*)'))""")
_WORD = re.compile(r"(?![vV][0-9])[A-Za-z][A-Za-z0-9_-]*")  # no version, not even to who reads `v1` as one
_WORDS = {
    "extra",
    "implementation_name",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_system",
    "sys_platform",
}
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_VERSIONS = {"python_full_version", "python_version"}


class Clause(NamedTuple):
    """One clause of a specifier: `>=` 1.2, or `==` 1.2 with any end."""

    operator: str
    numbers: tuple[int, ...]
    any_end: bool

    def admits(self, version: tuple[int, ...]) -> bool:
        """Whether a version of plain numbers satisfies it."""
        if self.any_end:
            return (_start(version, len(self.numbers)) == self.numbers) == (self.operator == "==")
        here, there = _stripped(version), _stripped(self.numbers)
        if self.operator == "~=":
            return here >= there and _start(version, len(self.numbers) - 1) == self.numbers[:-1]
        return bool(_COMPARE[self.operator](here, there))


def _stripped(numbers: tuple[int, ...]) -> tuple[int, ...]:
    end = len(numbers)
    while end and not numbers[end - 1]:
        end -= 1
    return numbers[:end]


def _start(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*numbers, *(0,) * length)[:length]


@lru_cache(maxsize=16384)
def numbers(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a version that has nothing else, None for any other."""
    return tuple(map(int, text.split("."))) if _NUMBERS.fullmatch(text) else None


@lru_cache(maxsize=4096)
def clause(text: str) -> Clause | None:
    """Return one clause of a specifier, None for one that is not plain."""
    found = _CLAUSE.fullmatch(text)
    if found is None:
        return None
    sign, version, any_end = found.groups()
    read = tuple(map(int, version.split(".")))
    if (any_end and sign not in {"==", "!="}) or (sign == "~=" and len(read) == 1):
        return None
    return Clause(sign, read, any_end is not None)


@lru_cache(maxsize=4096)
def bounds(specifier: str) -> tuple[str, ...]:
    """Return the clauses of a specifier, `~=1.2.3` as the two that it stands for."""
    found: list[str] = []
    for each in specifier.split(","):
        read = clause(each)
        if read is not None and read.operator == "~=":
            lower = ".".join(map(str, read.numbers))
            found += [f">={lower}", f"=={lower.rpartition('.')[0]}.*"]
        else:
            found.append(each.strip())
    return tuple(found)


Start: TypeAlias = tuple[int, tuple[int, ...]]


def any_end_of(text: str) -> Start | None:
    """Return epoch and numbers of a clause such as `==1.2.*`, None for any other: what it admits is one stretch."""
    read = clause(text)
    return (0, read.numbers) if read is not None and read.any_end and read.operator == "==" else None


def begins(version: str, like: Start) -> Start:
    """Return epoch and first numbers of a version, as many as `like` has."""
    here = numbers(version)
    if here is not None:
        return 0, _start(here, len(like[1]))
    read = Version(version)
    return read.epoch, _start(read.release, len(like[1]))


def admits(specifier: str, version: str) -> bool:
    """Whether a specifier admits a version, pre-releases too; InvalidSpecifier (a ValueError) where it is none."""
    here = numbers(version)
    clauses = [clause(each) for each in specifier.split(",")]
    if here is None or None in clauses:
        return _packaging_admits(specifier, version)
    return all(each.admits(here) for each in clauses if each is not None)


@lru_cache(maxsize=16384)
def _packaging_admits(specifier: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 10 ms, which plain numbers do not need

    return SpecifierSet(specifier).contains(version, prereleases=True)


class Compared(NamedTuple):
    """A variable and what it is compared with."""

    variable: str
    operator: str
    value: str


class Joined(NamedTuple):
    """Conditions of which all or any have to hold."""

    needs_all: bool
    parts: tuple[Condition, ...]


Condition: TypeAlias = "Compared | Joined"


@lru_cache(maxsize=1024)
def condition(text: str) -> Condition | None:
    """Return what a marker says, None for one that is not plain."""
    tokens: list[str | Compared] = []
    place = 0
    stripped = text.rstrip()
    while place < len(stripped):
        found = _TOKEN.match(stripped, place)
        if found is None:
            return None
        place = found.end()
        if found[1]:
            tokens.append(found[1])
            continue
        compared = Compared(found[2], found[3], found[5] if found[4] is None else found[4])
        if not _is_plain(compared):
            return None
        tokens.append(compared)
    read = _any(tokens)
    return None if tokens else read


def _is_plain(compared: Compared) -> bool:
    if compared.variable in _VERSIONS:
        return numbers(compared.value) is not None
    return (
        compared.variable in _WORDS
        and compared.operator in {"==", "!="}
        and _WORD.fullmatch(compared.value) is not None
    )


def _any(tokens: list[str | Compared]) -> Condition | None:
    return _joined(tokens, "or")


def _joined(tokens: list[str | Compared], word: str) -> Condition | None:
    """Read conditions that `word` joins from the front of the tokens; None where there is none."""
    parts: list[Condition] = []
    while True:
        part = _joined(tokens, "and") if word == "or" else _one(tokens)
        if part is None:
            return None
        parts.append(part)
        if not tokens or tokens[0] != word:
            return parts[0] if len(parts) == 1 else Joined(word == "and", tuple(parts))
        tokens.pop(0)


def _one(tokens: list[str | Compared]) -> Condition | None:
    first = tokens.pop(0) if tokens else ""
    if isinstance(first, Compared):
        return first
    inside = _any(tokens) if first == "(" else None
    return inside if inside is not None and tokens and tokens.pop(0) == ")" else None


def holds(what: Condition, variables: Mapping[str, str]) -> bool | None:
    """Whether a condition holds; None where a version that is not plain would have to be compared."""
    if isinstance(what, Joined):
        answers = [holds(part, variables) for part in what.parts]
        return None if None in answers else (all(answers) if what.needs_all else any(answers))
    value = variables[what.variable]
    if what.variable in _VERSIONS:
        here, read = numbers(value), clause(f"{what.operator}{what.value}")
        return None if here is None or read is None else read.admits(here)
    if what.variable == "extra":
        return (canonical_name(value) == canonical_name(what.value)) == (what.operator == "==")
    return (value == what.value) == (what.operator == "==")
