"""The rows on the disk: data/wheels/<platform>/<package>.jsonl, one JSON object a line."""

from __future__ import annotations

from pathlib import Path

import msgspec
from packaging.version import Version

from stackfix.facts.rows import WheelRow

DATA = Path(__file__).resolve().parent.parent / "data" / "wheels"
ANY = "any"
PLATFORMS = ("linux_x86_64", "linux_aarch64", "win_amd64")

Rows = dict[str, list[WheelRow]]


def row_path(package: str, platform: str) -> Path:
    """Return where the rows of a package on one platform lie."""
    return DATA / platform / f"{package}.jsonl"


def read_rows(package: str, platform: str = "linux_x86_64") -> Rows:
    """Return version -> rows that serve a platform: its own, and those of pure Python wheels."""
    rows: Rows = {}
    for place in dict.fromkeys((platform, ANY)):
        path = row_path(package, place)
        if path.exists():
            for line in path.read_bytes().splitlines():
                row = msgspec.json.decode(line, type=WheelRow)
                rows.setdefault(row.version, []).append(row)
    return rows


def write_rows(package: str, rows: Rows) -> None:
    """Write rows to the files of their platforms, by version and first file; what is there already stays."""
    each = [row for rows_of_one in rows.values() for row in rows_of_one]
    for platform in sorted({row.platform for row in each}):
        mine = [row for row in each if row.platform == platform]
        ordered = sorted(mine, key=lambda row: (Version(row.version), row.files[0].name))
        path = row_path(package, platform)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        temporary.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in ordered))
        temporary.replace(path)


def packages(platform: str) -> list[str]:
    """Return the packages with rows that serve a platform."""
    return sorted({path.stem for place in (platform, ANY) for path in (DATA / place).glob("*.jsonl")})
