"""From a resolution to a lock: where each of its files lies today, asked of the index that it comes from."""

from __future__ import annotations

from msgspec.structs import replace

from stackfix.errors import HashError
from stackfix.facts.database import Database
from stackfix.index.artifacts import Index, Wanted, locate
from stackfix.index.config import index_config
from stackfix.index.network import open_transport
from stackfix.index.transport import Transport
from stackfix.indexes import address_of
from stackfix.model.lock import Lock
from stackfix.model.request import MAIN, Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.plan.lock import lock_of


def lock_of_request(
    resolution: Resolution,
    request: Request,
    facts: Database,
    *,
    facts_date: str,
    transport: Transport | None = None,
) -> Lock | Explanation:
    """Return the lock of a request's set, with what the facts do not know beside it; or why the two do not go together."""
    if not request.others:
        found = lock_of_files(resolution, facts_date=facts_date, recipe=request.recipe, transport=transport)
    else:
        from stackfix.together import complete  # noqa: PLC0415 - only where a project asks for more than the facts know

        whole = complete(resolution, request, facts)
        if isinstance(whole, Explanation):
            return whole
        known, others = whole
        found = lock_of_files(known, facts_date=facts_date, recipe=request.recipe, transport=transport)
        found = replace(found, packages=(*found.packages, *others))
    check_hashes(found, request)
    return found


def lock_of_files(
    resolution: Resolution, *, facts_date: str = "", recipe: str = "", transport: Transport | None = None
) -> Lock:
    """Return the lock of a resolution; NetworkError or HashError where the index has not the files that it names.

    `transport` is one that has asked the index already, None for a fresh one.
    """
    config = index_config()
    wanted = [
        Wanted(package=pin.name, name=pin.file.name, sha256=pin.file.sha256, size=pin.file.size)
        for pin in resolution.pins
    ]
    used = {pin.wheel.source for pin in resolution.pins} - {MAIN}
    further = [Index(name=name, address=address_of(name)) for name in sorted(used)]
    addresses = locate(
        wanted, transport or open_transport(), [Index(name=MAIN, address=config.address), *further]
    )
    return lock_of(resolution, addresses, facts_date=facts_date, recipe=recipe)


def check_hashes(lock: Lock, request: Request) -> None:
    """Raise HashError for a file that is none of those whose sha256 the project names."""
    for package in lock.packages:
        wanted = request.hashes.get(package.name)
        if wanted and package.file.sha256 not in wanted:
            raise HashError(
                f"{package.file.name}: its sha256 {package.file.sha256} is none of the {len(wanted)} that your "
                f"requirements name for {package.name}",
                hint="the hashes are of another release or platform: take them out, or pin the release they are of",
            )
