"""Symbols, on the disk: libraries whose names fit and whose contents do not.

A soname says little: `libnvJitLink.so.12` of CUDA 12.4 lacks what cuSPARSE of 12.8 asks of it by symbol version, and
the loader ends the import with `undefined symbol`. Read where something else already looks wrong about who brings
the library: in an environment as its packages pinned it every name was there when it was linked.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

from stackfix.errors import MeasureError
from stackfix.judging import remedy
from stackfix.measure.elf_symbols import asked, offered
from stackfix.measure.reader import held as opened
from stackfix.model.environment import Distribution, Environment, SharedLibrary
from stackfix.model.report import Finding

_SHOWN = 3


def missing_symbols(environment: Environment, suspects: Collection[str]) -> Iterator[Finding]:
    """Yield packages whose libraries ask names that the library of a suspect package does not offer.

    `suspects` are packages of another release than others were made with. What was changed on the disk is always one.
    """
    suspect = {each.name for each in environment.distributions if each.changed} | set(suspects)
    brought = dict(_brought(environment, suspect))
    offers: dict[str, frozenset[str]] = {}
    for each in environment.distributions:
        lacking: dict[str, tuple[SharedLibrary, str, frozenset[str]]] = {}
        for library in each.libraries:
            for soname in set(library.needed) & set(brought):
                provider, there = brought[soname]
                if provider.name == each.name and not each.changed:
                    continue
                wanted = _asked(environment, library).get(soname, frozenset())
                if soname not in offers:
                    offers[soname] = _offered(environment, there)
                if offers[soname] and wanted - offers[soname]:
                    lacking[provider.name] = (library, soname, wanted - offers[soname])
        for name, (library, soname, names) in lacking.items():
            yield _finding(environment, each, library, soname, names, name)


def _brought(
    environment: Environment, suspects: Collection[str]
) -> Iterator[tuple[str, tuple[Distribution, SharedLibrary]]]:
    for each in environment.distributions:
        if each.name in suspects:
            for library in each.libraries:
                yield library.soname or library.file_name, (each, library)


def _place(environment: Environment, path: str) -> str:
    places = (os.path.join(folder, path) for folder in environment.site_packages)  # noqa: PTH118 - as the doctor's readings
    return next((place for place in places if os.path.isfile(place)), path)  # noqa: PTH113 - likewise


def _asked(environment: Environment, library: SharedLibrary) -> Mapping[str, frozenset[str]]:
    try:
        with opened(_place(environment, library.path)) as reader:
            return asked(reader)
    except (MeasureError, OSError):
        return {}  # a library that cannot be read is a finding already


def _offered(environment: Environment, library: SharedLibrary) -> frozenset[str]:
    try:
        with opened(_place(environment, library.path)) as reader:
            return offered(reader)
    except (MeasureError, OSError):
        return frozenset()


def _finding(
    environment: Environment,
    by: Distribution,
    library: SharedLibrary,
    soname: str,
    names: frozenset[str],
    provider: str,
) -> Finding:
    first, *rest = sorted(names)
    more = f" and {len(rest)} more names" if rest else ""
    version = environment.packages[provider]
    return Finding(
        code="mixed_toolkit",
        severity="error",
        text=f"{by.name} {by.version} asks {soname} for {first}{more}, which {provider} {version} does not have",
        because=(
            *(f"{library.path} needs {name} of {soname} [read: its symbol versions]" for name in sorted(names)[:_SHOWN]),
            f"{soname} of {provider} {version} offers no such names [read: its symbol table]",
        ),
        consequence=f"loading it fails with `undefined symbol: {first}, version {soname}`: so does what needs it",
        fix=remedy.mend(environment),
        rule="linkage",
        about=(provider, by.name),
    )  # fmt: skip
