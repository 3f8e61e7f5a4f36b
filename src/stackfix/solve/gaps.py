"""Gaps: releases that are asked for and have no row. They are unknown, which is not the same as impossible.

Of helper packages the rows hold what other rows put on them, and few releases more; an index has them all. So what
is asked for is first supposed to be there and to require nothing: where even then there is no set, the wish is
against what is known; where there is one, nothing is known either way before the release is measured.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from stackfix.model.evidence import Source
from stackfix.model.machine import Machine
from stackfix.model.request import Request, Root
from stackfix.model.wheel import ListedWheel, Listing, Wheel, WheelFile
from stackfix.rules import metadata
from stackfix.rules.beside import FactsBeside
from stackfix.rules.scene import Facts, Releases
from stackfix.rules.shipped_together import CUDA_ITSELF
from stackfix.versions import canonical_name

_LATER = 1000  # added to a major: a release above all on record
_EXACT = re.compile(r"==\s*([^,*=\s]+)")
_ANY_DATE = "0001-01-01"  # what is supposed is old enough for whatever date is asked for


class Gap(Struct, frozen=True, kw_only=True):
    """A wish that no row answers: the package, the wish as it is measured ("requests==2.32.3"), and who asks.

    `version` is the one release that it admits, "" where it admits several; `newest` is the newest on record, and
    `is_beyond` whether it admits newer ones; `constrains` is whether it brings nothing into a set by itself.
    """

    package: str
    wish: str
    root: Root
    newest: str
    is_beyond: bool
    version: str = ""
    extras: frozenset[str] = frozenset()
    constrains: bool = False


def gaps(request: Request, facts: Facts, machine: Machine) -> tuple[Gap, ...]:
    """Return the wishes for packages with rows of which no row is of a release that they admit."""
    found: dict[str, Gap] = {}
    for constrains, roots in ((False, request.roots), (True, request.constraints)):
        for root in roots:
            gap = _gap(root, request, facts, machine) if root.relaxable else None
            if gap is not None:
                found.setdefault(gap.wish, replace(gap, constrains=constrains))
    return tuple(found.values())


def _gap(root: Root, request: Request, facts: Facts, machine: Machine) -> Gap | None:
    try:
        asked = metadata.parse_wish(root.requirement)
    except ValueError:
        return None  # what asks for it refuses it, with its words
    package = canonical_name(asked.name)
    if not asked.specifier or asked.url or package == CUDA_ITSELF or not _is_asked(asked.marker, machine):
        return None
    for label in {one.platform.label for _, one in machine.group} or {machine.platform.label}:
        listing = Listing.of(facts.listed(package, label))
        own = listing.only(
            place for place in range(len(listing)) if listing.kind(place).source in request.sources
        )
        if not own or metadata.admitted_of(Releases(own), asked.specifier):
            continue
        beyond = _may_be_newer(asked.specifier, own)
        if not facts.is_whole(package) or beyond:
            newest = max(own.keys, key=Version)
            break
    else:
        return None
    return Gap(
        package=package,
        wish=f"{package}{asked.specifier}",
        root=root,
        newest=newest,
        is_beyond=beyond,
        version=_version(asked.specifier),
        extras=asked.extras,
    )


def _may_be_newer(specifier: str, listing: Listing) -> bool:
    """Whether a specifier admits a release above the newest on record."""
    newest = max(map(Version, listing.keys))
    exact = _version(specifier)
    if exact:
        return Version(exact) > newest
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 5 ms, and few ask for what has no row

    return SpecifierSet(specifier).contains(f"{newest.major + _LATER}.0")


def _is_asked(marker: str, machine: Machine) -> bool:
    """Whether a marker holds on some Python of the machine."""
    return any(
        metadata.applies(
            marker,
            metadata.marker_variables(
                machine.platform,
                one.version.minor_version,
                str(one.version) if one.version.patch is not None else f"{one.version.minor_version}.0",
            ),
            "",
        )
        for one in machine.pythons
    )


def _version(specifier: str) -> str:
    exact = _EXACT.fullmatch(specifier)
    try:
        return str(Version(exact[1])) if exact is not None else ""
    except InvalidVersion:
        return ""


def supposing(request: Request, found: Collection[Gap]) -> Request:
    """Return the request in which a wish that admits several releases without rows asks for any release."""
    wide = {gap.root: gap for gap in found if not gap.version}
    roots = (replace(root, requirement=_bare(wide[root])) if root in wide else root for root in request.roots)
    return replace(
        request,
        roots=tuple(roots),
        constraints=tuple(root for root in request.constraints if root not in wide),
    )


def _bare(gap: Gap) -> str:
    return f"{gap.package}[{','.join(sorted(gap.extras))}]" if gap.extras else gap.package


def supposed(facts: Facts, found: Collection[Gap]) -> FactsBeside:
    """Return facts, and beside them one release for each gap that names one: a wheel that fits everywhere and needs nothing."""
    rows: dict[str, list[ListedWheel]] = {}
    for gap in found:
        if gap.version:
            rows.setdefault(gap.package, []).append(_row(gap))
    return FactsBeside(facts, rows)


def _row(gap: Gap) -> ListedWheel:
    wheel = Wheel(
        package=gap.package,
        version=Version(gap.version),
        key=gap.version,
        source="pypi",
        platform="any",
        files=(WheelFile(name=f"{gap.package}-{gap.version}-py3-none-any.whl", size=0, sha256=""),),
        requires_dist=tuple(_of_itself(gap)),
        needs={},
        opens={},
        provides={},
        cuda=(),
        cuda_major=0,
        code=(),
        owns=frozenset(),
        numpy_abi=frozenset(),
        onnx_opset=None,
        onnx_ir=None,
        evidence=Source(method="supposed", where="no row is on record"),
    )
    return ListedWheel(
        package=gap.package,
        key=gap.version,
        source=wheel.source,
        uploaded=_ANY_DATE,
        cuda_major=0,
        provides=frozenset(),
        read=lambda: wheel,
    )


def _of_itself(gap: Gap) -> Iterator[str]:
    """Yield a requirement for each extra that is asked for, by which the release has it."""
    for extra in sorted(gap.extras):
        yield f"{gap.package}; extra == '{extra}'"
