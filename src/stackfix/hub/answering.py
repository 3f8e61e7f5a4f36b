"""Answering: which mirrors of a model answer now, asked all at once, within a few seconds.

So that nothing waits long for a hub that is not there. Nobody waits for a thread that hangs in a name server or
behind a firewall.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, Queue

from stackfix.hub.answer import RefusedError, Wanted, first_byte
from stackfix.hub.fetch import Attempt
from stackfix.hub.mirrors import Mirror
from stackfix.hub.transfer import asked
from stackfix.model.recipe import Model
from stackfix.web import NotAnAddressError, UnreachableError, Web

_GRACE = 0.5  # how long a better mirror may take after another has answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The mirrors that have the file, in their order; those that may have it later; and why each other has not."""

    good: tuple[Mirror, ...]
    busy: tuple[Mirror, ...]
    refused: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a mirror said: "" for yes, or why not, and whether that may change."""

    why: str
    busy: bool = False


def answering(model: Model, mirrors: Sequence[Mirror], certificate: str, seconds: float) -> Answers:
    """Return which mirrors answer with the file within so many seconds."""
    answers: Queue[tuple[Mirror, _Said]] = Queue()
    for mirror in mirrors:
        work = (mirror, model, certificate, seconds, answers)
        threading.Thread(target=_ask, args=work, daemon=True).start()
    heard: dict[Mirror, _Said] = {}
    end = time.monotonic() + seconds
    while len(heard) < len(mirrors):
        try:
            mirror, said = answers.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            break
        heard[mirror] = said
        if not said.why:
            end = min(end, time.monotonic() + _GRACE)
    answered = any(not said.why for said in heard.values())
    # another was quicker, which says nothing of this one
    late = _Said("no answer yet", busy=True) if answered else _Said(f"no answer within {seconds:g} s")
    said_by = [(mirror, heard.get(mirror, late)) for mirror in mirrors]
    return Answers(
        good=tuple(mirror for mirror, said in said_by if not said.why),
        busy=tuple(mirror for mirror, said in said_by if said.busy),
        refused=tuple(Attempt(mirror.address, said.why) for mirror, said in said_by if said.why),
    )


def _ask(
    mirror: Mirror, model: Model, certificate: str, seconds: float, answers: Queue[tuple[Mirror, _Said]]
) -> None:
    web = Web(certificate=certificate, connect_seconds=seconds, read_seconds=seconds)
    try:
        with asked(web, mirror, {"Range": "bytes=0-0", "Accept-Encoding": "identity"}) as response:
            first_byte(response.status, response.headers, Wanted(size=model.bytes))
        said = _Said("")
    except NotAnAddressError:
        said = _Said("is not an address")
    except UnreachableError as error:
        said = _Said(error.message)
    except RefusedError as error:
        said = _Said(error.why, busy=error.again)
    finally:
        web.close()
    answers.put((mirror, said))
