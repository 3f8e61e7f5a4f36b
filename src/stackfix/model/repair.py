"""Repair: the smallest change of an environment after which every rule holds."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from stackfix.model.problem import Fact
from stackfix.model.resolution import Pin


class Put(Struct, frozen=True, kw_only=True):
    """A release comes in: new (`before` is ""), in place of another one, or again over what is left of it."""

    pin: Pin
    before: str
    why: tuple[str, ...] = ()

    @property
    def again(self) -> bool:
        """Whether it is the same release, whose files were lost or overwritten."""
        return self.before == self.pin.version


class TakenOut(Struct, frozen=True, kw_only=True):
    """A release goes, and nothing of its name comes back."""

    name: str
    version: str
    why: str


Step: TypeAlias = Put | TakenOut


class Repair(Struct, frozen=True, kw_only=True):
    """Steps, and what stays; `hook` says that the import hook has to be written (anew).

    `leftovers` are import folders that no package owns, and that go; `strays` are stray copies of CUDA libraries,
    below site-packages, that go too. `conflict` is why the packages that count can't all stay as they are, empty
    where they can. `strained` are requirements of packages without facts that the change does not keep.
    """

    steps: tuple[Step, ...]
    kept: tuple[str, ...]
    hook: bool
    leftovers: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    conflict: tuple[Fact, ...] = ()
    strained: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is done at all."""
        return bool(self.steps or self.hook or self.leftovers or self.strays)

    @property
    def download_bytes(self) -> int:
        """Bytes of the files that come in."""
        return sum(step.pin.file.size for step in self.steps if isinstance(step, Put))

    @property
    def leaving(self) -> tuple[str, ...]:
        """Names of what has to be removed first: what goes, and what comes in again or in another version."""
        return tuple(
            step.name if isinstance(step, TakenOut) else step.pin.name
            for step in self.steps
            if isinstance(step, TakenOut) or step.before
        )
