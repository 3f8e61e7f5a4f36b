"""Meanwhile: a reading that mostly waits for a child is taken in a thread while the disk is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Meanwhile(Generic[T]):
    """What `read` returns or raises, begun at once and asked for later."""

    def __init__(self, read: Callable[[], T]) -> None:
        """Begin to read; the thread keeps nobody from ending."""
        self._read = read
        self._found: list[T] = []
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._read())
        except Exception as error:  # noqa: BLE001 - raised again where the reading is asked for
            self._failed = error

    def result(self) -> T:
        """Return the reading when it is there; raise what it raised."""
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self._found[0]
