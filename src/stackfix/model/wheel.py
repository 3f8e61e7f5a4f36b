"""Wheel: what one release of a package needs, provides and carries on one platform."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, overload

from msgspec import Struct
from packaging.version import Version

from stackfix.model.evidence import Source
from stackfix.versions import CudaVersion

TOOLKIT_PARTS = "nvidia-"
INSTALLED = "installed"  # the source of a release that is described by what is installed of it
"""How the names of NVIDIA's own CUDA packages begin."""


class FileName(Struct, frozen=True, array_like=True):
    """What chooses among the files of a release: the name, which carries the tags, and Requires-Python."""

    name: str
    requires_python: str = ""


class WheelFile(Struct, frozen=True, kw_only=True):
    """One file of a release; its name carries the tags, its address comes from the index when needed."""

    name: str
    size: int
    sha256: str
    requires_python: str = ""
    uploaded: str = ""


AnyFile: TypeAlias = WheelFile | FileName


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
        return self.package.startswith(TOOLKIT_PARTS)


class RowTitle(Struct, frozen=True, kw_only=True):
    """What facts name of a row: of which release it is, and how that is known; a `Wheel` serves as well."""

    package: str
    key: str
    evidence: Source


class Outline(Struct, frozen=True, kw_only=True):
    """What many rows of a package say alike, beside what choosing asks: enough for the first facts about a release.

    `files` are named with `*` for the version, in the row's order. `method` and `seen` are the evidence's. `toolkit` is
    the CUDA that it was built with, "" where there is none; `code` what it carries for GPUs.
    """

    files: tuple[FileName, ...]
    method: str
    seen: str
    toolkit: str = ""
    code: tuple[DeviceCode, ...] = ()

    def title(self, package: str, key: str) -> RowTitle:
        """Return what facts name of the row of a release."""
        where = self.file(len(self.files) - 1, key).name
        return RowTitle(
            package=package, key=key, evidence=Source(method=self.method, where=where, seen=self.seen)
        )

    def file(self, place: int, key: str) -> FileName:
        """Return a file of a release's row."""
        file = self.files[place]
        return FileName(file.name.replace("*", key, 1), file.requires_python)


TitledRow: TypeAlias = Wheel | RowTitle


class ListedWheel(Struct, kw_only=True):
    """A row as the index lists it: enough to choose by; the row itself is read when it is asked for.

    `uploaded` is the ISO date of its oldest file, `provides` the sonames. `cuda` is what it asks of the set's CUDA:
    minors of which the set has to have one, a whole major as "12"; empty where that is not told here. `pins` is what it
    requires of other packages on whatever machine, as ("torch", "==2.15.0"), as far as that is told here.
    """

    package: str
    key: str
    source: str
    uploaded: str
    cuda_major: int
    provides: frozenset[str]
    cuda: tuple[str, ...] = ()
    pins: tuple[tuple[str, str], ...] = ()
    read: Callable[[], Wheel]
    _wheel: Wheel | None = None

    @property
    def wheel(self) -> Wheel:
        """The whole row."""
        if self._wheel is None:
            self._wheel = self.read()
        return self._wheel


class RowKind(Struct, frozen=True, kw_only=True):
    """What many rows of a package have in common, as `ListedWheel` says it of one; no `outline` where none is listed."""

    source: str
    cuda_major: int
    provides: frozenset[str]
    cuda: tuple[str, ...]
    pins: tuple[tuple[str, str], ...] = ()
    outline: Outline | None = None


class Listing(Sequence[ListedWheel]):
    """Rows of a package as the index lists them, in columns, newest first: a row is made when somebody looks at it.

    `keys` are the versions, `uploaded` ISO dates, `like` the place of each row's kind in `kinds`; of one release there
    are several rows where its files disagree. `make` returns the row at a place.
    """

    def __init__(
        self,
        keys: Sequence[str],
        uploaded: Sequence[str],
        like: Sequence[int],
        kinds: Sequence[RowKind],
        make: Callable[[int], ListedWheel],
    ) -> None:
        """Make no row yet."""
        self.keys, self.uploaded, self.like, self.kinds = keys, uploaded, like, kinds
        self._make = make
        self._made: dict[int, ListedWheel] = {}

    @classmethod
    def of(cls, rows: Sequence[ListedWheel]) -> Listing:
        """Return rows that there are already as a listing."""
        if isinstance(rows, Listing):
            return rows
        kinds = [
            RowKind(
                source=row.source,
                cuda_major=row.cuda_major,
                provides=row.provides,
                cuda=row.cuda,
                pins=row.pins,
            )
            for row in rows
        ]
        keys, uploaded = tuple(row.key for row in rows), tuple(row.uploaded for row in rows)
        return cls(keys, uploaded, range(len(rows)), kinds, rows.__getitem__)

    def only(self, places: Iterable[int]) -> Listing:
        """Return the rows at some places, in their order."""
        kept = tuple(places)
        return Listing(
            tuple([self.keys[place] for place in kept]),
            tuple([self.uploaded[place] for place in kept]),
            tuple([self.like[place] for place in kept]),
            self.kinds,
            lambda place: self[kept[place]],
        )

    def kind(self, place: int) -> RowKind:
        """Return what a row has in common with others."""
        return self.kinds[self.like[place]]

    @overload
    def __getitem__(self, place: int) -> ListedWheel: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[ListedWheel]: ...

    def __getitem__(self, place: int | slice) -> ListedWheel | Sequence[ListedWheel]:
        """Return the row at a place."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        found = self._made.get(place)
        if found is None:
            found = self._made[place] = self._make(place)
        return found

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)
