"""Scene: what every rule may look at, whether the set is planned or already installed.

A rule turns one wheel into requirements on other nodes. The solver asks them of the database before anything
is downloaded; the doctor asks the same ones of what is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol, TypeAlias

from msgspec import Struct, field
from packaging.version import Version

from stackfix.model.evidence import Known, Source
from stackfix.model.growth import Documented
from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import Fact, Requirement
from stackfix.model.recipe import ModelFormat
from stackfix.model.wheel import AnyFile, ListedWheel, Listing, RowKind, TitledRow, Wheel, WheelFile
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion

UNKNOWN = "unknown"
HYPOTHETICAL_PYTHONS = tuple(f"3.{minor}" for minor in range(15, 7, -1))


class Floor(Struct, frozen=True, kw_only=True):
    """The oldest driver that runs a CUDA major, on this system's table."""

    driver: DriverVersion
    source: Source


class CapabilityFacts(Struct, frozen=True, kw_only=True):
    """First and last CUDA and driver branch of a compute capability; None where there is no such end."""

    architecture: str
    first_cuda: CudaVersion
    last_cuda: CudaVersion | None
    first_driver_branch: int | None
    last_driver_branch: int | None
    source: Source


class Dropped(Struct, frozen=True, kw_only=True):
    """From release `first` on, a library has no code below `capability`."""

    first: str
    capability: ComputeCapability
    source: Source


class Pair(Struct, frozen=True, kw_only=True):
    """`package` `version` was built beside `beside` `beside_version`."""

    package: str
    version: str
    beside: str
    beside_version: str
    source: Source


class HardwareFacts(Protocol):
    """Drivers, GPUs and cuDNN, as the rules ask of them."""

    def floor(self, cuda_major: int, system: str, *, wsl: bool) -> Floor | None:
        """Return the oldest driver for a CUDA major ("linux", "windows"; WSL counts as windows)."""

    def cuda_minors(self) -> Sequence[CudaVersion]:
        """Return every CUDA minor, newest first."""

    def driver_steps(self, system: str, *, wsl: bool) -> Sequence[DriverVersion]:
        """Return driver releases at which something changes: floors and the first of each branch."""

    def branch_of(self, driver: DriverVersion) -> int:
        """Return the branch that a driver belongs to; Windows numbers run above their branch."""

    def ptx_branch(self, toolkit: CudaVersion) -> int | None:
        """Return the driver branch from which on the PTX that a toolkit writes is understood."""

    def capability(self, capability: ComputeCapability) -> CapabilityFacts | None:
        """Return what is known of a compute capability."""

    def first_cuda_of_family(self, capability: ComputeCapability) -> CudaVersion | None:
        """Return the first CUDA with code that runs on it: the earliest of its major up to its minor."""

    def gpu_kind(self, name: str) -> str:
        """Return what kind of board a GPU's name stands for ("datacenter"), "" where that is not known."""

    def forward_packages(
        self, driver: DriverVersion, system: str, kind: str
    ) -> Sequence[tuple[str, CudaVersion]]:
        """Return the forward-compatibility packages for a kind of GPU on a driver, newest CUDA first."""

    def forward_source(self, package: str) -> Source:
        """Return where it stands what a forward-compatibility package is for."""

    def known_capabilities(self) -> Sequence[ComputeCapability]:
        """Return every compute capability on record."""

    def cudnn_minimum(self, version: Version) -> Dropped | None:
        """Return which capabilities a cuDNN release has dropped."""

    def pairs(self, package: str) -> Sequence[Pair]:
        """Return the recorded pairs of a package."""


class LibraryFacts(Protocol):
    """What the system and the driver provide, and which dlopened libraries matter."""

    def is_system(self, soname: str) -> bool:
        """Whether every supported system brings it (libc.so.6)."""

    def is_driver(self, soname: str) -> bool:
        """Whether the NVIDIA driver brings it (libcuda.so.1)."""

    def opened_and_required(self, soname: str, feature: str) -> bool:
        """Whether a feature cannot do without a library that it opens by name."""


class Facts(Protocol):
    """The database as the rules ask it; reading happens behind it, only for what is asked."""

    @property
    def hardware(self) -> HardwareFacts:
        """Drivers, GPUs and cuDNN."""

    @property
    def libraries(self) -> LibraryFacts:
        """What the system and the driver provide, and which dlopened libraries matter."""

    @property
    def date(self) -> str:
        """The newest date on which a wheel was measured (ISO)."""

    def knows(self, package: str) -> bool:
        """Whether there is any row of a package, for whatever platform."""

    def is_whole(self, package: str) -> bool:
        """Whether there is a row of every release of a package between the oldest and the newest that have one.

        What is missing between those two does not exist; of all other packages only some releases have rows.
        """

    def listed(self, package: str, platform: str) -> Sequence[ListedWheel]:
        """Rows of a package that serve a platform ("linux_x86_64"), newest first, every source."""

    def providers(self, soname: str) -> Sequence[str]:
        """Names of the packages whose rows provide `soname`."""

    def majors(self, package: str) -> Sequence[int]:
        """CUDA majors that the package's rows are built for; 0 among them where none could be told."""

    def owners(self, folder: str) -> Sequence[str]:
        """Names of the packages whose rows fill the import folder."""

    def documented(self, package: str, platform: str) -> Sequence[Documented]:
        """Return what documents say that other indexes hold of a package; nothing of it was measured."""

    def held_by(self, index: str) -> Collection[str]:
        """Packages that an index beside the main one is said to hold."""

    def serves_any_minor(self, index: str) -> bool:
        """Whether an index's builds are linked to a CUDA major and serve every minor of it."""


def provider_key(package: str, key: str) -> str:
    """Return the key of a release in the node of a library that it provides."""
    return f"{package} {key}"


class Releases(Mapping[str, tuple[Wheel, ...]]):
    """Version -> rows, newest first; a row is read when it is asked for."""

    def __init__(self, listing: Listing) -> None:
        """Read nothing yet."""
        self.listing = listing
        self._last = dict(zip(listing.keys, range(len(listing)), strict=True))
        self._read: dict[str, tuple[Wheel, ...]] = {}

    def __getitem__(self, key: str) -> tuple[Wheel, ...]:
        """Return the rows of one release."""
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = tuple([self.listing[place].wheel for place in self._places(key)])
        return found

    def __contains__(self, key: object) -> bool:
        """Whether there is a row of a release: told without reading it."""
        return key in self._last

    def __iter__(self) -> Iterator[str]:
        """Yield the versions, newest first."""
        return iter(self._last)

    def __len__(self) -> int:
        """Return the number of releases."""
        return len(self._last)

    def _places(self, key: str) -> range:
        """Return where the rows of a release are listed, which is side by side."""
        first = last = self._last[key]
        while first and self.listing.keys[first - 1] == key:
            first -= 1
        return range(first, last + 1)

    def like(self, key: str) -> tuple[int, ...]:
        """Return the places of a release's rows, in their order, among the kinds that the index knows."""
        return tuple([self.listing.like[place] for place in self._places(key)])

    def kinds(self, key: str) -> Sequence[RowKind]:
        """Return what the index says of a release's rows, in their order."""
        return [self.listing.kind(place) for place in self._places(key)]

    def providing(self, soname: str, cuda_major: int) -> Iterator[int]:
        """Yield the place of the first row of each release, newest first, that provides a soname for a CUDA major (0: any)."""
        kinds = [
            soname in kind.provides and (not cuda_major or kind.cuda_major in {0, cuda_major})
            for kind in self.listing.kinds
        ]
        last = ""
        for place, like in enumerate(self.listing.like if any(kinds) else ()):
            key = self.listing.keys[place]
            if key != last and kinds[like]:
                yield place
            last = key

    @cached_property
    def has_local(self) -> bool:
        """Whether some release is a local build such as 2.6.0+cu126, which `==2.6.0` admits too."""
        return any("+" in key for key in self)

    @cached_property
    def keys_newest_first(self) -> tuple[str, ...]:
        """The versions in order, for searching."""
        return tuple(self)


class Scene(Struct, frozen=True, kw_only=True):
    """One machine, one Python, one selection of the database.

    `device` is "gpu" or "cpu"; on "cpu" nothing is asked of drivers and kernels. `features` says which
    optional parts of a package are wanted ("onnxruntime-gpu" -> {"cuda"}). `sources` are the indexes allowed.
    `constrained` are the packages of which something is asked "if they are there", `apart` installed parts of CUDA that
    may be of another toolkit. `admitted` keeps which releases a specifier of a package admits, once it was asked.
    """

    facts: Facts
    machine: Machine
    python: Interpreter
    device: str
    features: Mapping[str, frozenset[str]]
    sources: frozenset[str]
    newest_before: str = ""
    formats: tuple[ModelFormat, ...] = ()
    constrained: frozenset[str] = frozenset()
    apart: Mapping[str, str] = field(default_factory=dict)
    admitted: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    _gpus: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _cuda: list[str] = field(default_factory=list)
    _releases: dict[str, Releases] = field(default_factory=dict)
    _provided: dict[tuple[str, int], Mapping[str, int]] = field(default_factory=dict)
    _provider_keys: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)

    def releases(self, package: str) -> Releases:
        """Return version -> rows for this platform and these sources, newest first."""
        found = self._releases.get(package)
        if found is None:
            listing = Listing.of(self.facts.listed(package, self.machine.platform.label))
            if any(kind.source not in self.sources for kind in listing.kinds):
                listing = listing.only(
                    place for place in range(len(listing)) if listing.kind(place).source in self.sources
                )
            # of helper packages few releases have rows: a newer one stands for those that are not on record
            if self.newest_before and (self.facts.is_whole(package) or package == "numpy"):
                listing = listing.only(
                    place for place in range(len(listing)) if self._is_older(listing, place)
                )
            found = self._releases[package] = Releases(listing)
        return found

    def _is_older(self, listing: Listing, place: int) -> bool:
        uploaded = listing.uploaded[place]
        return bool(uploaded and uploaded < self.newest_before)

    def providers(self, soname: str, cuda_major: int) -> Iterator[ListedWheel]:
        """Yield the rows that provide a soname for a CUDA major (0: any), newest first within each package."""
        for _, releases in self._providing(soname, cuda_major):
            for place in releases.providing(soname, cuda_major):
                yield releases.listing[place]

    def provided(self, soname: str, cuda_major: int) -> Mapping[str, int]:
        """Return the keys of those rows in the node of the library, each with the CUDA major that it is built for."""
        found = self._provided.get((soname, cuda_major))
        if found is None:
            found = self._provided[soname, cuda_major] = {
                provider_key(package, releases.listing.keys[place]): releases.listing.kind(place).cuda_major
                for package, releases in self._providing(soname, cuda_major)
                for place in releases.providing(soname, cuda_major)
            }
        return found

    def provider_keys(self, soname: str, cuda_major: int) -> frozenset[str]:
        """Return those keys as every wheel that needs the library asks them."""
        found = self._provider_keys.get((soname, cuda_major))
        if found is None:
            found = self._provider_keys[soname, cuda_major] = frozenset(self.provided(soname, cuda_major))
        return found

    def _providing(self, soname: str, cuda_major: int) -> Iterator[tuple[str, Releases]]:
        """Yield the packages that provide a soname; one none of whose releases is for the major is not even read."""
        for package in self.facts.providers(soname):
            if not cuda_major or {0, cuda_major} & set(self.facts.majors(package)):
                yield package, self.releases(package)

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

    def gpu_keys(self, index: int) -> tuple[str, ...]:
        """Return the keys of a GPU's node: its own capability, then others for the sake of argument."""
        if index not in self._gpus:
            here = dict(self.capabilities()).get(index)
            others = sorted(self.facts.hardware.known_capabilities(), reverse=True)
            listed = (str(here), *(str(other) for other in others if other != here))
            self._gpus[index] = (UNKNOWN,) if here is None else listed
        return self._gpus[index]

    def driver_keys(self) -> Sequence[str]:
        """Return the keys of the driver's node: this machine's, then the floors and branches above and below."""
        driver = self.machine.driver
        if not isinstance(driver, Known):
            return (UNKNOWN,)
        here = str(driver.value)
        others = self.facts.hardware.driver_steps(self.machine.platform.os, wsl=self.machine.wsl)
        return (here, *(str(other) for other in others if other != driver.value))

    @property
    def driver_text(self) -> str:
        """The machine's driver in two words."""
        driver = self.machine.driver
        return f"driver {driver.value}" if isinstance(driver, Known) else "the driver"

    def cuda_keys(self) -> Sequence[str]:
        """Return the CUDA minors that exist, newest first."""
        if not self._cuda:
            self._cuda.extend(map(str, self.facts.hardware.cuda_minors()))
        return self._cuda

    def cuda_minors(self, major: int) -> frozenset[str]:
        """Return the keys of a CUDA major."""
        return frozenset(key for key in self.cuda_keys() if key.partition(".")[0] == str(major))

    def python_keys(self) -> Sequence[str]:
        """Return the keys of the Python's node: this scene's, then others for the sake of argument."""
        here = self.python.version.minor_version
        return (here, *(one for one in HYPOTHETICAL_PYTHONS if one != here))

    def wanted_features(self, package: str) -> Collection[str]:
        """Return the features of a package that count; what loads with the package always does."""
        return {"", *self.features.get(package, frozenset())}


Rule: TypeAlias = Callable[[Wheel, WheelFile, Scene], Iterator[Requirement]]


def wheel_source(wheel: TitledRow, file: AnyFile, method: str = "") -> Source:
    """Return the source of a fact that was read from a wheel."""
    return Source(method=method or wheel.evidence.method, where=file.name, seen=wheel.evidence.seen)


def release_fact(
    wheel: TitledRow, says: str, rule: str, source: Source, general: str = "", *, short: str = ""
) -> Fact:
    """Return a fact about one release: "torch 2.15.0" and what is said of it."""
    return Fact(
        text=f"{wheel.package} {wheel.key} {says}",
        rule=rule,
        source=source,
        package=wheel.package,
        release=wheel.key,
        general=general or says,
        short=short,
    )


def fact(text: str, rule: str, source: Source, short: str = "") -> Fact:
    """Return a fact that the user cannot change."""
    return Fact(text=text, rule=rule, source=source, short=short)
