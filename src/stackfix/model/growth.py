"""Growth: what the index has and the facts have not, and what came of measuring it."""

from __future__ import annotations

from msgspec import Struct

from stackfix.model.evidence import Source
from stackfix.model.wheel import Wheel


class Unmeasured(Struct, frozen=True, kw_only=True):
    """Releases of a package, newest first, that are newer than the newest row and have none."""

    package: str
    versions: tuple[str, ...]

    @property
    def command(self) -> str:
        """What gives them facts."""
        return "stackfix facts measure " + " ".join(f"{self.package}=={one}" for one in self.versions)


class Compared(Struct, frozen=True, kw_only=True):
    """The index beside the facts; `problems` are packages whose page could not be had, each with the reason."""

    unmeasured: tuple[Unmeasured, ...] = ()
    problems: tuple[str, ...] = ()


class Measured(Struct, frozen=True, kw_only=True):
    """A release that was measured: its rows, what reading them took, and where they were written.

    `differs` names the fields in which the rows are not those on record; empty where `on_record` is false.
    `because` says which release asked for it, "" for one that was asked for by name.
    """

    package: str
    version: str
    platform: str
    wheels: tuple[Wheel, ...]
    read_bytes: int
    seconds: float
    written: tuple[str, ...]
    on_record: bool
    differs: tuple[str, ...] = ()
    because: str = ""


class NotMeasured(Struct, frozen=True, kw_only=True):
    """A release that is wanted and could not be measured, with the reason."""

    wanted: str
    reason: str
    because: str = ""


class Documented(Struct, frozen=True, kw_only=True):
    """A minor of a package that a document says is on an index, built with a CUDA.

    `pythons` are those that the document names, as a specifier; "" where it does not say for which Pythons.
    """

    package: str
    minor: str
    index: str
    cuda: str
    evidence: Source
    pythons: str = ""

    def excludes(self, python: str) -> bool:
        """Whether the document says that there is no build for a Python's minor."""
        from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 5 ms, and asked only where there is no set

        return not SpecifierSet(self.pythons).contains(python)
