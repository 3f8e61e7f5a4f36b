"""Whether the rows on record are still what the index has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from packaging.version import Version

from rowstore import read_rows
from stackfix.facts.rows import FileRow, WheelRow
from stackfix.index.releases import releases
from stackfix.index.simple import IndexFile
from stackfix.model.machine import Platform
from wanted import ROOTS, TOOLKIT_NAMES


def check(
    files: Callable[[str], Sequence[IndexFile]], platform: Platform, only: set[str] | None = None
) -> list[str]:
    """Return a line for each release that has no row, or whose row no longer matches the index.

    Only the packages with facts of their own are asked for: of plain packages not every release gets a row.
    Raises NetworkError where a page cannot be read: that is no answer, and never "no change".
    """
    found: list[str] = []
    for package in [*ROOTS, *sorted(TOOLKIT_NAMES)]:
        rows = read_rows(package, platform.label)
        if (only and package not in only) or not (rows or package in ROOTS):
            continue
        found += _package(package, rows, files(package), platform)
    return found


def _package(
    package: str, rows: dict[str, list[WheelRow]], files: Sequence[IndexFile], platform: Platform
) -> Iterator[str]:
    oldest = Version(ROOTS.get(package, "0"))
    for version, each in releases(files, platform).items():
        if version >= oldest:
            recorded = {file.name for row in rows.get(str(version), ()) for file in row.files}
            unknown = [file.name for file in each if file.name not in recorded]
            if unknown:
                what = f"not in its row: {', '.join(unknown)}" if recorded else "no row"
                yield f"{package}=={version} ({platform.label}): {what}"
    offered = {file.name: file for file in files}
    for version_text, each_row in rows.items():
        for file in (file for row in each_row for file in row.files):
            changed = _changed(file, offered.get(file.name))
            if changed:
                yield f"{package}=={version_text} ({platform.label}): {file.name} {changed}"


def _changed(recorded: FileRow, offered: IndexFile | None) -> str:
    """Return what has become of a recorded file on the index, "" where it is as it was."""
    if offered is None:
        return "has gone from the index"
    if offered.yanked:
        return "was yanked"
    same = offered.sha256 == recorded.sha256 and offered.size in (0, recorded.size)
    return "" if same else "is another file now"
