"""Shelf: one site-packages folder as files, and what the heads of its libraries say."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field

from stackfix.errors import MeasureError
from stackfix.measure import elf, pe
from stackfix.measure.reader import held
from stackfix.model.environment import SharedLibrary

MAX_TEXT = 64 << 20


@dataclass(slots=True)
class Shelf:
    """One site-packages folder; each folder below it is listed once, when something in it is asked for.

    `processor` is what its Python is built for, "x86_64" or "aarch64", "" where that is not known.
    """

    folder: str
    processor: str = ""
    _listed: dict[str, frozenset[str]] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        """Whether a path below the folder (it may begin with "../") is there."""
        parent, _, name = path.rpartition("/")
        return name in self.listed(parent)

    def listed(self, parent: str) -> frozenset[str]:
        """Return the names in a folder below this one; none where there is no such folder."""
        listed = self._listed.get(parent)
        if listed is None:
            try:
                listed = frozenset(os.listdir(self.at(parent)))  # noqa: PTH208 - 20,000 files: pathlib takes ten times as long
            except OSError:
                listed = frozenset()
            self._listed[parent] = listed
        return listed

    def at(self, path: str) -> str:
        """Return where a path below the folder is."""
        joined = os.path.join(self.folder, path)  # noqa: PTH118 - likewise
        return (
            os.path.normpath(joined) if path[:2] == ".." else joined
        )  # from a link's place, not its target's

    def text(self, path: str) -> str:
        """Return a text file; OSError where it cannot be read, or is no file."""
        descriptor = os.open(self.at(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                raise OSError(0, "is not a file")
            return handle.read(MAX_TEXT).decode("utf-8", "replace")


def read_library(shelf: Shelf, path: str) -> SharedLibrary:
    """Return what a library's head says of it."""
    try:
        with held(shelf.at(path)) as reader:
            if pe.is_pe(reader.read(0, min(2, reader.size))):
                imports = pe.imports(reader)
                return SharedLibrary(path=path, soname=imports.name.lower(), needed=imports.needed)
            found, processor = elf.dynamic(reader), elf.processor(reader)
    except (MeasureError, OSError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return SharedLibrary(path=path, broken=printable(reason))
    if shelf.processor and processor not in ("", shelf.processor):  # the loader passes over it
        reason = (
            f"{path}: it is built for {processor}, and the Python of this environment for {shelf.processor}"
        )
        return SharedLibrary(path=path, broken=reason)
    return SharedLibrary(
        path=path,
        soname=found.soname,
        needed=found.needed,
        run_path=found.run_path,
        run_path_first=found.run_path_first,
    )


def printable(text: str) -> str:
    """Return a text of somebody else's in one line and without what a terminal would obey."""
    line = re.sub(r"\s+", " ", text)
    return line if line.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in line)
