"""Covers: which release has everything of the same release of another package that fills its import folder.

`data/covers.jsonl` is written by `tools/covers.py` alone. What is not in it was not measured, or is not so.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from stackfix.errors import DataError
from stackfix.model.evidence import Source

FILE = "covers.jsonl"


class CoverRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One release on one platform: of which packages' same release it has every file and name, and how many those are.

    `told_by` is the ending of the files that tell the names, `seen` the ISO date of the measurement.
    """

    package: str
    version: str
    platform: str
    folder: str
    covers: tuple[str, ...]
    files: int
    names: int
    told_by: str
    seen: str

    @property
    def source(self) -> Source:
        """How it was measured."""
        where = (
            f"all {self.files} files of `{self.folder}` and {self.names} names in its {self.told_by} files"
        )
        return Source(method="measured", where=where, seen=self.seen)


@cache
def cover_rows(root: Path) -> tuple[CoverRow, ...]:
    """Return what is on record under a data folder; DataError with the line of a broken row."""
    path = root / FILE
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(FILE, "", f"cannot be read: {error.strerror}") from error
    return tuple(_row(line, number) for number, line in enumerate(lines, start=1))


def _row(line: bytes, number: int) -> CoverRow:
    try:
        return msgspec.json.decode(line, type=CoverRow)
    except msgspec.DecodeError as error:
        raise DataError(FILE, f"line {number}", str(error)) from error


def covers(root: Path, package: str, platform: str) -> dict[str, CoverRow]:
    """Return release -> row, for the releases of a package that have everything of another's on a platform."""
    return {
        row.version: row for row in cover_rows(root) if (row.package, row.platform) == (package, platform)
    }
