"""The index of all rows: what choosing asks of each, and where its line stands; written beside them by the tools."""

from __future__ import annotations

from pathlib import Path

import msgspec
from packaging.version import InvalidVersion, Version

from stackfix.facts.row_files import ANY, read_file, read_rows, row_files
from stackfix.facts.rows import WheelRow
from stackfix.model.machine import PLATFORMS

INDEX = "index.json"


class RowPlace(msgspec.Struct, frozen=True, array_like=True):
    """One row of a package: what choosing asks of it, and where its line stands in which folder's file."""

    version: str
    folder: str
    start: int
    length: int
    source: str
    uploaded: str
    cuda_major: int
    provides: tuple[str, ...]
    seen: str


class WheelIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which packages provide a soname or own a folder, the newest date of a row, and where the rows are.

    `rows`: platform -> package -> its rows newest first, left as bytes until the package is asked for, so that the
    cost follows the question. `sizes`: the bytes of each file, by which one that has changed since is noticed.
    """

    seen: str
    providers: dict[str, tuple[str, ...]]
    owners: dict[str, tuple[str, ...]]
    majors: dict[str, tuple[int, ...]]
    sizes: dict[str, int]
    rows: dict[str, dict[str, msgspec.Raw]]


def index_of(root: Path) -> WheelIndex:
    """Return the index of all rows under a data folder, worked out from the rows themselves."""
    providers: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {}
    majors: dict[str, set[int]] = {}
    places: dict[str, dict[str, list[RowPlace]]] = {platform: {} for platform in PLATFORMS}
    sizes: dict[str, int] = {}
    seen = ""
    for path in row_files(root):
        folder = path.parent.name
        sizes[f"{folder}/{path.name}"] = path.stat().st_size
        lines = read_file(path).splitlines(keepends=True)
        start = 0
        for row, line in zip(read_rows(path), lines, strict=True):
            seen = max(seen, row.seen)
            if row.provides:
                majors.setdefault(row.package, set()).add(row.cuda_major)
            for soname in row.provides:
                providers.setdefault(soname, set()).add(row.package)
            for owned in row.owns:
                owners.setdefault(owned, set()).add(row.package)
            place = _place(row, folder, start, len(line.rstrip(b"\n")))
            for platform in PLATFORMS if folder == ANY else (folder,):
                places[platform].setdefault(row.package, []).append(place)
            start += len(line)
    for packages in places.values():
        for rows in packages.values():
            rows.sort(key=lambda place: _order(place.version), reverse=True)
    return WheelIndex(
        seen=seen,
        providers={soname: tuple(sorted(names)) for soname, names in sorted(providers.items())},
        owners={folder: tuple(sorted(names)) for folder, names in sorted(owners.items())},
        majors={package: tuple(sorted(found)) for package, found in sorted(majors.items())},
        sizes=sizes,
        rows={
            platform: {
                package: msgspec.Raw(msgspec.json.encode(rows)) for package, rows in sorted(packages.items())
            }
            for platform, packages in places.items()
        },
    )


def _order(text: str) -> tuple[bool, Version]:
    """Return what sorts versions; a text that is none is told by the checks and by whoever reads its row."""
    try:
        return True, Version(text)
    except InvalidVersion:
        return False, Version("0")


def _place(row: WheelRow, folder: str, start: int, length: int) -> RowPlace:
    return RowPlace(
        version=str(Version(row.version)) if _order(row.version)[0] else row.version,
        folder=folder,
        start=start,
        length=length,
        source=row.source,
        uploaded=min((file.uploaded for file in row.files if file.uploaded), default=""),
        cuda_major=row.cuda_major,
        provides=tuple(sorted(row.provides)),
        seen=row.seen,
    )
