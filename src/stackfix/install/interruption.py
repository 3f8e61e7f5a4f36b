"""Ctrl-C and its kin: ends that leave things tidy, and steps that they have to wait for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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


@contextmanager
def interruptions_wait() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back for a step that is short and must not be left half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def later(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    handled = [
        each
        for each in (signal.SIGINT, *_ENDS)
        if callable(signal.getsignal(each))  # what is ignored stays ignored
    ]
    before = [(each, signal.signal(each, later)) for each in handled]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])
