"""Pages of several packages at once, within a time limit: what answered by then is the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from queue import Empty, Queue

from stackfix.errors import NetworkError, StackfixError
from stackfix.index.config import index_config
from stackfix.index.network import open_transport
from stackfix.index.once import Once
from stackfix.index.simple import IndexFile, project

Page = tuple[str, tuple[IndexFile, ...] | StackfixError]


class Pages:
    """Project pages that are being asked for; nobody waits for them before `answers`."""

    def __init__(self, packages: Sequence[str], tries: int = 1) -> None:
        """Start asking, in threads that an ending process does not wait for.

        `transport` gives the same pages to others; `tries` says how often at most, 0 for as configured.
        """
        self.transport = Once(open_transport(tries=tries))
        self._packages = tuple(packages)
        self._answers: Queue[Page] = Queue()
        threading.Thread(target=self._start, daemon=True).start()

    def _start(self) -> None:
        try:
            config = index_config()
        except StackfixError as error:
            for package in self._packages:
                self._answers.put((package, error))
            return
        for package in self._packages:
            threading.Thread(target=self._ask, args=(config.address, package), daemon=True).start()

    def _ask(self, address: str, package: str) -> None:
        try:
            self._answers.put((package, project(self.transport, address, package)))
        except StackfixError as error:
            self._answers.put((package, error))

    def answers(self, seconds: float) -> dict[str, tuple[IndexFile, ...] | StackfixError]:
        """Return package -> its files, or why they are not known; a page that takes longer is a NetworkError."""
        end = time.monotonic() + seconds
        found: dict[str, tuple[IndexFile, ...] | StackfixError] = {}
        while len(found) < len(self._packages):
            try:
                package, answer = self._answers.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                break
            found[package] = answer
        late = NetworkError(f"the index did not answer within {seconds:g} s")
        return {package: found.get(package, late) for package in self._packages}
