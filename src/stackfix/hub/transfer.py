"""Transfer: what one address still has to send of a model, added to its part; or why it can't be had there."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stackfix.hub.answer import (
    UNAUTHORIZED,
    RefusedError,
    Wanted,
    first_byte,
    packed,
    refuse_what_is_no_model,
)
from stackfix.hub.mirrors import Mirror
from stackfix.hub.part import Part
from stackfix.measure.onnx_model import HEAD
from stackfix.model.recipe import Model
from stackfix.web import OK, NotAnAddressError, Response, UnreachableError, Web, public

_PIECE = 1 << 18
_TRICKLE = 1024  # bytes a second below which a download counts as stalled


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait: for a connection, for bytes, between tries; and how often to try one address."""

    connect_seconds: float = 10
    stall_seconds: float = 30
    tries: int = 4
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def transfer(
    web: Web, mirror: Mirror, model: Model, part: Part, patience: Patience, heard: Callable[[int], None]
) -> None:
    """Fill the part from one address to its last byte; RefusedError says why not, and whether to ask again.

    What came stays in the part, unless it can't be of the file. `heard` hears how many bytes are there.
    """
    shown = public(mirror.address)  # a password is no part of what is kept
    same = part.address == shown
    etag = part.etag if part.size and same and not part.etag.startswith("W/") else ""
    wanted = Wanted(size=model.bytes, start=part.size, etag=etag)
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if etag:
            headers["If-Range"] = etag
    try:
        with asked(web, mirror, headers) as response:
            pieces = _steady(response.arriving(_PIECE), patience)
            if response.status == OK:
                head, pieces = _head(pieces)
                refuse_what_is_no_model(head, response.headers, model.bytes, whole=len(head) < HEAD)
            start = first_byte(response.status, response.headers, wanted)
            if packed(response.headers):
                raise RefusedError("the file, packed, though it was asked for as it is")
            part.begin(shown, response.headers.get("ETag", ""), over=start == 0)
            _receive(pieces, model, part, heard)
    except NotAnAddressError as error:
        raise RefusedError("is not an address") from error
    except UnreachableError as error:
        said = f"cut off after {part.size:,} of {model.bytes:,} bytes: " if part.size else ""
        raise RefusedError(f"{said}{error.message}", again=True) from error
    finally:
        part.flush()
    if part.size < model.bytes:
        raise RefusedError(f"cut off after {part.size:,} of {model.bytes:,} bytes", again=True)


def asked(web: Web, mirror: Mirror, headers: dict[str, str]) -> Response:
    """Return the answer; a token is shown only where it is asked for."""
    response = web.get(mirror.address, headers)
    if response.status != UNAUTHORIZED or not mirror.token:
        return response
    with response:
        return web.get(mirror.address, {**headers, "Authorization": f"Bearer {mirror.token}"})


def _head(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of a body, and all of it, as far as it comes."""
    head = b""
    try:
        for piece in pieces:
            head += piece
            if len(head) >= HEAD:
                break
    except UnreachableError as error:
        return head, _broken_off(head, error)
    return head, itertools.chain((head,), pieces)


def _broken_off(head: bytes, error: UnreachableError) -> Iterator[bytes]:
    yield head
    raise error


def _receive(pieces: Iterator[bytes], model: Model, part: Part, heard: Callable[[int], None]) -> None:
    for piece in pieces:
        if part.size + len(piece) > model.bytes:
            part.drop()
            raise RefusedError(f"more than {model.bytes:,} bytes")
        part.append(piece)
        heard(part.size)


def _steady(pieces: Iterator[bytes], patience: Patience) -> Iterator[bytes]:
    """Yield pieces as long as they come at more than a trickle: a read that gets one byte in time never ends."""
    began, came = patience.clock(), 0
    for piece in pieces:
        came += len(piece)
        now = patience.clock()
        if now - began > 2 * patience.stall_seconds:
            if came < _TRICKLE * (now - began):
                raise UnreachableError(f"only {came:,} bytes came in {now - began:.0f} s")
            began, came = now, 0
        yield piece
