"""Time `stackfix resolve` with the database as it is and with one ten times as large, in turn.

    python benchmarks/growth.py [--runs 15] [--times 10] [--way older|between]

The larger database is generated: every row is there again under further versions, either all older than what there
is (`older`, a longer history) or directly above each release (`between`: more releases of everything, the newest
too). Prints medians, and the ratio pair by pair; the goal is at most 1.3.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from packaging.version import Version

from stackfix.facts.row_files import read_rows, row_files
from stackfix.facts.row_index import INDEX, encoded_index
from stackfix.facts.rows import WheelRow

ROOT = Path(__file__).resolve().parent.parent
QUESTION = ["resolve", "dwpose", "--driver", "580.95.05", "--gpu", "RTX 4090", "--python", "3.12"]


def again(row: WheelRow, number: int, way: str) -> WheelRow:
    """Return a row as another release of its package."""
    version = f"0.{number}.{row.version}" if way == "older" else f"{row.version}.0.{number}"
    files = tuple(
        msgspec.structs.replace(file, name=file.name.replace(f"-{row.version}-", f"-{version}-", 1))
        for file in row.files
    )
    return msgspec.structs.replace(row, version=version, files=files)


def grow(data: Path, times: int, way: str) -> int:
    """Make a data folder `times` as large; return its rows."""
    count = 0
    for path in row_files(data):
        rows = read_rows(path)
        plain = [row for row in rows if re.fullmatch(r"[0-9.]+", row.version)]
        rows += [again(row, number, way) for row in plain for number in range(1, times)]
        rows.sort(key=lambda row: (Version(row.version), row.files[0].name))
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        count += len(rows)
    (data / "wheels" / INDEX).write_bytes(encoded_index(data))
    return count


def tree(folder: Path) -> None:
    """Copy package and data, so that the copy reads its own data."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data", folder / "data")


def once(folder: Path) -> float:
    """Return the seconds of one whole process."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "stackfix", *QUESTION],
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - started


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--way", choices=("older", "between"), default="older")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        here, large = Path(scratch) / "here", Path(scratch) / "large"
        tree(here)
        tree(large)
        rows = grow(here / "data", 1, arguments.way)
        many = grow(large / "data", arguments.times, arguments.way)
        for folder in (here, large):
            once(folder)
        pairs = [(once(here), once(large)) for _ in range(arguments.runs)]
    small, big = (statistics.median(pair[side] for pair in pairs) * 1000 for side in (0, 1))
    ratio = statistics.median(second / first for first, second in pairs)
    print(f"{rows} rows: {small:.0f} ms; {many} rows: {big:.0f} ms; ratio {ratio:.2f}")  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
