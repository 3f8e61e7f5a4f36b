"""Wheel: what one release of a package needs, provides and carries on one platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from packaging.version import Version

from stackfix.model.evidence import Source
from stackfix.versions import CudaVersion


class WheelFile(Struct, frozen=True, kw_only=True):
    """One file of a release; its name carries the tags, its address comes from the index when needed."""

    name: str
    size: int
    sha256: str
    requires_python: str = ""
    uploaded: str = ""


class DeviceCode(Struct, frozen=True, kw_only=True):
    """Code for GPUs: `count` fatbin containers (or one arch list) carry exactly these images.

    `cubins` are architectures as the compiler writes them without `sm_` ("86", "90a", "120f");
    `ptx` maps a virtual architecture ("90") to the CUDA toolkit that wrote it, None when not measured.
    """

    cubins: frozenset[str]
    ptx: Mapping[str, CudaVersion | None]
    count: int = 1

    def __hash__(self) -> int:
        """Hash by what is carried, so that what follows from it can be kept."""
        return hash((self.cubins, tuple(sorted(self.ptx)), self.count))


class Wheel(Struct, frozen=True, kw_only=True):
    """One release on one platform, measured or documented.

    `key` is the version's text, by which the release is known in a problem.
    `needs` and `opens` map a feature ("" = loaded with the package, "cuda", "tensorrt") to sonames that
    the wheel itself does not carry: DT_NEEDED (or imported DLLs), and names given to dlopen.
    `provides` maps a soname to its path in the wheel. `cuda` is the toolkit it was built with or belongs to.
    `owns` are the import folders it fills. `numpy_abi` is the numpy majors its extension modules load under;
    empty means not measured. `onnx_opset` and `onnx_ir` are ceilings, None when not measured.
    `cuda_major` is the CUDA major it is built for, 0 when it has none or none could be told.
    `disagrees` says where a document says otherwise than the wheel, which is right.
    """

    package: str
    version: Version
    key: str
    source: str
    platform: str
    files: tuple[WheelFile, ...]
    requires_dist: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]
    opens: Mapping[str, frozenset[str]]
    provides: Mapping[str, str]
    cuda: tuple[CudaVersion, ...]
    cuda_major: int
    code: tuple[DeviceCode, ...]
    owns: frozenset[str]
    numpy_abi: frozenset[int]
    onnx_opset: int | None
    onnx_ir: int | None
    evidence: Source
    disagrees: tuple[str, ...] = ()

    @property
    def is_toolkit_part(self) -> bool:
        """Whether it is one of NVIDIA's own CUDA packages: `cuda` then are toolkits that ship it."""
        return self.package.startswith("nvidia-")


class ListedWheel(Struct, kw_only=True):
    """A row as the index lists it: enough to choose by; the row itself is read when it is asked for.

    `uploaded` is the ISO date of its oldest file, `provides` the sonames.
    """

    package: str
    key: str
    source: str
    uploaded: str
    cuda_major: int
    provides: frozenset[str]
    read: Callable[[], Wheel]
    _wheel: Wheel | None = None

    @property
    def wheel(self) -> Wheel:
        """The whole row."""
        if self._wheel is None:
            self._wheel = self.read()
        return self._wheel
