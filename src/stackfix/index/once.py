"""Pages that are asked for once in a run, whoever wants them, and at the same time too."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator

from stackfix.index.transport import Answer, Transport


class Once:
    """A transport that keeps the pages which it had; who asks for one that is on its way waits for it.

    A page that could not be had is asked for again.
    """

    def __init__(self, transport: Transport) -> None:
        """Stand before another transport."""
        self._transport = transport
        self._kept: dict[tuple[str, str], Answer | None] = {}
        self._alone: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._naming = threading.Lock()

    def page(self, address: str, accept: str) -> Answer | None:
        """Return a page, None where the server says there is none; NetworkError otherwise."""
        key = (address, accept)
        with self._naming:
            alone = self._alone[key]
        with alone:
            if key not in self._kept:
                self._kept[key] = self._transport.page(address, accept)
            return self._kept[key]

    def span(self, address: str, offset: int, length: int) -> bytes:
        """Return `length` bytes of a file from `offset`; NetworkError if they cannot be had."""
        return self._transport.span(address, offset, length)

    def stream(self, address: str) -> Iterator[bytes]:
        """Yield a file in pieces; NetworkError if it cannot be had whole."""
        return self._transport.stream(address)
