"""Time `stackfix install` beside `uv pip install` of the same set, cold and warm, and beside pip; as ratios of pairs.

    python benchmarks/install.py                              # the CPU set of dwpose, pairs with uv
    python benchmarks/install.py --gpu --folder /big/disk     # the CUDA set: 3.4 GB to download, 5.7 GB installed
    python benchmarks/install.py --gpu --folder /big/disk --pip

A lock is written first, and both install exactly it. Cold: an empty cache for each; warm: the cache that a cold run
left. Validation is left out (`--no-validate`); the check of every library is not. Environments and caches are
removed as it goes. Single times depend on the machine and the network: the ratios of one run are what counts, and
on a busy machine the processor time, which is printed in brackets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stackfix.install.apply import requirements
from stackfix.plan.lock import from_pylock

CPU = ["--gpu", "none"]
CUDA = ["--driver", "580.95.05", "--gpu", "RTX 4090"]
STACKFIX = [sys.executable, "-m", "stackfix"]


@dataclass(frozen=True)
class Times:
    """Seconds that passed, and seconds of processor time, which other programs stretch less."""

    elapsed: float
    processor: float


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

    def timed(self, commands: list[list[str]], cache: Path) -> Times:
        """Return what commands take one after another; the environment they made is removed."""
        variables = os.environ | {"UV_CACHE_DIR": str(cache / "uv"), "PIP_CACHE_DIR": str(cache / "pip")}
        before = os.times()
        for command in commands:
            done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        after = os.times()
        shutil.rmtree(self.folder / "env")
        processor = (
            after.children_user + after.children_system - before.children_user - before.children_system
        )
        return Times(after.elapsed - before.elapsed, processor)

    def ours(self, installer: str = "uv") -> list[list[str]]:
        """Return our command, from the lock."""
        words = ["install", "--lock", str(self.lock), "--venv", str(self.folder / "env"), "--no-validate"]
        return [[*STACKFIX, *words, "--installer", installer, *self.machine]]

    def asking(self) -> list[list[str]]:
        """Return our command without a lock: the set is worked out, and the index asked for its files."""
        words = ["install", "dwpose", "--python", self.python, "--venv", str(self.folder / "env")]
        return [[*STACKFIX, *words, "--no-validate", "--installer", "uv", *self.machine]]

    def uvs_asking(self) -> list[list[str]]:
        """Return uv's commands for the same releases, of which it asks the index too."""
        environment = str(self.folder / "env")
        lock = from_pylock(self.lock.read_text(encoding="utf-8"), str(self.lock))
        pins = [f"{name}=={version}" for name, version in lock.versions.items()]
        return [
            [self.uv, "venv", "--python", self.python, environment],
            [self.uv, "pip", "install", "--python", environment, *pins],
        ]

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

    def pair(
        self, name: str, ours: list[list[str]], theirs: list[list[str]], *, cold: bool, runs: int
    ) -> None:
        """Time both in turn; print each pair, then medians and the median of the ratios."""
        pairs: list[tuple[Times, Times]] = []
        kept = self.folder / "cache"
        for number in range(runs):
            times: dict[str, Times] = {}
            both = [("ours", ours), ("theirs", theirs)]
            for who, commands in both if number % 2 == 0 else reversed(both):
                times[who] = self.timed(commands, kept)
                if cold:
                    shutil.rmtree(kept, ignore_errors=True)
            pairs.append((times["ours"], times["theirs"]))
            _print(f"{name} {number + 1}", *pairs[-1])
        middle = [
            Times(
                statistics.median(each[side].elapsed for each in pairs),
                statistics.median(each[side].processor for each in pairs),
            )
            for side in (0, 1)
        ]
        ratio = statistics.median(one.elapsed / two.elapsed for one, two in pairs)
        _print(name, *middle, f", ratio {ratio:.2f}")


def _print(name: str, ours: Times, other: Times, more: str = "") -> None:
    print(  # noqa: T201 - the answer of a script
        f"{name:<24} stackfix {ours.elapsed:6.2f} s (processor {ours.processor:5.2f}), "
        f"the other {other.elapsed:6.2f} s ({other.processor:5.2f}), "
        f"{ours.elapsed - other.elapsed:+.2f} s ({ours.processor - other.processor:+.2f}){more}",
        flush=True,
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gpu", action="store_true", help="the CUDA set instead of the CPU set")
    parser.add_argument("--pip", action="store_true", help="compare with pip too, cold")
    parser.add_argument("--only", choices=("cold", "warm", "pip"), default="", help="one part alone")
    parser.add_argument("--folder", default="", help="where environments and caches go")
    parser.add_argument("--python", default=sys._base_executable)  # noqa: SLF001 - a Python without packages
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder or None) as name:
        bench = Bench(Path(name), arguments.python, CUDA if arguments.gpu else CPU)
        bench.write_lock()
        if arguments.only in ("", "cold"):
            bench.pair("cold, with uv", bench.ours(), bench.uvs(), cold=True, runs=arguments.runs)
        if arguments.only in ("", "warm"):
            bench.timed(bench.ours(), bench.folder / "cache")
            bench.pair("warm, with uv", bench.ours(), bench.uvs(), cold=False, runs=arguments.runs)
            bench.timed(bench.uvs_asking(), bench.folder / "cache")
            bench.pair(
                "warm, both asking", bench.asking(), bench.uvs_asking(), cold=False, runs=arguments.runs
            )
            shutil.rmtree(bench.folder / "cache")
        if arguments.pip or arguments.only == "pip":
            bench.pair("cold, with pip", bench.ours(), bench.pips(), cold=True, runs=min(2, arguments.runs))


if __name__ == "__main__":
    main()
