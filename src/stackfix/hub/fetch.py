"""Fetch: a model from the first mirror that gives it, whole and verified; or all that was tried."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stackfix.errors import DiskError, NetworkError
from stackfix.hub.answer import RefusedError
from stackfix.hub.cache import VARIABLE, Place, writing
from stackfix.hub.mirrors import ENDPOINT, Mirror
from stackfix.hub.part import Part
from stackfix.hub.transfer import Patience, transfer
from stackfix.meter import Listener, Meter, amount
from stackfix.web import Web, public

MARGIN = 16 << 20
_PROGRESS = 1 << 20
HINT = f"name another hub in {ENDPOINT}, or bring the file and say `stackfix models import FILE`"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An address that did not give the file, and why, as it may be shown."""

    address: str
    why: str

    def __str__(self) -> str:
        return f"{public(self.address)}: {self.why}"


class NotHadError(NetworkError):
    """A model could not be had: every address that was tried, and what came of it."""

    def __init__(self, file: str, attempts: Sequence[Attempt]) -> None:
        """Say all attempts in one message."""
        tried = "".join(f"\n  {each}" for each in attempts) or "\n  there is no address to ask"
        super().__init__(f"`{file}` could not be had:{tried}", hint=HINT)
        self.attempts = tuple(attempts)


def check_room(place: Place, free: int | None = None) -> None:
    """Raise DiskError if the rest of a model does not fit on the disk of its folder, which is there."""
    need = place.rest() + MARGIN
    if free is None:
        with writing(place.folder):
            free = shutil.disk_usage(place.folder).free
    if free < need:
        raise DiskError(
            f"not enough room on the disk of `{place.folder}`: {amount(need)} are needed, {amount(free)} are free",
            hint=f"free some space, or name a folder on another disk in {VARIABLE}",
        )


def fetch(
    place: Place,
    mirrors: Sequence[Mirror],
    web: Web,
    listener: Listener,
    patience: Patience,
    before: Sequence[Attempt] = (),
) -> Path:
    """Return where the model lies, after it was fetched if it was not there.

    NotHadError lists what was tried, and what was tried `before`.
    """
    model = place.model
    with place.alone(listener):
        if place.kept().here:
            return place.path
        check_room(place)
        meter = Meter(listener, model.file, model.bytes, patience.clock)
        attempts = list(before)
        with Part(place) as part:
            try:
                for mirror in mirrors:
                    listener.stage(_beginning(place, mirror, part.size))
                    refused = _from_one(web, mirror, place, part, patience, meter, listener)
                    if refused is None:
                        break
                    attempts.append(Attempt(mirror.address, refused.why))
                    listener.stage(f"{mirror.host}: {refused.why}")
                else:
                    raise NotHadError(model.file, attempts)
            except KeyboardInterrupt:
                meter.clear()
                if part.size:
                    listener.stage(
                        f"{amount(part.size)} of `{model.file}` are kept; the next fetch goes on from there"
                    )
                raise
            finally:
                meter.clear()
        place.settle()
        listener.stage(f"`{model.file}` is here, and its sha256 is the recipe's")
    return place.path


def _beginning(place: Place, mirror: Mirror, there: int) -> str:
    model = place.model
    rest = (
        f"the last {amount(model.bytes - there)} of {amount(model.bytes)}" if there else amount(model.bytes)
    )
    return f"fetching `{model.file}`, {rest}, from {mirror.host}"


def _from_one(
    web: Web,
    mirror: Mirror,
    place: Place,
    part: Part,
    patience: Patience,
    meter: Meter,
    listener: Listener,
) -> RefusedError | None:
    """Return None when the part is the model, or the last refusal of a mirror that is not worth another try."""
    failures, most = 0, part.size
    while True:
        before = part.size
        try:
            if part.size < place.model.bytes:
                transfer(web, mirror, place.model, part, patience, meter.at)
            _verify(part, place, resumed=before > 0)
        except RefusedError as refused:
            meter.clear()
            if part.size - most >= _PROGRESS:
                failures, most = 0, part.size  # a line that breaks often still brings the file
            failures += 1
            if not refused.again or failures >= patience.tries:
                return refused
            if refused.over:
                part.drop()
                continue
            wait = max(refused.wait, 3.0 ** (failures - 1))
            listener.stage(f"{mirror.host}: {refused.why}; trying again in {wait:.0f} s")
            patience.pause(wait)
        else:
            return None


def _verify(part: Part, place: Place, *, resumed: bool) -> None:
    found = part.sha256
    if found == place.model.sha256:
        return
    part.drop()
    raise RefusedError(
        f"{place.model.bytes:,} bytes, but not the file that the recipe names: sha256 {found}",
        again=resumed,  # the beginning may have been another's
    )
