"""What an address answered, judged before a byte of it is kept: from where it sends, or why it is not the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stackfix.measure.onnx_model import what_instead
from stackfix.web import OK, PARTIAL_CONTENT, Headers

UNAUTHORIZED = 401
RANGE_NOT_SATISFIABLE = 416
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0


class RefusedError(Exception):
    """An address does not give the file: why, whether to ask it again, and how.

    `over` is whether to ask for the whole file next time, because the rest of it can't be had. `wait` is how many
    seconds the server asked to be left alone.
    """

    def __init__(self, why: str, *, again: bool = False, over: bool = False, wait: float = 0) -> None:
        """Keep why and how."""
        super().__init__(why)
        self.why = why
        self.again = again or over
        self.over = over
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for: a file of so many bytes, from one of them on."""

    size: int
    start: int = 0
    etag: str = ""


def first_byte(status: int, headers: Headers, wanted: Wanted) -> int:
    """Return which byte of the file an answer begins with; RefusedError if it is none of the file that is wanted."""
    if status == PARTIAL_CONTENT:
        return _of_range(headers, wanted)
    if status == RANGE_NOT_SATISFIABLE and wanted.start:
        raise RefusedError(f"the server has no byte {wanted.start:,}", over=True)
    if status != OK:
        raise _refusal(status, headers)
    length = length_of(headers)
    if length is not None and length != wanted.size:
        raise RefusedError(_instead(length, wanted.size, headers))
    return 0


def length_of(headers: Headers) -> int | None:
    """Return how many bytes of the file follow, None where that is not said (or said of packed bytes)."""
    text = headers.get("Content-Length", "")
    if packed(headers) or not text.isdecimal():
        return None
    return int(text)


def packed(headers: Headers) -> bool:
    """Whether the bytes are packed for the way, though they were asked for as they are."""
    return headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}


def refuse_what_is_no_model(head: bytes, headers: Headers, size: int, *, whole: bool) -> None:
    """Raise RefusedError if a file that begins with these bytes is a page or a pointer; `whole` is whether that is all."""
    kind, words = what_instead(head)
    if kind:
        length = length_of(headers)
        known = length if length is not None and length != size else len(head) if whole else None
        of = f" of {known:,} bytes" if known is not None else ""
        raise RefusedError(f"{words}{of} instead of {size:,} bytes{_portal(kind)}")


def _of_range(headers: Headers, wanted: Wanted) -> int:
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or packed(headers):
        raise RefusedError("a part of the file, without saying which", over=wanted.start > 0)
    start, total = int(found[1]), found[3]
    if total not in {"*", str(wanted.size)}:
        raise RefusedError(f"a file of {int(total):,} bytes instead of {wanted.size:,}")
    if start != wanted.start:
        raise RefusedError(
            f"the part from byte {start:,} instead of byte {wanted.start:,}", over=wanted.start > 0
        )
    if wanted.etag and headers.get("ETag", wanted.etag) != wanted.etag:
        raise RefusedError("the file there has changed since its first part came", over=True)
    return start


def _refusal(status: int, headers: Headers) -> RefusedError:
    text = headers.get("Retry-After", "").strip()
    wait = float(text) if text.isdecimal() else 0.0
    why = f"the server answered {status}"
    if wait > _LONGEST_WAIT:
        return RefusedError(f"{why} and asks to be left alone for {wait:.0f} s")
    return RefusedError(why, again=status in _AGAIN, wait=wait)


def _instead(length: int, size: int, headers: Headers) -> str:
    if "html" in headers.get("Content-Type", "").lower():
        return f"a web page of {length:,} bytes instead of {size:,} bytes{_portal('page')}"
    return f"{length:,} bytes instead of {size:,}"


def _portal(kind: str) -> str:
    return ": a captive portal or a login page?" if kind == "page" else ""
