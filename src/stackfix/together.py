"""A set that the facts decide, and beside it what they do not know: resolved in turn until neither asks for more."""

from __future__ import annotations

from msgspec.structs import replace

from stackfix.errors import AnswerError
from stackfix.facts.database import Database
from stackfix.install.resolving import resolve_others
from stackfix.model.evidence import Known
from stackfix.model.lock import LockedPackage
from stackfix.model.request import Request, Root
from stackfix.model.resolution import Explanation, Resolution
from stackfix.own_source import own_sources, owners
from stackfix.reaching import installer_variables
from stackfix.solve.resolve import resolve
from stackfix.versions import canonical_name

ROUNDS = 6


def complete(
    resolution: Resolution, request: Request, facts: Database, *, offline: bool = False
) -> tuple[Resolution, tuple[LockedPackage, ...]] | Explanation:
    """Return the set, solved again with what others need of it, and the packages that only the installer knows."""
    platform = resolution.machine.platform
    here = replace(resolution.machine, pythons=(resolution.python,))
    glibc = here.glibc.value if isinstance(here.glibc, Known) else None
    sources = own_sources(restricted=request.restricted)
    for _ in range(ROUNDS):
        pins = resolution.packages
        found = resolve_others(
            [root.requirement for root in request.others],
            [*(f"{name}=={version}" for name, version in pins.items()), *_of_others(request, facts)],
            python=resolution.python.version,
            platform=platform,
            glibc=glibc,
            indexes=sources.indexes,
            links=sources.links,
            offline=offline,
            builds=sorted(request.builds),
            variables=installer_variables(offline=offline),
        )
        new = [one.name for one in found if one.name not in pins and facts.listed(one.name, platform.label)]
        if not new:
            others = tuple(one for one in found if one.name not in pins)
            own = {} if offline else owners(others, sources, request.hashes)
            return resolution, tuple(replace(one, index=own.get(one.name, "")) for one in others)
        asked = tuple(
            Root(requirement=name, asked_by="a package of your project (by way of uv)") for name in new
        )
        request = replace(
            request,
            roots=(*request.roots, *asked),
            newest=(*(name for name in request.newest if name != "python"), *new, "python"),
        )
        answer = resolve(here, facts, request, reasons="none")
        if isinstance(answer, Explanation):
            return answer
        resolution = answer
    raise AnswerError(f"no set was found in {ROUNDS} rounds: each asks for packages that the last did not")


def _of_others(request: Request, facts: Database) -> list[str]:
    """Return the constraints on packages that the facts do not know."""
    return [
        root.requirement
        for root in request.constraints
        if not facts.knows(
            canonical_name(root.requirement.split(";")[0].split("[")[0].strip(" <>=!~0123456789.,*"))
        )
    ]
