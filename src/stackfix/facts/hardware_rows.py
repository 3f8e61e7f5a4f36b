"""The rows of the hand-written TOML files, from drivers.toml to speed.toml; unknown keys refused.

Annotations are evaluated here, not kept as text: msgspec would compile each text before it reads a row.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

Method = Literal["documented", "measured", "secondary", "inferred"]
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every row has: how it is known, and where it stands; `note` is what else a reader should know."""

    method: Method
    source: str
    why: str = ""
    note: str = ""


class FloorRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The oldest driver of a CUDA major; `range` as NVIDIA prints it, whose end is no upper limit."""

    major: int
    linux: str
    windows: str
    range: str = ""


class ReleaseRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One toolkit release and the driver that goes with it."""

    cuda: str
    release: str
    branch: int
    version: str = ""
    toolkit: str = ""
    uploaded: str = ""
    linux: str = ""
    windows: str = ""


class MinorRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One CUDA minor: its PTX, and the driver branch that understands it (0: not known).

    `architectures` is what the NVRTC of the wheel `architectures_of` accepts, measured.
    """

    cuda: str
    ptx_isa: str
    ptx_driver_branch: int = 0
    architectures: tuple[int, ...] = ()
    architectures_of: str = ""


class BranchRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One driver branch: the newest CUDA it reports, and its life."""

    branch: int
    max_cuda: str
    kind: str = ""
    end_of_life: str = ""


class ForwardRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One forward-compatibility package."""

    package: str
    cuda: str
    on_branches: tuple[int, ...] = ()
    from_branch: int = 0


class ForwardScope(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What forward compatibility is for: kinds of GPUs, and systems."""

    kinds: tuple[str, ...]
    systems: tuple[str, ...]


class Drivers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """drivers.toml."""

    seen: str
    floor: tuple[FloorRow, ...]
    release: tuple[ReleaseRow, ...]
    minor: tuple[MinorRow, ...]
    branch: tuple[BranchRow, ...]
    forward: ForwardScope
    forward_compatibility: tuple[ForwardRow, ...]


class CapabilityRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One compute capability; "" and 0 where it has no such end."""

    capability: str
    architecture: str
    first_cuda: str
    last_cuda: str = ""
    first_driver_branch: int = 0
    last_driver_branch: int = 0
    jetson: bool = False


class GpuRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One GPU name; `processor` is the one that it exists with alone, "" where it is a card for any."""

    name: str
    capability: str
    kind: str = ""
    processor: str = ""
    processor_source: str = ""


class Gpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """gpus.toml."""

    seen: str
    capability: tuple[CapabilityRow, ...]
    gpu: tuple[GpuRow, ...]


class CudnnRuleRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule about cuDNN releases."""

    id: str
    cuda_major: int = 0
    first: str = ""
    last: str = ""
    min_capability: str = ""
    from_: str = msgspec.field(name="from", default="")
    min_cuda: str = ""
    linux: str = ""
    windows: str = ""
    min_driver_branch: int = 0


class CudnnSupportRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a support matrix or a wheel says of one cuDNN release."""

    cudnn: str
    cuda_major: int
    cuda: tuple[str, ...] = ()
    linux: str = ""
    windows: str = ""
    capabilities: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    min_capability: str = ""
    min_driver_branch: int = 0


class CudnnBuildRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Releases of one package that exist for the same systems; "" where their capabilities are not known."""

    package: str
    cuda_major: int
    platforms: tuple[str, ...]
    versions: tuple[str, ...]
    min_capability: str = ""
    yanked: bool = False


class Cudnn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """cudnn.toml."""

    seen: str
    rule: tuple[CudnnRuleRow, ...]
    support: tuple[CudnnSupportRow, ...]
    build: tuple[CudnnBuildRow, ...]


class PairRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A release and the release it was built beside, where metadata leaves it open."""

    package: str
    version: str
    beside: str
    beside_version: str


class Pairs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """pairs.toml."""

    seen: str
    pair: tuple[PairRow, ...]


class OpenedRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Libraries that a feature opens by name and cannot do without; `names` are sonames without version."""

    feature: str
    names: tuple[str, ...]


class SystemRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sonames that the system ("system") or the NVIDIA driver ("driver") brings, or that nothing does ("nobody")."""

    who: Literal["system", "driver", "nobody"]
    sonames: tuple[str, ...]


class PluginRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """File names of the libraries that a feature loads by path."""

    feature: str
    names: tuple[str, ...]


class Libraries(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """libraries.toml."""

    seen: str
    brought: tuple[SystemRow, ...]
    opened: tuple[OpenedRow, ...]
    plugin: tuple[PluginRow, ...]


class Toolkit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """NVIDIA's wheels of CUDA: each part goes by its name with each of the suffixes."""

    parts: tuple[str, ...]
    suffixes: tuple[str, ...]

    def names(self) -> frozenset[str]:
        """Return the names of all these packages."""
        return frozenset(f"nvidia-{part}{suffix}" for part in self.parts for suffix in self.suffixes)


class PlainRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A package of which some releases have rows; with `oldest`, one of each minor from there on."""

    package: str
    oldest: str = ""


class Packages(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """packages.toml; `since` gives the oldest release that has a row."""

    seen: str
    since: dict[str, str]
    toolkit: Toolkit
    plain: tuple[PlainRow, ...]


class SpeedRow(_Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What DWPose, or a part of it, takes on a CPU and on a GPU: in words, and in milliseconds."""

    what: str
    cpu: str
    cpu_ms: Positive
    gpu: str
    gpu_ms: Positive


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """speed.toml."""

    seen: str
    measurement: tuple[SpeedRow, ...]


class Prepared(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of these in one, with a digest of the TOML files it was made from."""

    digest: str
    drivers: Drivers
    gpus: Gpus
    cudnn: Cudnn
    pairs: Pairs
    libraries: Libraries
    packages: Packages
    speed: Speed
