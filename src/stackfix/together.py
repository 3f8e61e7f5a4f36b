"""A set that the facts decide, and beside it what they do not know: resolved in turn until neither asks for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from stackfix.errors import AnswerError, StackfixError
from stackfix.facts.database import Database
from stackfix.install.resolving import askers, resolve_others
from stackfix.model.evidence import Known
from stackfix.model.lock import LockedPackage
from stackfix.model.request import Request, Root
from stackfix.model.resolution import Explanation, Resolution
from stackfix.own_source import own_sources, owners
from stackfix.reaching import installer_variables
from stackfix.rules.metadata import parse_wish
from stackfix.solve.resolve import resolve
from stackfix.standing import replaced, served, stands_for, with_stand_ins
from stackfix.versions import canonical_name

ROUNDS = 6
_SHOWN = 2
_SOMEBODY = "a package of your project (by way of uv)"


class Whole(NamedTuple):
    """A set, the request that it answers in the end, the packages that only the installer knows, and what stands for what."""

    resolution: Resolution
    request: Request
    others: tuple[LockedPackage, ...]
    stands_for: Mapping[str, tuple[str, ...]]


def complete(
    resolution: Resolution, request: Request, facts: Database, *, offline: bool = False
) -> Whole | Explanation:
    """Return the set, solved again with what others need of it, and the packages that only the installer knows."""
    found = _completed(resolution, request, facts, offline=offline)
    if isinstance(found, Whole):
        return found
    why, request = found

    def solve(changed: Request) -> Resolution | Explanation:
        """Solve a changed request to its end: what only the installer knows has to go with it too."""
        answer = resolve(why.machine, facts, changed, reasons="none")
        if isinstance(answer, Explanation):
            return answer
        try:
            whole = _completed(answer, changed, facts, offline=offline)
        except StackfixError:
            return why
        return whole.resolution if isinstance(whole, Whole) else whole[0]

    return with_stand_ins(why, request, facts, why.machine, solve)


def _completed(
    resolution: Resolution, request: Request, facts: Database, *, offline: bool
) -> Whole | tuple[Explanation, Request]:
    """Return the whole, or why there is none with the request to which there is none."""
    platform = resolution.machine.platform
    here = replace(resolution.machine, pythons=(resolution.python,))
    sources = own_sources(restricted=request.restricted)
    for _ in range(ROUNDS):
        pins = resolution.packages
        serving = served(request, pins)
        versions = {**pins, **serving}
        asked = (*request.others, *resolution.beside)
        wanted = [root.requirement for root in asked]
        bounds = [
            *(f"{name}=={version}" for name, version in versions.items()),
            *_of_others(request, facts),
        ]
        asking: dict[str, Any] = {
            "python": resolution.python.version,
            "platform": platform,
            "glibc": here.glibc.value if isinstance(here.glibc, Known) else None,
            "indexes": sources.indexes,
            "links": sources.links,
            "builds": sorted(request.builds),
            "variables": installer_variables(offline=offline),
        }
        found = resolve_others(wanted, bounds, offline=offline, places=_places(asked), **asking)
        others = tuple(one for one in found if one.name not in versions)
        new = [one.name for one in others if facts.listed(one.name, platform.label)]
        if not new:
            own = {} if offline else owners(others, sources, request.hashes)
            return Whole(
                resolution,
                request,
                tuple(replace(one, index=own.get(one.name, "")) for one in others),
                stands_for(request, pins, {one.name for one in found}),
            )
        by = {name: _asker(names, asked) for name, names in askers(wanted, bounds, **asking).items()}
        request = _with(request, new, by, facts, platform.label)
        answer = resolve(here, facts, request, reasons="none")
        if isinstance(answer, Explanation):
            return answer, request
        resolution = answer
    raise AnswerError(f"no set was found in {ROUNDS} rounds: each asks for packages that the last did not")


def _with(
    request: Request, new: Sequence[str], by: Mapping[str, str], facts: Database, label: str
) -> Request:
    """Return a request that also asks for packages of the facts, in the name of those that need them."""
    roots = [Root(requirement=name, asked_by=by.get(name, _SOMEBODY)) for name in new]
    for one in request.stand_ins:
        listed = [each.key for each in facts.listed(one.package, label)]
        roots = [replaced(root, one, listed) for root in roots]
    names = [canonical_name(parse_wish(root.requirement).name) for root in roots]
    newest = (*(name for name in request.newest if name != "python"), *names, "python")
    return replace(request, roots=(*request.roots, *roots), newest=tuple(dict.fromkeys(newest)))


def _asker(names: Sequence[str], asked: Sequence[Root]) -> str:
    """Return who asks for a package, what the project's files name before others, and where they do."""
    places = _places(asked)
    if not names:
        return _SOMEBODY
    named = [f"{name} ({places[name]})" for name in names if name in places] or list(names[:_SHOWN])
    return named[0] if len(named) == 1 else f"each of {' and '.join(named[:_SHOWN])}"


def _places(asked: Sequence[Root]) -> dict[str, str]:
    """Return package -> who asks for it, of what only the installer knows."""
    return {canonical_name(parse_wish(root.requirement).name): root.asked_by for root in asked}


def _of_others(request: Request, facts: Database) -> list[str]:
    """Return the constraints on packages that the facts do not know."""
    return [
        root.requirement
        for root in request.constraints
        if not facts.knows(
            canonical_name(root.requirement.split(";")[0].split("[")[0].strip(" <>=!~0123456789.,*"))
        )
    ]
