"""From a resolution to a lock: where each of its files lies today, asked of the index that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from stackfix.errors import HashError, NetworkError, QuestionError
from stackfix.facts.database import Database
from stackfix.index.artifacts import Index, Wanted, in_folders, locate, without_credentials
from stackfix.index.config import find_links, index_config, no_index
from stackfix.index.links import Links
from stackfix.index.network import open_transport
from stackfix.index.remembered import recall, remember
from stackfix.index.transport import Transport
from stackfix.indexes import address_of
from stackfix.install.resolving import known_to_uv
from stackfix.model.evidence import Known
from stackfix.model.lock import Address, Lock
from stackfix.model.request import MAIN, Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.plan.lock import lock_of
from stackfix.standing import stand_in_notes, stands_for


def lock_of_request(
    resolution: Resolution,
    request: Request,
    facts: Database,
    *,
    facts_date: str,
    offline: bool = False,
    transport: Transport | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Lock | Explanation:
    """Return the lock of a request's set, with what the facts do not know beside it; or why the two do not go together.

    What is left out of it, because another package stands in for it, is said.
    """
    measured = sorted(name for name in request.builds if facts.knows(name))
    if measured:
        raise QuestionError(
            f"`{measured[0]}` is not built from source: the facts are about its wheels",
            hint=f"leave out `--build-from-source {measured[0]}`",
        )
    if not (request.others or resolution.beside):
        found = lock_of_files(
            resolution, facts_date=facts_date, recipe=request.recipe, offline=offline, transport=transport
        )
        found = replace(found, stands_for=stands_for(request, resolution.packages))
    else:
        from stackfix.together import complete  # noqa: PLC0415 - only where more is asked for than the facts know

        whole = complete(resolution, request, facts, offline=offline)
        if isinstance(whole, Explanation):
            return whole
        request = whole.request
        found = lock_of_files(
            whole.resolution,
            facts_date=facts_date,
            recipe=request.recipe,
            offline=offline,
            transport=transport,
        )
        found = replace(found, packages=(*found.packages, *whole.others), stands_for=whole.stands_for)
    check_hashes(found, request)
    for note in stand_in_notes(request, found.versions, found.stands_for):
        say(note)
    return found


def lock_of_files(
    resolution: Resolution,
    *,
    facts_date: str = "",
    recipe: str = "",
    offline: bool = False,
    transport: Transport | None = None,
) -> Lock:
    """Return the lock of a resolution; NetworkError or HashError where the index has not the files that it names.

    `offline` asks nobody: files are then known from folders of the find-links, from what an index said before, and
    from the pages that uv keeps. `transport` is one that has asked the index already, None for a fresh one.
    """
    wanted = [
        Wanted(package=pin.name, name=pin.file.name, sha256=pin.file.sha256, size=pin.file.size)
        for pin in resolution.pins
    ]
    links = Links(find_links())
    if offline:
        addresses = _without_asking(wanted, links, resolution)
        return lock_of(resolution, addresses, facts_date=facts_date, recipe=recipe)
    used = {pin.wheel.source for pin in resolution.pins} - {MAIN}
    further = [Index(name=name, address=address_of(name)) for name in sorted(used)]
    main = [] if no_index() else [Index(name=MAIN, address=index_config().address)]
    located = locate(wanted, transport or open_transport(), [*main, *further], links)
    remember(wanted, located)
    return lock_of(resolution, located, facts_date=facts_date, recipe=recipe)


def _without_asking(wanted: Sequence[Wanted], links: Links, resolution: Resolution) -> Mapping[str, Address]:
    """Return where files lie as far as this machine knows it by itself; NetworkError names what it does not know."""
    found = recall(wanted) | in_folders(wanted, links)
    missing = [file for file in wanted if file.name not in found]
    if missing:
        glibc = resolution.machine.glibc
        index = index_config().address
        listed = known_to_uv(
            {pin.name: pin.version for pin in resolution.pins if pin.file.name not in found},
            python=resolution.python.version,
            platform=resolution.machine.platform,
            glibc=glibc.value if isinstance(glibc, Known) else None,
            index=index,
        )
        by_digest = {each.file.sha256: each for each in listed}
        for file in missing:
            if file.sha256 in by_digest:
                url = by_digest[file.sha256].file.url
                found[file.name] = Address(url=url, index=without_credentials(index))
    missing = [file for file in wanted if file.name not in found]
    if missing:
        names = ", ".join(file.name for file in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise NetworkError(
            f"where these files lie is not known here, and `--offline` forbids asking: {names}{more}",
            hint="run the same once with a network, or install from a lock (`--lock pylock.toml`) or a bundle",
        )
    return found


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
