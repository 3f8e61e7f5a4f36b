"""Time `stackfix install` beside `uv pip install` of the same set, cold and warm, and beside pip; as ratios of pairs.

    python benchmarks/install.py                              # the CPU set of dwpose, pairs with uv
    python benchmarks/install.py --gpu --folder /big/disk     # the CUDA set: 3.4 GB to download, 5.7 GB installed
    python benchmarks/install.py --gpu --folder /big/disk --pip

A lock is written first, and both install exactly it. Cold: an empty cache for each; warm: the cache that a cold run
left. Validation is left out (`--no-validate`); the check of every library is not. Environments and caches are
removed as it goes. Single times depend on the machine and the network: the ratios of one run are what counts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stackfix.install.apply import requirements
from stackfix.plan.lock import from_pylock

CPU = ["--gpu", "none"]
CUDA = ["--driver", "580.95.05", "--gpu", "RTX 4090"]
STACKFIX = [sys.executable, "-m", "stackfix"]


class Bench:
    """A folder, a lock, and the commands that install it."""

    def __init__(self, folder: Path, python: str, machine: list[str]) -> None:
        self.folder, self.python, self.machine = folder, python, machine
        self.uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        self.lock = folder / "pylock.toml"

    def write_lock(self) -> None:
        """Lock dwpose."""
        words = ["lock", "dwpose", "--python", self.python, *self.machine, "-o", str(self.lock)]
        subprocess.run([*STACKFIX, *words], check=True)

    def timed(self, commands: list[list[str]], cache: Path) -> float:
        """Return the seconds that commands take one after another; the environment they made is removed."""
        variables = os.environ | {"UV_CACHE_DIR": str(cache / "uv"), "PIP_CACHE_DIR": str(cache / "pip")}
        started = time.perf_counter()
        for command in commands:
            subprocess.run(command, env=variables, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        shutil.rmtree(self.folder / "env")
        return seconds

    def ours(self, installer: str = "uv") -> list[list[str]]:
        """Return our command, from the lock."""
        words = ["install", "--lock", str(self.lock), "--venv", str(self.folder / "env"), "--no-validate"]
        return [[*STACKFIX, *words, "--installer", installer, *self.machine]]

    def uvs(self) -> list[list[str]]:
        """Return uv's commands for the same lock."""
        environment = str(self.folder / "env")
        return [
            [self.uv, "venv", "--python", self.python, environment],
            [self.uv, "pip", "install", "--python", environment, "-r", str(self.lock)],
        ]

    def pips(self) -> list[list[str]]:
        """Return pip's commands for the same lock, whose files it takes one after another."""
        environment = str(self.folder / "env")
        return [
            [self.python, "-m", "venv", environment],
            [
                f"{environment}/bin/pip",
                "install",
                "--no-deps",
                "--no-cache-dir",
                "-r",
                str(self.requirements()),
            ],
        ]

    def requirements(self) -> Path:
        """Return the lock as requirements, which every pip reads."""
        listed = self.folder / "requirements.txt"
        text = requirements(from_pylock(self.lock.read_text(encoding="utf-8"), str(self.lock)))
        listed.write_text(text, encoding="utf-8")
        return listed

    def pair(self, name: str, theirs: list[list[str]], *, cold: bool, runs: int) -> None:
        """Time both in turn and print medians, the difference and the ratio."""
        pairs: list[tuple[float, float]] = []
        kept = self.folder / "cache"
        for number in range(runs):
            times: dict[str, float] = {}
            both = [("ours", self.ours()), ("theirs", theirs)]
            for who, commands in both if number % 2 == 0 else reversed(both):
                times[who] = self.timed(commands, kept)
                if cold:
                    shutil.rmtree(kept, ignore_errors=True)
            pairs.append((times["ours"], times["theirs"]))
        ours, other = (statistics.median(each[side] for each in pairs) for side in (0, 1))
        ratio = statistics.median(one / two for one, two in pairs)
        print(  # noqa: T201 - the answer of a script
            f"{name:<16} stackfix {ours:6.2f} s, the other {other:6.2f} s, {ours - other:+.2f} s, ratio {ratio:.2f}"
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gpu", action="store_true", help="the CUDA set instead of the CPU set")
    parser.add_argument("--pip", action="store_true", help="compare with pip too, cold")
    parser.add_argument("--folder", default="", help="where environments and caches go")
    parser.add_argument("--python", default=sys._base_executable)  # noqa: SLF001 - a Python without packages
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder or None) as name:
        bench = Bench(Path(name), arguments.python, CUDA if arguments.gpu else CPU)
        bench.write_lock()
        bench.pair("cold, with uv", bench.uvs(), cold=True, runs=arguments.runs)
        bench.timed(bench.ours(), bench.folder / "cache")
        bench.pair("warm, with uv", bench.uvs(), cold=False, runs=arguments.runs)
        if arguments.pip:
            bench.pair("cold, with pip", bench.pips(), cold=True, runs=1)


if __name__ == "__main__":
    main()
