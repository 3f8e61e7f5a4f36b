"""Bundle: all that an install without a network needs, in one folder."""

from __future__ import annotations

from msgspec import Struct

from stackfix.model.lock import Lock


class BundledFile(Struct, frozen=True, kw_only=True):
    """One file of a bundle: its path in it with slashes, its size and its sha256."""

    path: str
    size: int
    sha256: str


class Bundle(Struct, frozen=True, kw_only=True):
    """A whole bundle. `models` says which networks are in it: a recipe's own by name, or "standin"."""

    lock: Lock
    name: str
    driver_floor: str
    glibc: str
    models: str
    files: tuple[BundledFile, ...]

    @property
    def bytes(self) -> int:
        """Sum of the sizes of all files."""
        return sum(each.size for each in self.files)
