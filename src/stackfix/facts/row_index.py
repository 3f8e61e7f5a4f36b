"""The index of all rows: what choosing asks of each, and where its line stands; written beside them by the tools.

A file of lines. The first is the head; each further one is the rows of one package on one platform, in columns: what
many rows say alike stands there once. A question reads the head and the lines of its platform, and decodes those of the
packages that it touches.

Annotations are evaluated here, not kept as text: msgspec would compile each text before it reads a row.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct
from packaging.version import InvalidVersion, Version

from stackfix.errors import DataError
from stackfix.facts.row_files import ANY, read_file, read_part, read_rows, row_files
from stackfix.facts.rows import CodeRow, WheelRow
from stackfix.model.machine import PLATFORMS
from stackfix.model.wheel import FileName
from stackfix.rules.metadata import pins_of
from stackfix.rules.shipped_together import asks_of_cuda, toolkit_of

INDEX = "index.ndjson"

T = TypeVar("T")


class LikeRows(Struct, frozen=True, array_like=True):
    """What rows of a package have in common; `cuda` and `pins` as in `ListedWheel`, `method` and what follows as in `Outline`.

    `provides`, `code` and `files` are places in the package's lists of what several kinds have alike.
    """

    folder: str
    source: str
    cuda_major: int
    cuda: tuple[str, ...]
    provides: int
    seen: str
    pins: tuple[tuple[str, str], ...]
    method: str
    toolkit: str
    code: int
    files: int


class PackageRows(Struct, frozen=True, array_like=True):
    """The rows of one package on one platform, newest first: one column each, and `like` the place in `kinds`.

    `starts` and `lengths` are where a row's line stands in its folder's file, in bytes; `uploaded` is an ISO date.
    `provided` are lists of sonames, `code` is what builds carry for GPUs, `files` are lists of names, with `*` for the
    version, and Requires-Python.
    """

    versions: tuple[str, ...]
    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    uploaded: tuple[str, ...]
    like: tuple[int, ...]
    kinds: tuple[LikeRows, ...]
    provided: tuple[tuple[str, ...], ...]
    code: tuple[tuple[CodeRow, ...], ...]
    files: tuple[tuple[FileName, ...], ...]


class IndexHead(Struct, frozen=True, forbid_unknown_fields=True):
    """Which packages provide a soname or own a folder, the newest date of a row, and where the rows are.

    `rows`: platform -> package -> first byte and length of its line, counted from the end of the head. `sizes`: the
    bytes of each file of rows, by which one that has changed since is noticed.
    """

    seen: str
    providers: dict[str, tuple[str, ...]]
    owners: dict[str, tuple[str, ...]]
    majors: dict[str, tuple[int, ...]]
    sizes: dict[str, int]
    rows: dict[str, dict[str, tuple[int, int]]]


class WheelIndex:
    """An index that was written, read as far as it is asked."""

    def __init__(self, path: Path) -> None:
        """Read the head; DataError where there is none."""
        self._path = path
        self._lines: dict[str, tuple[int, bytes]] = {}
        try:
            with path.open("rb") as file:
                line = file.readline()
            self.head = msgspec.json.decode(line, type=IndexHead)
        except OSError as error:
            raise DataError(path.name, "", f"cannot be read: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise DataError(path.name, "", str(error)) from error
        self._after_head = len(line)

    def rows(self, platform: str, package: str) -> PackageRows | None:
        """Return the rows of a package on a platform, None where it has none."""
        place = self.head.rows.get(platform, {}).get(package)
        if place is None:
            return None
        first, lines = self._of_platform(platform)
        start, length = place
        try:
            return msgspec.json.decode(lines[start - first : start - first + length], type=PackageRows)
        except msgspec.DecodeError as error:
            raise DataError(INDEX, f"rows of {package}", str(error)) from error

    def _of_platform(self, platform: str) -> tuple[int, bytes]:
        """Return the lines of a platform, which stand together, and where they begin."""
        found = self._lines.get(platform)
        if found is None:
            places = self.head.rows[platform].values()
            first = min(start for start, _ in places)
            end = max(start + length for start, length in places)
            found = self._lines[platform] = (
                first,
                read_part(self._path, self._after_head + first, end - first),
            )
        return found


def encoded_index(root: Path) -> bytes:
    """Return the index of all rows under a data folder, worked out from the rows themselves, as it is written."""
    providers: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {}
    majors: dict[str, set[int]] = {}
    places: dict[str, dict[str, list[tuple[WheelRow, str, int, int]]]] = {each: {} for each in PLATFORMS}
    sizes: dict[str, int] = {}
    seen = ""
    for path in row_files(root):
        folder = path.parent.name
        sizes[f"{folder}/{path.name}"] = path.stat().st_size
        for row, start, length in _lines_of(path):
            seen = max(seen, row.seen)
            if row.provides:
                majors.setdefault(row.package, set()).add(row.cuda_major)
            for soname in row.provides:
                providers.setdefault(soname, set()).add(row.package)
            for owned in row.owns:
                owners.setdefault(owned, set()).add(row.package)
            for platform in PLATFORMS if folder == ANY else (folder,):
                places[platform].setdefault(row.package, []).append((row, folder, start, length))
    lines: list[bytes] = []
    end = 0
    rows: dict[str, dict[str, tuple[int, int]]] = {}
    for platform, packages in places.items():
        rows[platform] = {}
        for package, found in sorted(packages.items()):
            lines.append(msgspec.json.encode(_in_columns(found)) + b"\n")
            rows[platform][package] = end, len(lines[-1]) - 1
            end += len(lines[-1])
    head = IndexHead(
        seen=seen,
        providers={soname: tuple(sorted(names)) for soname, names in sorted(providers.items())},
        owners={folder: tuple(sorted(names)) for folder, names in sorted(owners.items())},
        majors={package: tuple(sorted(found)) for package, found in sorted(majors.items())},
        sizes=sizes,
        rows=rows,
    )
    return b"".join([msgspec.json.encode(head), b"\n", *lines])


def _lines_of(path: Path) -> Iterator[tuple[WheelRow, int, int]]:
    """Yield each row of a file with the first byte and the length of its line."""
    start = 0
    for row, line in zip(read_rows(path), read_file(path).splitlines(keepends=True), strict=True):
        yield row, start, len(line.rstrip(b"\n"))
        start += len(line)


def _in_columns(rows: list[tuple[WheelRow, str, int, int]]) -> PackageRows:
    ordered = sorted(rows, key=lambda one: _order(one[0].version), reverse=True)
    beside = {name for row, *_ in rows for name, _ in pins_of(row.requires_dist)}
    provided = _Places[tuple[str, ...]]()
    code = _Places[tuple[CodeRow, ...]]()
    files = _Places[tuple[FileName, ...]]()
    kinds = _Places[LikeRows]()
    like = [
        kinds.of(
            LikeRows(
                folder=folder,
                source=row.source,
                cuda_major=row.cuda_major,
                cuda=asks_of_cuda(row.package, row.cuda, row.cuda_major, row.requires_dist),
                provides=provided.of(tuple(sorted(row.provides))),
                seen=row.seen,
                pins=pins_of(row.requires_dist, beside),
                method=row.evidence,
                toolkit=toolkit_of(row.cuda),
                code=code.of(row.code),
                files=files.of(_files(row)),
            )
        )
        for row, folder, _, _ in ordered
    ]
    return PackageRows(
        versions=tuple(_key(row.version) for row, *_ in ordered),
        starts=tuple(start for _, _, start, _ in ordered),
        lengths=tuple(length for _, _, _, length in ordered),
        uploaded=tuple(_uploaded(row) for row, *_ in ordered),
        like=tuple(like),
        kinds=tuple(kinds.values),
        provided=tuple(provided.values),
        code=tuple(code.values),
        files=tuple(files.values),
    )


class _Places(Generic[T]):
    """Values that differ, each with its place among them."""

    def __init__(self) -> None:
        """Hold none yet."""
        self.values: list[T] = []
        self._places: dict[bytes, int] = {}

    def of(self, value: T) -> int:
        """Return the place of a value, which is its own from then on."""
        place = self._places.setdefault(msgspec.json.encode(value), len(self.values))
        if place == len(self.values):
            self.values.append(value)
        return place


def _order(text: str) -> tuple[bool, Version]:
    """Return what sorts versions; a text that is none is told by the checks and by whoever reads its row."""
    try:
        return True, Version(text)
    except InvalidVersion:
        return False, Version("0")


def _key(text: str) -> str:
    is_version, version = _order(text)
    return str(version) if is_version else text


def _uploaded(row: WheelRow) -> str:
    return min((file.uploaded for file in row.files if file.uploaded), default="")


def _files(row: WheelRow) -> tuple[FileName, ...]:
    """Return names and Requires-Python of a row's files, with `*` for the version where it is written as its key is."""
    version = f"-{_key(row.version)}-"
    return tuple(FileName(file.name.replace(version, "-*-", 1), file.requires_python) for file in row.files)
