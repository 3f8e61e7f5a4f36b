"""Listener: who hears of a download, and the line that is drawn for a person while bytes come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_DRAWN_EVERY = 0.2
_RATE_OVER = 5.0


class Listener(Protocol):
    """Hears of every stage. `bars` is whether there is a terminal; then `draw` gets what is drawn on it."""

    @property
    def bars(self) -> bool:
        """Whether there is a terminal to draw on."""

    def stage(self, text: str) -> None:
        """Hear one line: what is done now, or what was found."""

    def draw(self, data: bytes) -> None:
        """Draw on the terminal."""


def amount(size: float) -> str:
    """Return bytes as people read them: 217 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            digits = 1 if size < 10 * scale else 0
            return f"{size / scale:.{digits}f} {unit}"
    return f"{size:.0f} B"


def progress_line(name: str, done: int, total: int, rate: float) -> str:
    """Return one line: how much of a file is there, how fast it comes, how long it will take."""
    line = f"{name}  {100 * done // total:3d} %  {amount(done)} of {amount(total)}"
    if rate <= 0:
        return line
    left = (total - done) / rate
    return f"{line}  {amount(rate)}/s  {left // 60:.0f} min {left % 60:02.0f} s left"


class Meter:
    """Draws the progress of one file, a few times a second, where there is a terminal."""

    def __init__(
        self, listener: Listener, name: str, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin; nothing is drawn before bytes come."""
        self._listener = listener
        self._name = name
        self._total = total
        self._clock = clock
        self._seen: list[tuple[float, int]] = []
        self._drawn: float | None = None

    def at(self, done: int) -> None:
        """Hear how many bytes are there."""
        now = self._clock()
        if not self._listener.bars or (self._drawn is not None and now < self._drawn + _DRAWN_EVERY):
            return
        self._drawn = now
        self._seen = [each for each in self._seen if each[0] >= now - _RATE_OVER and each[1] <= done]
        self._seen.append((now, done))
        began, first = self._seen[0]
        rate = (done - first) / (now - began) if now > began else 0.0
        line = progress_line(self._name, done, self._total, rate)
        self._listener.draw(f"\r{line}\x1b[K".encode())

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn is not None:
            self._listener.draw(b"\r\x1b[K")
            self._drawn = None
