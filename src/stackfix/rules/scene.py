"""Scene: what every rule may look at, whether the set is planned or already installed.

A rule turns one wheel into requirements on other nodes. The solver asks them of the database before anything
is downloaded; the doctor asks the same ones of what is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from stackfix.model.evidence import Known, Source
from stackfix.model.facts import Hardware, Libraries
from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import Fact, Requirement
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.versions import ComputeCapability

UNKNOWN = "unknown"

HYPOTHETICAL_PYTHONS = tuple(f"3.{minor}" for minor in range(15, 7, -1))


class Facts(Protocol):
    """The database as the rules ask it; reading happens behind it, only for what is asked."""

    @property
    def hardware(self) -> Hardware:
        """Drivers, GPUs and cuDNN."""

    @property
    def libraries(self) -> Libraries:
        """What the system and the driver provide, and which dlopened libraries matter."""

    def wheels(self, package: str) -> Sequence[Wheel]:
        """All rows of a package, newest first, every platform and source; empty when there are none."""

    def providers(self, soname: str) -> Sequence[str]:
        """Names of the packages whose rows provide `soname`."""

    def owners(self, folder: str) -> Sequence[str]:
        """Names of the packages whose rows fill the import folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One machine, one Python, one selection of the database.

    `device` is "gpu" or "cpu"; on "cpu" nothing is asked of drivers and kernels. `features` says which
    optional parts of a package are wanted ("onnxruntime-gpu" -> {"cuda"}). `sources` are the indexes allowed.
    """

    facts: Facts
    machine: Machine
    python: Interpreter
    device: str
    features: Mapping[str, frozenset[str]]
    sources: frozenset[str]
    newest_before: str = ""
    _releases: dict[str, dict[str, tuple[Wheel, ...]]] = field(default_factory=dict)

    def releases(self, package: str) -> Mapping[str, tuple[Wheel, ...]]:
        """Return version -> rows for this platform and these sources, newest first."""
        found = self._releases.get(package)
        if found is None:
            found = {}
            for wheel in self.facts.wheels(package):
                if self._admits(wheel):
                    key = str(wheel.version)
                    found[key] = (*found.get(key, ()), wheel)
            self._releases[package] = found
        return found

    def _admits(self, wheel: Wheel) -> bool:
        if wheel.platform not in ("any", self.machine.platform.label) or wheel.source not in self.sources:
            return False
        if not self.newest_before:
            return True
        return any(file.uploaded and file.uploaded < self.newest_before for file in wheel.files)

    @property
    def glibc(self) -> tuple[int, int] | None:
        """The machine's glibc, or None where it is not known."""
        return self.machine.glibc.value if isinstance(self.machine.glibc, Known) else None

    def capabilities(self) -> Sequence[tuple[int, ComputeCapability]]:
        """Return index and compute capability of every GPU that has to be served and whose is known."""
        gpus = self.machine.gpus.value if isinstance(self.machine.gpus, Known) else ()
        return [
            (gpu.index, gpu.compute_capability.value)
            for gpu in gpus
            if isinstance(gpu.compute_capability, Known)
        ]

    def gpu_keys(self, index: int) -> Sequence[str]:
        """Return the keys of a GPU's node: its own capability, then others for the sake of argument."""
        here = dict(self.capabilities()).get(index)
        if here is None:
            return (UNKNOWN,)
        others = sorted(self.facts.hardware.known_capabilities(), reverse=True)
        return (str(here), *(str(other) for other in others if other != here))

    def driver_keys(self) -> Sequence[str]:
        """Return the keys of the driver's node: this machine's, then the floors and branches above and below."""
        driver = self.machine.driver
        if not isinstance(driver, Known):
            return (UNKNOWN,)
        here = str(driver.value)
        others = self.facts.hardware.driver_steps(self.machine.platform.os, wsl=self.machine.wsl)
        return (here, *(str(other) for other in others if other != driver.value))

    def cuda_keys(self) -> Sequence[str]:
        """Return the CUDA minors that exist, newest first."""
        return [str(minor) for minor in self.facts.hardware.cuda_minors()]

    def python_keys(self) -> Sequence[str]:
        """Return the keys of the Python's node: this scene's, then others for the sake of argument."""
        here = self.python.version.minor_version
        return (here, *(one for one in HYPOTHETICAL_PYTHONS if one != here))

    def wanted_features(self, package: str) -> Collection[str]:
        """Return the features of a package that count; what loads with the package always does."""
        return {"", *self.features.get(package, frozenset())}


Rule: TypeAlias = Callable[[Wheel, WheelFile, Scene], Iterator[Requirement]]


def wheel_source(wheel: Wheel, file: WheelFile, method: str = "") -> Source:
    """Return the source of a fact that was read from a wheel."""
    return Source(method=method or wheel.evidence.method, where=file.name, seen=wheel.evidence.seen)


def fact(text: str, rule: str, source: Source) -> Fact:
    """Return a fact that the user cannot change."""
    return Fact(text=text, rule=rule, source=source)
