"""Resolution, or Explanation: the newest set with its reasons, or why there is none."""

from __future__ import annotations

from msgspec import Struct

from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import Fact
from stackfix.model.request import Root
from stackfix.model.wheel import Wheel, WheelFile


class Pin(Struct, frozen=True, kw_only=True):
    """One package of the set; `why` are the facts by which it is in it, most direct first."""

    name: str
    version: str
    wheel: Wheel
    file: WheelFile
    why: tuple[Fact, ...]


class Newer(Struct, frozen=True, kw_only=True):
    """The next newer release of a package, and a minimal set of facts that rules it out.

    `given` are packages, decided before it, that must stay as they are for the facts to rule it out.
    """

    name: str
    version: str
    facts: tuple[Fact, ...]
    given: tuple[str, ...] = ()


class Alternative(Struct, frozen=True, kw_only=True):
    """Another set, in which `first` comes first in the order: the pins of the order's packages."""

    first: str
    packages: tuple[tuple[str, str], ...]


class Resolution(Struct, frozen=True, kw_only=True):
    """The newest set that works.

    `cuda` is the CUDA of the set ("12.8"), "" when it has none. `older` are packages of which the set cannot have a
    newer release that there is, `newer` why it cannot, as far as each was worked out. `open_facts` are requirements
    on readings that are not known: the set works where they hold. `beside` is what extras of the set ask for and the
    facts do not know: an installer resolves it under the set's pins.
    """

    device: str
    machine: Machine
    python: Interpreter
    cuda: str
    pins: tuple[Pin, ...]
    newer: tuple[Newer, ...] = ()
    older: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    open_facts: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    beside: tuple[Root, ...] = ()

    @property
    def packages(self) -> dict[str, str]:
        """Package name to version, by name."""
        return {pin.name: pin.version for pin in sorted(self.pins, key=lambda pin: pin.name)}

    @property
    def download_bytes(self) -> int:
        """Sum of the sizes of all files."""
        return sum(pin.file.size for pin in self.pins)


class Option(Struct, frozen=True, kw_only=True):
    """One way out, found by solving again: what to change, and the set that then comes out.

    `kind` is what is changed: "wish", "python", "source", "forward compatibility", "driver", "gpu", "glibc",
    "several", "machine" (one of several) or "lock" (anew). `packages` are the pins of the order's packages, beside
    the `cuda` and `python` of the set. An option that is not `verified` rests on a document: its `evidence` says
    which, and only the rest of the set was solved. `hint` says how to do it, or what to mind.
    """

    text: str
    packages: tuple[tuple[str, str], ...]
    kind: str = ""
    cuda: str = ""
    python: str = ""
    verified: bool = True
    evidence: str = ""
    hint: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """Why there is no set: a minimal conflict (leave any fact out and a set exists), and ways out.

    It is the conflict on one Python; `other_pythons` are the machine's that were tried too and have no set either.
    `outcome` says what comes of it, where it is about a set that was given.
    """

    device: str
    machine: Machine
    python: Interpreter
    conflict: tuple[Fact, ...]
    options: tuple[Option, ...] = ()
    other_pythons: tuple[str, ...] = ()
    outcome: str = "no set works"
