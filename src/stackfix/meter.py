"""Meter: one line for a person while bytes come, how much and how fast; or while something runs: what, and how long."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Protocol

_DRAWN_EVERY = 0.2
_RATE_OVER = 5.0
_TAKEN_AWAY = b"\r\x1b[K"


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


def duration(seconds: float) -> str:
    """Return a time as people read it: 2 min 05 s."""
    return f"{seconds:.0f} s" if seconds < 59.5 else f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def progress_line(name: str, done: float, total: int, rate: float, *, about: bool = False) -> str:
    """Return one line: how much of a whole is there, how fast it comes, how long it will take.

    `about` says that `done` is an estimate, by which nothing is ever all there.
    """
    percent = int(100 * done // total)
    if about:
        line = f"{name}  {min(percent, 99):3d} %  about {amount(done)} of {amount(total)}"
    else:
        line = f"{name}  {percent:3d} %  {amount(done)} of {amount(total)}"
    if rate <= 0 or done >= total:
        return line
    return f"{line}  {amount(rate)}/s  {duration((total - done) / rate)} left"


class Meter:
    """Shows how far something is: drawn a few times a second on a terminal, else said every `said_every` seconds.

    Without a terminal nothing but whole lines is said, and nothing at all where `said_every` is 0.
    """

    def __init__(
        self,
        listener: Listener,
        name: str,
        total: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        said_every: float = 0,
        about: bool = False,
    ) -> None:
        """Begin; nothing is shown before bytes come. `about` says that what `at` hears are estimates."""
        self.total = total
        self._listener = listener
        self._name = name
        self._clock = clock
        self._about = about
        self._every = _DRAWN_EVERY if listener.bars else said_every
        self._seen: list[tuple[float, float]] = []
        self._shown: float | None = None if listener.bars else clock()

    def at(self, done: float) -> None:
        """Hear how many bytes are there."""
        if not self._every:
            return
        now = self._clock()
        if self._shown is not None and now < self._shown + self._every:
            return
        self._shown = now
        over = max(_RATE_OVER, 1.5 * self._every)
        self._seen = [each for each in self._seen if each[0] >= now - over and each[1] <= done]
        self._seen.append((now, done))
        began, first = self._seen[0]
        rate = (done - first) / (now - began) if now > began else 0.0
        line = progress_line(self._name, done, self.total, rate, about=self._about)
        if self._listener.bars:
            line = line[: shutil.get_terminal_size().columns - 1]
            self._listener.draw(f"\r{line}\x1b[K".encode())
        else:
            self._listener.stage(line)

    def clear(self) -> None:
        """Take the line away."""
        if self._listener.bars and self._shown is not None:
            self._listener.draw(_TAKEN_AWAY)
            self._shown = None


class Watch:
    """Shows on a terminal what is being done now and for how long; without a terminal nothing.

    The time is that of the whole, from the first word to `clear`. A terminal that went away is no reason to end.
    """

    def __init__(
        self, listener: Listener | None, name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin; nothing is shown before the first word, and nothing at all where nobody listens."""
        self._listener = listener
        self._name = name
        self._clock = clock
        self._began = clock()
        self._shown = False

    def at(self, text: str) -> None:
        """Hear what is being done; heard again and again, so that the seconds go on."""
        if self._listener is None or not self._listener.bars:
            return
        spent = duration(self._clock() - self._began)
        room = max(0, shutil.get_terminal_size().columns - 1)
        words = f"{self._name}: {text}"[: max(0, room - len(spent) - 2)]
        self._draw(self._listener, f"\r{f'{words}  {spent}'[:room]}\x1b[K".encode())
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._listener is not None and self._shown:
            self._draw(self._listener, _TAKEN_AWAY)
            self._shown = False

    @staticmethod
    def _draw(listener: Listener, data: bytes) -> None:
        with contextlib.suppress(OSError):
            listener.draw(data)


@contextlib.contextmanager
def watching(listener: Listener | None, name: str) -> Iterator[Watch]:
    """Yield a watch whose line is gone afterwards, in whatever way it ends."""
    watch = Watch(listener, name)
    try:
        yield watch
    finally:
        watch.clear()
