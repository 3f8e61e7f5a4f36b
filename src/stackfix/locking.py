"""From a resolution to a lock: where each of its files lies today, asked of the index that it comes from."""

from __future__ import annotations

from stackfix.index.artifacts import Index, Wanted, locate
from stackfix.index.config import index_config
from stackfix.index.transport import HttpTransport
from stackfix.indexes import address_of
from stackfix.model.lock import Lock
from stackfix.model.request import MAIN
from stackfix.model.resolution import Resolution
from stackfix.plan.lock import lock_of


def lock_of_files(resolution: Resolution, *, facts_date: str = "", recipe: str = "") -> Lock:
    """Return the lock of a resolution; NetworkError or HashError where the index has not the files that it names."""
    config = index_config()
    wanted = [
        Wanted(package=pin.name, name=pin.file.name, sha256=pin.file.sha256, size=pin.file.size)
        for pin in resolution.pins
    ]
    transport = HttpTransport(certificate=config.certificate)
    used = {pin.wheel.source for pin in resolution.pins} - {MAIN}
    further = [Index(name=name, address=address_of(name)) for name in sorted(used)]
    addresses = locate(wanted, transport, [Index(name=MAIN, address=config.address), *further])
    return lock_of(resolution, addresses, facts_date=facts_date, recipe=recipe)
