"""Ctrl-C and its kin: ends that leave things tidy, and steps that they have to wait for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def termination_is_an_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a cancelled job, a closed terminal) end us as tidily as Ctrl-C does: no scratch folder stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = [
        (each, signal.signal(each, leave)) for each in _ENDS if signal.getsignal(each) == signal.SIG_DFL
    ]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def no_more_interruptions() -> None:
    """Let a second Ctrl-C pass, now that all there is left to do is to say what the first one did, and to end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class Held:
    """Ctrl-C, SIGTERM and SIGHUP that wait; `let_through` is for a part in the middle that may be cut off."""

    def __init__(self) -> None:
        """Nothing is held yet; what is ignored stays ignored, and only a main thread is told of signals."""
        self._came: list[int] = []
        self._before: list[tuple[signal.Signals, Callable[[int, FrameType | None], Any]]] = []
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, *_ENDS):
                if callable(handler := signal.getsignal(each)):
                    self._before.append((each, handler))

    def hold(self) -> None:
        """Let what comes wait."""
        for each, _ in self._before:
            signal.signal(each, self._later)

    def end(self) -> None:
        """Handle signals as before, the first that came now."""
        for each, handler in self._before:
            signal.signal(each, handler)
        if self._came:
            signal.raise_signal(self._came.pop(0))

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Handle what came and what comes during the block as if nothing were held."""
        try:
            self.end()
            yield
        finally:
            self.hold()

    def _later(self, number: int, _frame: FrameType | None) -> None:
        self._came.append(number)


@contextmanager
def interruptions_wait() -> Iterator[Held]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back for a step that is short and must not be left half done."""
    held = Held()
    try:
        held.hold()
        yield held
    finally:
        held.end()
