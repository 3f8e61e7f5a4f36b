"""Time `stackfix resolve` with the database as it is and with one ten times as large, in turn.

    python benchmarks/growth.py [--runs 15] [--times 10] [--way older|between] [--json]

The larger database is generated: every row is there again under further versions, either all older than what there
is (`older`, a longer history) or directly above each release (`between`: more releases of everything, the newest
too). Several questions are asked: the usual one, an old driver, Windows, aarch64, an explicit wish, and one without an
answer. Prints for each the median milliseconds of processor time of a whole process, which what else runs on the
machine disturbs less than the clock, and the ratio pair by pair; last the worst. The goal is at most 1.3. `--json`
asks as scripts do: then it is also worked out why no package is newer.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from packaging.version import Version

from stackfix.facts.row_files import read_rows, row_files
from stackfix.facts.row_index import INDEX, encoded_index
from stackfix.facts.rows import WheelRow

ROOT = Path(__file__).resolve().parent.parent
CARD = ("--gpu", "RTX 4090", "--python", "3.12")
GRACE = ("--gpu", "GH200", "--python", "3.12")
QUESTIONS = {
    "usual": ("dwpose", "--driver", "580.95.05", *CARD),
    "old driver": ("dwpose", "--driver", "535.104.05", *CARD),
    "windows": ("dwpose", "--driver", "581.57", *CARD, "--platform", "win_amd64"),
    "aarch64": ("dwpose", "--driver", "580.95.05", *GRACE, "--platform", "linux_aarch64"),
    "wish": ("dwpose", "torch==2.8.0", "--driver", "580.95.05", *CARD),
    "refusal": ("dwpose", "--driver", "550.54.14", "--gpu", "RTX 5090", "--python", "3.12"),
}


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


def once(folder: Path, words: Sequence[str]) -> float:
    """Return the milliseconds of processor time of one whole process; 1 is the exit of a refusal."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", "resolve", *words],
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--way", choices=("older", "between"), default="older")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        here, large = Path(scratch) / "here", Path(scratch) / "large"
        tree(here)
        tree(large)
        rows = grow(here / "data", 1, arguments.way)
        many = grow(large / "data", arguments.times, arguments.way)
        print(f"{rows} rows, and {many}")  # noqa: T201 - the answer
        worst = 0.0
        for name, question in QUESTIONS.items():
            words = (*question, "--json") if arguments.json else question
            for folder in (here, large):
                once(folder, words)
            pairs = [(once(here, words), once(large, words)) for _ in range(arguments.runs)]
            small, big = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
            ratio = statistics.median(second / first for first, second in pairs)
            worst = max(worst, ratio)
            print(f"{name:12} {small:5.0f} ms {big:5.0f} ms  ratio {ratio:.2f}")  # noqa: T201 - the answer
    print(f"worst ratio {worst:.2f}")  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
