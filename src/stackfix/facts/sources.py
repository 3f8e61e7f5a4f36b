"""The indexes beside the main one, and what documents say they hold: `data/sources.toml`.

What a document says is never a row: it names what can be measured where such an index answers, and is held against
the measurement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
from packaging.specifiers import SpecifierSet

from stackfix.facts.prepared import read_toml
from stackfix.model.evidence import Source
from stackfix.model.growth import Documented
from stackfix.model.request import MAIN

_PATCHES = range(12)


class SourceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One index: what it holds, the CUDA of its builds, and how its address ends.

    `any_minor`: its builds are linked to a CUDA major and serve every minor of it.
    """

    name: str
    packages: tuple[str, ...]
    cuda: str
    path: str
    any_minor: bool = False


class DocumentedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minors of a package that a document says are on some of the indexes, for some platforms and Pythons.

    `pythons` is a specifier of Python minors; "" where the document does not say for which.
    """

    package: str
    minors: tuple[str, ...]
    sources: tuple[str, ...]
    platforms: tuple[str, ...]
    method: str
    source: Annotated[str, msgspec.Meta(min_length=8)]
    pythons: str = ""


class ClaimRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a document says of the CUDA that releases on the main index were built with."""

    package: str
    releases: str
    cuda: str
    method: str
    source: Annotated[str, msgspec.Meta(min_length=8)]


class SourceRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    seen: str
    source: tuple[SourceRow, ...]
    documented: tuple[DocumentedRow, ...]
    claim: tuple[ClaimRow, ...]


@cache
def read_sources(root: Path) -> SourceRows:
    """Return the rows of sources.toml; DataError with file and key for a broken one."""
    return read_toml(root / "sources.toml", SourceRows)


def source_names(root: Path) -> frozenset[str]:
    """Return the names that `--source` takes."""
    return frozenset({MAIN, *(each.name for each in read_sources(root).source)})


def source_of(name: str, address: str, root: Path) -> str:
    """Return which source a configured index is, by its name or the end of its address; "" for an unknown one."""
    for each in read_sources(root).source:
        if name == each.name or address.rstrip("/").endswith(f"/{each.path}"):
            return each.name
    return ""


def documented(root: Path, package: str, platform: str) -> Iterator[Documented]:
    """Yield what documents say of a package on a platform."""
    rows = read_sources(root)
    cuda = {each.name: each.cuda for each in rows.source}
    for row in rows.documented:
        if row.package == package and platform in row.platforms:
            for minor in row.minors:
                for index in row.sources:
                    evidence = Source(method=row.method, where=row.source, seen=rows.seen)
                    yield Documented(
                        package=package,
                        minor=minor,
                        index=index,
                        cuda=cuda[index],
                        evidence=evidence,
                        pythons=row.pythons,
                    )


def documented_cuda(root: Path, package: str, version: str, index: str) -> Documented | None:
    """Return what documents say of one release on an index, whatever the platform; None where they say nothing."""
    minor = ".".join(version.split("+", maxsplit=1)[0].split(".")[:2])
    platforms = {each for row in read_sources(root).documented for each in row.platforms}
    return next(
        (
            one
            for platform in sorted(platforms)
            for one in documented(root, package, platform)
            if (one.minor, one.index) == (minor, index)
        ),
        None,
    )


def admitted(
    root: Path, package: str, specifier: str, platform: str, cudas: Collection[str]
) -> list[Documented]:
    """Return what documents name of a package within a specifier, for one of the CUDA minors (empty: any)."""
    wanted = SpecifierSet(specifier)
    any_minor = {each.name for each in read_sources(root).source if each.any_minor}
    majors = {cuda.partition(".")[0] for cuda in cudas}

    def of_cuda(one: Documented) -> bool:
        exact = not cudas or one.cuda in cudas
        return exact or (one.index in any_minor and one.cuda.partition(".")[0] in majors)

    return [
        one
        for one in documented(root, package, platform)
        if of_cuda(one) and any(wanted.contains(f"{one.minor}.{patch}") for patch in _PATCHES)
    ]


def disagreements(root: Path, package: str, version: str, cuda: Collection[str]) -> tuple[str, ...]:
    """Return where a document says another CUDA of a release on the main index than was measured of its wheel."""
    if not cuda:
        return ()
    return tuple(
        f"{row.source} has it as CUDA {row.cuda}; the wheel is CUDA {' and '.join(cuda)}"
        for row in read_sources(root).claim
        if row.package == package and SpecifierSet(row.releases).contains(version) and row.cuda not in cuda
    )
