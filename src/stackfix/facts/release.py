"""A release as rows: its wheels measured, one row for all files whose metadata agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from packaging.version import Version

from stackfix.facts.rows import CodeRow, FileRow, WheelRow
from stackfix.measure.archive import Archive
from stackfix.measure.measurement import Measurement
from stackfix.measure.torch import VERSION_FILE, measure_kernels, small_needs
from stackfix.measure.wheel import measure, metadata
from stackfix.model.machine import Platform
from stackfix.rules.tags import build_number

METADATA_BLOCK = 1 << 13
SMALL_BLOCK = 1 << 18
LARGE_BLOCK = 16 << 20


class OfferedFile(Protocol):
    """A wheel as an index offers it."""

    @property
    def name(self) -> str:
        """File name."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def sha256(self) -> str:
        """Hexadecimal digest."""

    @property
    def uploaded(self) -> str:
        """ISO date."""

    @property
    def requires_python(self) -> str:
        """Specifier, or empty."""


File = TypeVar("File", bound=OfferedFile)


def release_rows(
    package: str,
    files: Sequence[File],
    open_archive: Callable[[File, int], Archive],
    platform: Platform,
    *,
    seen: str,
    source: str,
    kernels: bool = False,
) -> list[WheelRow]:
    """Return the rows of one release on one platform: one, or several where the wheels' metadata differ.

    A build that was uploaded again under a build number has a row of its own: torchvision 0.20.0 for aarch64 links to
    CUDA, its build 1 does not. So have wheels of torch whose small libraries need other libraries.

    `open_archive` opens a file to be read in blocks of so many bytes. With `kernels`, torch's device code is read
    from its library instead of its architecture list. Raises MeasureError or NetworkError naming the file.
    """
    groups: dict[tuple[int, tuple[str, ...], tuple[str, ...]], list[File]] = {}
    for file in files:
        archive = open_archive(file, METADATA_BLOCK)
        needs = small_needs(open_archive(file, SMALL_BLOCK)) if VERSION_FILE in archive.names else ()
        groups.setdefault((build_number(file.name), metadata(archive)[0], needs), []).append(file)
    rows: list[WheelRow] = []
    for group in groups.values():
        file = group[-1]
        large = open_archive(file, LARGE_BLOCK)
        found = measure(open_archive(file, SMALL_BLOCK), large)
        if kernels:
            measure_kernels(large, found)
        rows.append(_row(package, group, found, platform, seen, source))
    return rows


def _row(
    package: str, files: Sequence[File], found: Measurement, platform: Platform, seen: str, source: str
) -> WheelRow:
    named = re.search(r"-cu(\d+)$", package)
    how = dict(found.how)
    if named and not found.cuda_major:
        how["cuda_major"] = "the package's name"
    return WheelRow(
        package=package,
        version=str(Version(files[-1].name.split("-")[1])),
        source=source,
        platform="any" if all(file.name.endswith("-any.whl") for file in files) else platform.label,
        files=tuple(
            FileRow(
                name=file.name,
                size=file.size,
                sha256=file.sha256,
                uploaded=file.uploaded,
                requires_python=file.requires_python,
            )
            for file in files
        ),
        evidence="measured",
        seen=seen,
        requires_dist=found.requires_dist,
        needs={feature: names for feature, names in sorted(found.needs.items()) if names},
        opens={feature: names for feature, names in sorted(found.opens.items()) if names},
        provides=dict(sorted(found.provides.items())),
        cuda=(found.cuda,) if found.cuda else (),
        cuda_major=found.cuda_major or (int(named[1]) if named else 0),
        code=tuple(
            CodeRow(cubins=cubins, ptx=dict(sorted(ptx.items())), count=count)
            for cubins, ptx, count in found.code
        ),
        owns=found.owns,
        numpy_abi=found.numpy_abi,
        measured=dict(sorted(how.items())),
    )
