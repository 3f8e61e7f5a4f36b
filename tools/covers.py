"""Measure which of the packages that fill one import folder have everything of another; writes data/covers.jsonl.

    python tools/covers.py             releases that are not on record, every platform
    python tools/covers.py --again     all of them

Of each release that several of them have, the directory of one wheel each and its Python or stub files are read by
HTTP ranges, from the index that pip or uv is configured with. Rows that are there are kept.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from packaging.version import Version

from curate import Curator
from rowstore import PLATFORMS, read_rows
from stackfix.errors import StackfixError
from stackfix.facts.covers import FILE, CoverRow
from stackfix.index.config import index_config
from stackfix.index.simple import IndexFile
from stackfix.index.transport import HttpTransport
from stackfix.measure.inventory import PYTHON, STUBS, Inventory, covered, inventory

FOLDERS = {
    "cv2": (
        STUBS,
        (
            "opencv-contrib-python",
            "opencv-contrib-python-headless",
            "opencv-python",
            "opencv-python-headless",
        ),
    ),
    "onnxruntime": (PYTHON, ("onnxruntime", "onnxruntime-gpu")),
}
WINDOWLESS = "-headless"
"""What so ends has the names of windows too, and raises where they are used (its project's own README): no name tells."""
BLOCK = 1 << 18
JOBS = 8
ROOT = Path(__file__).resolve().parent.parent / "data"


def released(platform: str, packages: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield releases with those packages that have them, where these are several."""
    have = {name: read_rows(name, platform) for name in packages}
    for version in sorted({key for rows in have.values() for key in rows}, key=Version):
        found = tuple(name for name in packages if version in have[name])
        if len(found) > 1:
            yield version, found


def same_tags(curator: Curator, version: str, packages: tuple[str, ...]) -> dict[str, IndexFile]:
    """Return a file of each package's release, for the same Python and ABI; {} where there are none such."""
    tagged = [
        {
            file.name.removesuffix(".whl").split("-")[2:4][0]: file
            for file in curator.releases(name).get(Version(version), ())
        }
        for name in packages
    ]
    common = sorted(set.intersection(*map(set, tagged)))
    return {name: files[common[-1]] for name, files in zip(packages, tagged, strict=True)} if common else {}


def measure(
    curator: Curator, version: str, folder: str, packages: tuple[str, ...], told_by: str
) -> Iterator[CoverRow]:
    """Yield a row of each package that has everything of another."""
    found: dict[str, Inventory] = {
        name: inventory(curator.archive(file, BLOCK), folder, told_by)
        for name, file in same_tags(curator, version, packages).items()
    }
    for name, own in found.items():
        others = [each for each in found.items() if each[0] != name]
        if name.endswith(WINDOWLESS):
            others = [each for each in others if each[0].endswith(WINDOWLESS)]
        less = covered(others, own)
        if less:
            yield CoverRow(
                package=name,
                version=version,
                platform=curator.platform.label,
                folder=folder,
                covers=less,
                files=max(len(found[each].files) for each in less),
                names=max(len(found[each].names) for each in less),
                told_by=told_by,
                seen=curator.today,
            )


def measured(curator: Curator, folder: str, done: set[str]) -> list[CoverRow]:
    """Return the rows of all releases that are not done; what cannot be read is said and left out."""
    told_by, packages = FOLDERS[folder]

    def one(each: tuple[str, tuple[str, ...]]) -> list[CoverRow]:
        try:
            return list(measure(curator, each[0], folder, each[1], told_by))
        except StackfixError as error:
            sys.stderr.write(f"{curator.platform.label} {folder} {each[0]}: {error.message}\n")
            return []

    wanted = [one for one in released(curator.platform.label, packages) if one[0] not in done]
    with ThreadPoolExecutor(JOBS) as pool:
        return [row for found in pool.map(one, wanted) for row in found]


def main() -> int:
    """Measure what is missing, write it, and say what could not be read."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--again", action="store_true")
    again = words.parse_args().again
    path = ROOT / FILE
    lines = path.read_bytes().splitlines() if path.is_file() and not again else []
    rows = [msgspec.json.decode(line, type=CoverRow) for line in lines]
    transport, today = HttpTransport(), dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    for platform in PLATFORMS:
        curator = Curator(transport, index_config().address, today, platform=platform)
        for folder in FOLDERS:
            rows += measured(
                curator,
                folder,
                {row.version for row in rows if (row.platform, row.folder) == (platform, folder)},
            )
    rows.sort(key=lambda row: (row.platform, row.package, Version(row.version)))
    path.write_bytes(b"".join(msgspec.json.encode(row, order="deterministic") + b"\n" for row in rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
