"""Drivers, GPUs, cuDNN and libraries as the rules ask of them, on top of the rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property

from msgspec import Struct
from packaging.version import Version

from stackfix.errors import QuestionError
from stackfix.facts.gpu_names import cards
from stackfix.facts.hardware_rows import CapabilityRow, Prepared
from stackfix.model.evidence import Source
from stackfix.rules.scene import CapabilityFacts, Dropped, Floor, Pair
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion


class OnCpu(Struct, frozen=True, kw_only=True):
    """One measurement of DWPose on a CPU beside a GPU: in words, and how many times longer it took."""

    text: str
    times: float
    source: Source


class Hardware(Struct, frozen=True, dict=True):
    """The rules' view of the prepared facts; what is asked twice is worked out once."""

    prepared: Prepared

    def floor(self, cuda_major: int, system: str, *, wsl: bool) -> Floor | None:
        """Return the oldest driver of a CUDA major; WSL reports Windows numbers."""
        for row in self.prepared.drivers.floor:
            if row.major == cuda_major:
                text = row.windows if system == "windows" or wsl else row.linux
                return Floor(driver=DriverVersion.parse(text), source=self._source(row.method, row.source))
        return None

    @cached_property
    def _minors(self) -> tuple[CudaVersion, ...]:
        return tuple(
            sorted({CudaVersion.parse(row.cuda) for row in self.prepared.drivers.minor}, reverse=True)
        )

    def cuda_minors(self) -> Sequence[CudaVersion]:
        """Return every CUDA minor, newest first."""
        return self._minors

    def driver_steps(self, system: str, *, wsl: bool) -> Sequence[DriverVersion]:
        """Return the floors and the first number of each branch, oldest first.

        On Windows a branch starts above its own number: 570 at 570.65, 535 at 536.25. Where the first is not
        on record, the branch itself stands.
        """
        return self._windows_steps if system == "windows" or wsl else self._linux_steps

    @cached_property
    def _linux_steps(self) -> tuple[DriverVersion, ...]:
        drivers = self.prepared.drivers
        texts = {row.linux for row in drivers.floor} | {str(row.branch) for row in drivers.branch}
        return tuple(sorted(DriverVersion.parse(text) for text in texts))

    @cached_property
    def _windows_steps(self) -> tuple[DriverVersion, ...]:
        drivers = self.prepared.drivers
        floors = [DriverVersion.parse(row.windows) for row in drivers.floor]
        first = {row.branch: DriverVersion.parse(str(row.branch)) for row in drivers.branch}
        released = [DriverVersion.parse(row.windows) for row in drivers.release if row.windows]
        for driver in sorted({*floors, *released}, reverse=True):
            first[self.branch_of(driver)] = driver
        return tuple(sorted({*floors, *first.values()}))

    def forward_packages(
        self, driver: DriverVersion, system: str, kind: str
    ) -> Sequence[tuple[str, CudaVersion]]:
        """Return the forward-compatibility packages for a kind of GPU on a driver, newest CUDA first.

        They let an older driver run a newer CUDA on data-centre GPUs and Jetsons under Linux; `kind` is that of
        gpus.toml. RTX boards that NVIDIA admits by name are not on record, so nothing is offered for them.
        """
        scope = self.prepared.drivers.forward
        if system not in scope.systems or kind not in scope.kinds:
            return ()
        branch = self.branch_of(driver)
        found = [
            (row.package, CudaVersion.parse(row.cuda))
            for row in self.prepared.drivers.forward_compatibility
            if branch in row.on_branches
        ]
        return sorted(found, key=lambda one: one[1], reverse=True)

    def forward_source(self, package: str) -> Source:
        """Return where it stands what a forward-compatibility package is for."""
        row = next(row for row in self.prepared.drivers.forward_compatibility if row.package == package)
        return self._source(row.method, row.source)

    def gpu_kind(self, name: str) -> str:
        """Return the kind of the boards that a name may mean, "" where it is not on record or they differ."""
        try:
            kinds = {row.kind for row in cards(name, self.prepared.gpus)}
        except QuestionError:
            return ""
        return kinds.pop() if len(kinds) == 1 else ""

    @cached_property
    def _branches(self) -> tuple[int, ...]:
        drivers = self.prepared.drivers
        named = {row.branch for row in drivers.branch} | {row.branch for row in drivers.release}
        return tuple(
            sorted(named | {row.ptx_driver_branch for row in drivers.minor if row.ptx_driver_branch})
        )

    def branch_of(self, driver: DriverVersion) -> int:
        """Return a driver's branch: on Windows numbers run above it (581.80 is of branch 580)."""
        return max((branch for branch in self._branches if branch <= driver.branch), default=driver.branch)

    def ptx_branch(self, toolkit: CudaVersion) -> int | None:
        """Return the driver branch that understands a toolkit's PTX, None where no document names it."""
        for row in self.prepared.drivers.minor:
            if row.cuda == str(toolkit):
                return row.ptx_driver_branch or None
        return None

    @cached_property
    def _capabilities(self) -> dict[ComputeCapability, CapabilityRow]:
        return {ComputeCapability.parse(row.capability): row for row in self.prepared.gpus.capability}

    def capability(self, capability: ComputeCapability) -> CapabilityFacts | None:
        """Return what is known of a compute capability."""
        row = self._capabilities.get(capability)
        if row is None:
            return None
        return CapabilityFacts(
            architecture=row.architecture,
            first_cuda=CudaVersion.parse(row.first_cuda),
            last_cuda=CudaVersion.parse(row.last_cuda) if row.last_cuda else None,
            first_driver_branch=row.first_driver_branch or None,
            last_driver_branch=row.last_driver_branch or None,
            source=self._source(row.method, row.source),
        )

    def first_cuda_of_family(self, capability: ComputeCapability) -> CudaVersion | None:
        """Return the first CUDA with code that runs on it: code of its major, of its minor or a lower one."""
        firsts = [
            CudaVersion.parse(row.first_cuda)
            for other, row in self._capabilities.items()
            if other.major == capability.major and other <= capability
        ]
        return min(firsts, default=None)

    def known_capabilities(self) -> Sequence[ComputeCapability]:
        """Return every compute capability on record."""
        return tuple(self._capabilities)

    def cudnn_minimum(self, version: Version) -> Dropped | None:
        """Return the lowest capability that a cuDNN release has code for, where releases dropped some.

        Which CUDA it is built for makes no difference: builds of one release have dropped the same.
        """
        dropped = [row for row in self.prepared.cudnn.rule if row.min_capability and row.from_]
        reached = [row for row in dropped if version >= Version(row.from_)]
        if not reached:
            return None
        row = max(reached, key=lambda one: Version(one.from_))
        return Dropped(
            first=row.from_,
            capability=ComputeCapability.parse(row.min_capability),
            source=self._source(row.method, row.source),
        )

    def pairs(self, package: str) -> Sequence[Pair]:
        """Return the recorded pairs of a package."""
        return [
            Pair(
                package=row.package,
                version=row.version,
                beside=row.beside,
                beside_version=row.beside_version,
                source=self._source(row.method, row.source),
            )
            for row in self.prepared.pairs.pair
            if row.package == package
        ]

    def on_cpu(self) -> Sequence[OnCpu]:
        """Return how much longer DWPose takes on a CPU, as others measured it."""
        speed = self.prepared.speed
        return [
            OnCpu(
                text=f"{row.what} took {row.cpu}, {row.gpu}",
                times=row.cpu_ms / row.gpu_ms,
                source=Source(method=row.method, where=row.source, seen=speed.seen),
            )
            for row in speed.measurement
        ]

    def _source(self, method: str, where: str) -> Source:
        return Source(method=method, where=where, seen=self.prepared.drivers.seen)


_VERSION = re.compile(r"(?<=\.so)(\.\d+)+$|64_\d+(?=\.dll$)")  # libcudnn.so.9, cudnn64_9.dll


class Libraries(Struct, frozen=True, dict=True):
    """What system and driver bring, and which opened libraries a feature needs."""

    prepared: Prepared

    @cached_property
    def _brought(self) -> dict[str, frozenset[str]]:
        rows = self.prepared.libraries.brought
        return {
            who: frozenset(name for row in rows if row.who == who for name in row.sonames)
            for who in ("system", "driver", "nobody")
        }

    def is_system(self, soname: str) -> bool:
        """Whether every supported system brings it."""
        return soname in self._brought["system"]

    def is_driver(self, soname: str) -> bool:
        """Whether the NVIDIA driver brings it."""
        return soname in self._brought["driver"]

    def is_missing(self, soname: str) -> bool:
        """Whether it is on record that nothing brings it: a wheel that needs it was built wrong."""
        return soname in self._brought["nobody"]

    def opened_and_required(self, soname: str, feature: str) -> bool:
        """Whether the feature cannot do without it, though it is only opened by name."""
        stem = _VERSION.sub("", soname)
        return any(row.feature == feature and stem in row.names for row in self.prepared.libraries.opened)

    def plugins(self, features: Collection[str]) -> frozenset[str]:
        """Return the file names of the libraries that these features load by path."""
        rows = self.prepared.libraries.plugin
        return frozenset(name for row in rows if row.feature in features for name in row.names)
