"""What the facts cover: packages with their releases, and the rows of one release."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.model.machine import Platform
from stackfix.model.wheel import Wheel
from stackfix.versions import canonical_name


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageCoverage:
    """What the facts know of one package."""

    name: str
    releases: int
    oldest: str
    newest: str
    platforms: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The date of the facts, the number of rows, and what they know of each package."""

    date: str
    rows: int
    packages: tuple[PackageCoverage, ...]


def coverage_of(facts: Database) -> Coverage:
    """Return what the facts cover."""
    rows = {package: facts.wheels(package) for package in facts.packages()}
    return Coverage(
        date=facts.date,
        rows=sum(len(wheels) for wheels in rows.values()),
        packages=tuple(
            PackageCoverage(
                name=name,
                releases=len({wheel.key for wheel in wheels}),
                oldest=wheels[-1].key,
                newest=wheels[0].key,
                platforms=tuple(sorted({wheel.platform for wheel in wheels})),
                sources=tuple(sorted({wheel.source for wheel in wheels})),
            )
            for name, wheels in rows.items()
            if wheels
        ),
    )


def rows_of(facts: Database, release: str, platform: str = "") -> list[Wheel]:
    """Return all rows of one release, on one platform or on all."""
    package, separator, version = release.partition("==")
    if not separator or not package or not version:
        raise QuestionError(f"`{release}` is not a release", hint="releases look like `torch==2.15.0`")
    try:
        wanted = Version(version.strip())
    except InvalidVersion as error:
        raise QuestionError(f"`{version}` is not a version") from error
    platforms = {"any", Platform.parse(platform).label} if platform else None
    return [
        wheel
        for wheel in facts.wheels(canonical_name(package.strip()))
        if wheel.version == wanted and (platforms is None or wheel.platform in platforms)
    ]
