"""Matrix: what goes with what on one machine, a row for each minor of torch."""

from __future__ import annotations

from msgspec import Struct

from stackfix.model.machine import Machine
from stackfix.model.problem import Fact


class Refused(Struct, frozen=True, kw_only=True):
    """A package that a row cannot have, the reason in a few words, and the minimal conflict that it comes from."""

    package: str
    reason: str
    conflict: tuple[Fact, ...]


class Row(Struct, frozen=True, kw_only=True):
    """The newest set with one release: its packages, CUDA, cuDNN and Python; and the Pythons that these go with.

    `python` is one of the machine's where one serves (`here`), else the newest that does; "" where the release itself
    is refused, and then `refused` says why. `newest` marks the row that `resolve` gives. `cpu_build` says that
    nothing of CUDA was found in the release though a GPU is asked for: it goes with the others, and runs on the CPU.
    """

    release: str
    packages: tuple[tuple[str, str], ...] = ()
    cuda: str = ""
    cudnn: str = ""
    python: str = ""
    pythons: tuple[str, ...] = ()
    here: bool = False
    newest: bool = False
    cpu_build: bool = False
    refused: tuple[Refused, ...] = ()


class Matrix(Struct, frozen=True, kw_only=True):
    """All rows, newest release first: `package` is what they are rows of, `beside` what goes with it."""

    device: str
    machine: Machine
    package: str
    beside: tuple[str, ...]
    rows: tuple[Row, ...]
