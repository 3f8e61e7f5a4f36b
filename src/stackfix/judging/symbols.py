"""Symbols, on the disk: libraries whose names fit and whose contents do not.

A soname says little: `libnvJitLink.so.12` of CUDA 12.4 lacks what cuSPARSE of 12.8 asks of it, and the loader ends the
import with `undefined symbol`. Read where something else already looks wrong about who brings the library: in an
environment as its packages pinned it every name was there when it was linked.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from msgspec import Struct

from stackfix.errors import MeasureError
from stackfix.judging import remedy
from stackfix.measure.elf_symbols import asked, offered
from stackfix.measure.reader import held as opened
from stackfix.model.environment import Distribution, Environment, SharedLibrary
from stackfix.model.report import Finding

_SHOWN = 3
_STEM = re.compile(r"[a-z]{4,}")
_FAMILY = 0.25  # of a library's names (libnccl.so.2 has each as nccl… and as pnccl…)


class _Brought(Struct, frozen=True):
    by: Distribution
    library: SharedLibrary


class _Lack(Struct, frozen=True):
    library: SharedLibrary
    soname: str
    names: frozenset[str]
    versioned: bool


def missing_symbols(environment: Environment, suspects: Collection[str]) -> Iterator[Finding]:
    """Yield packages whose libraries ask names that the library of a suspect package does not offer.

    `suspects` are packages of another release than others were made with. What was changed on the disk is always one,
    and every package of NVIDIA where there is no torch, which would pin it.
    """
    suspect = {each.name for each in environment.distributions if each.changed} | set(suspects)
    if "torch" not in environment.packages:
        suspect |= {name for name in environment.packages if name.startswith("nvidia-")}
    if environment.windows or not suspect:
        return
    tables = _Tables(environment)
    for each in environment.distributions:
        lacks: dict[str, _Lack] = {}
        for library in each.libraries:
            for soname in library.needed:
                brought = tables.brought.get(soname)
                if brought is None or brought.by.name not in suspect:
                    continue
                if brought.by.name == each.name and not each.changed:
                    continue
                lack = tables.lack(library, soname)
                if lack is not None:
                    lacks.setdefault(brought.by.name, lack)
        for name, lack in lacks.items():
            yield _finding(environment, each, lack, name)


class _Tables:
    """The symbol tables of an environment's libraries, each read once and when it is asked for."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.brought = {
            name: _Brought(each, library)
            for each in environment.distributions
            for library in each.libraries
            for name in library.names
        }
        self._asked = cache(self._read_asked)
        self._offered = cache(self._read_offered)

    def lack(self, library: SharedLibrary, soname: str) -> _Lack | None:
        """Return what a library asks of another and does not get, None where it gets all or nobody can tell."""
        there = self._offered(self.brought[soname].library.path)
        wanted = self._asked(library.path)
        versioned = wanted.get(soname, frozenset()) - there
        if not there:
            return None
        if versioned:
            return _Lack(library, soname, versioned, versioned=True)
        counted = Counter(map(_stem, there))
        stems = {stem for stem, count in counted.items() if stem and count >= _FAMILY * len(there)}
        others = [
            self._offered(self.brought[one].library.path) for one in library.needed if one in self.brought
        ]
        names = {name for name in wanted.get("", ()) if _stem(name) in stems}.difference(*others)
        return _Lack(library, soname, frozenset(names), versioned=False) if names else None

    def _read_asked(self, path: str) -> Mapping[str, frozenset[str]]:
        try:
            with opened(place(self._environment, path)) as reader:
                return asked(reader)
        except (MeasureError, OSError):
            return {}  # a library that cannot be read is a finding already

    def _read_offered(self, path: str) -> frozenset[str]:
        try:
            with opened(place(self._environment, path)) as reader:
                return offered(reader)
        except (MeasureError, OSError):
            return frozenset()


def place(environment: Environment, path: str) -> str:
    """Return where a library lies, of the path that it has below site-packages."""
    places = (os.path.join(folder, path) for folder in environment.site_packages)  # noqa: PTH118 - as the doctor's readings
    return next((one for one in places if os.path.isfile(one)), path)  # noqa: PTH113 - likewise


def _stem(name: str) -> str:
    found = _STEM.match(name)
    return found[0] if found else ""


def _finding(environment: Environment, by: Distribution, lack: _Lack, provider: str) -> Finding:
    names = sorted(lack.names)
    more = f" and {len(names) - 1} more names" if len(names) > 1 else ""
    version = environment.packages[provider]
    source = "its symbol versions" if lack.versioned else "its symbol table"
    symbol = f"{names[0]}, version {lack.soname}" if lack.versioned else names[0]
    return Finding(
        code="mixed_toolkit",
        severity="error",
        text=f"{by.name} {by.version} asks {lack.soname} for {names[0]}{more}, which {provider} {version} does not have",
        because=(
            *(f"{lack.library.path} needs {name} [read: {source}]" for name in names[:_SHOWN]),
            f"{lack.soname} of {provider} {version} offers no such name [read: its symbol table]",
        ),
        consequence=f"loading it fails with `undefined symbol: {symbol}`: so does what needs it",
        fix=remedy.mend(environment),
        rule="linkage",
        about=(provider, by.name),
    )  # fmt: skip
