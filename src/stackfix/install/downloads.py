"""Downloads: what uv or pip says on its way, as bytes of the whole: what is left to fetch, then to unpack.

Both say which files they fetch; what lies in their cache they do not, and it is not counted. pip (24.1 and later)
says how far a file is. uv does not where there is no terminal: it unpacks as it fetches, so what its process has
written, by the packing that is usual, tells the part of the files that are on their way: an estimate, and shown as
one. Only Linux says what a process has written; elsewhere the whole moves by files.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from stackfix.meter import Listener, Meter, amount, duration
from stackfix.model.lock import Lock
from stackfix.plan.unpacked import installed_bytes

SAID_EVERY = 10.0
UNPACKED = 1.8  # bytes written for each fetched, of a whole set of CUDA: it tells how far a download is
_NOTEWORTHY = 64 << 20  # where files are linked from a cache, hardly anything is written
_UV = re.compile(r"\s*(?P<what>Downloading|Downloaded) (?P<name>[\w.-]+)")
_UV_FETCHED = re.compile(r"Prepared \d+ package")
_PIP = re.compile(r"\s*(?P<what>Downloading|Using cached) (?:\S*/)?(?P<file>[^/\s]+\.whl)\b(?!\.)")
_PIP_AT = re.compile(r"Progress (?P<done>\d+) of \d+")
_PIP_FETCHED = re.compile(r"Installing collected packages")


def written(process: int, root: Path = Path("/proc")) -> int | None:
    """Return the bytes that a process and its children have written so far; None where the system does not say."""
    try:
        said = re.search(r"^wchar: (\d+)", (root / f"{process}/io").read_text(encoding="ascii"), re.MULTILINE)
        children = (root / f"{process}/task/{process}/children").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    if said is None:
        return None
    return int(said[1]) + sum(written(int(child), root) or 0 for child in children)


class Downloads:
    """Hears the lines of an installer, and how much it has written; shows how far the whole is."""

    def __init__(
        self,
        lock: Lock,
        kind: Literal["uv", "pip"],
        listener: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin; nothing is shown before something is fetched."""
        self._kind = kind
        self._listener = listener
        self._clock = clock
        self._began = clock()
        self._sizes = {canonicalize_name(each.name): each.file.size for each in lock.packages}
        self._names = {each.file.name: canonicalize_name(each.name) for each in lock.packages}
        self._installed = installed_bytes(lock)
        self._coming: dict[str, int] = {}
        self._fetched: dict[str, int] = {}
        self._cached: set[str] = set()
        self._of_current = 0
        self._written = 0
        self._before_unpacking: int | None = None
        self._furthest = 0.0
        self._meter = self._of("downloading", about=kind == "uv")

    def _of(self, name: str, *, about: bool) -> Meter:
        return Meter(self._listener, name, 0, self._clock, said_every=SAID_EVERY, about=about)

    def said(self, line: str) -> None:
        """Hear a line that the installer wrote."""
        if self._before_unpacking is not None:
            return
        if self._kind == "uv":
            self._said_by_uv(line)
        else:
            self._said_by_pip(line)

    def moment(self, process: int) -> None:
        """Hear that time has passed: then what the process has written is read, and the line is drawn."""
        self._written = max(self._written, written(process) or 0)
        if self._before_unpacking is not None:
            self._meter.total = self._installed
            done = min(self._written - self._before_unpacking, self._installed)
            if done > _NOTEWORTHY:
                self._meter.at(done)
        elif self._coming or self._fetched:
            self._meter.total = self._whole()
            self._furthest = max(self._furthest, self._done())
            self._meter.at(self._furthest)

    def end(self) -> None:
        """Take the line away."""
        self._meter.clear()

    def _whole(self) -> int:
        """Return the bytes to fetch: uv says all at once which, pip file by file."""
        if self._kind == "pip":
            return sum(size for name, size in self._sizes.items() if name not in self._cached)
        return sum(self._coming.values()) + sum(self._fetched.values())

    def _done(self) -> float:
        there, coming = sum(self._fetched.values()), sum(self._coming.values())
        if self._kind == "pip":
            return there + min(self._of_current, coming)
        return there + min(max(0.0, self._written / UNPACKED - there), coming)

    def _said_by_uv(self, line: str) -> None:
        if found := _UV.match(line):
            name = canonicalize_name(found["name"])
            if name not in self._sizes:
                return
            if found["what"] == "Downloading":
                self._coming[name] = self._sizes[name]
            else:
                self._coming.pop(name, None)
                self._fetched[name] = self._sizes[name]
        elif _UV_FETCHED.match(line):
            self._unpack("copying")

    def _said_by_pip(self, line: str) -> None:
        if found := _PIP_AT.match(line):
            self._of_current = int(found["done"])
        elif found := _PIP.match(line):
            self._end_of_file()
            name = self._names.get(unquote(found["file"]))
            if name is not None and found["what"] == "Using cached":
                self._cached.add(name)
            elif name is not None:
                self._coming[name] = self._sizes[name]
        elif _PIP_FETCHED.match(line):
            self._end_of_file()
            self._unpack("unpacking")

    def _end_of_file(self) -> None:
        self._fetched |= self._coming
        self._coming.clear()
        self._of_current = 0

    def _unpack(self, doing: str) -> None:
        """Say what came, and go on to what is done with it."""
        self._meter.clear()
        self._fetched |= self._coming
        self._coming.clear()
        if came := sum(self._fetched.values()):
            seconds = max(self._clock() - self._began, 0.001)
            self._listener.stage(
                f"{amount(came)} downloaded in {duration(seconds)}, {amount(came / seconds)}/s"
            )
        self._before_unpacking = self._written
        self._meter = self._of(doing, about=True)
