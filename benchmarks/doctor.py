"""Time `stackfix doctor` on a real environment as a whole process, in turn with peers' commands.

    python benchmarks/doctor.py --venv ENV
    python benchmarks/doctor.py --venv ENV --peer "ENV/bin/python -m torch.utils.collect_env" --peer "PEER/bin/env-doctor check"

Prints medians, and the ratio of each peer to ours pair by pair: single times depend on the machine and its load. An
exit code is shown, not judged: a doctor that finds something ends with 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

MACHINE = ["--driver", "580.95.05", "--gpu", "RTX 4090"]


class Run(NamedTuple):
    """One run: seconds from start to end, seconds of processor time of it and its children, exit code."""

    wall: float
    processor: float
    code: int


def once(command: list[str]) -> Run:
    """Return what a command took; its output is read and dropped, and it writes no bytecode into the environment."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    code = subprocess.run(
        command, capture_output=True, check=False, env=environ, stdin=subprocess.DEVNULL
    ).returncode
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, code)


def shown(name: str, runs: list[Run]) -> str:
    """Return a line of medians."""
    wall = statistics.median(run.wall for run in runs) * 1000
    processor = statistics.median(run.processor for run in runs) * 1000
    return f"{name:<28} median {wall:6.0f} ms, processor {processor:6.0f} ms, exit {runs[-1].code}"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--venv", required=True, help="a real environment; it is only read")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument(
        "--peer", action="append", default=[], help="another command to time in turn; repeatable"
    )
    arguments = parser.parse_args()
    doctor = [sys.executable, "-m", "stackfix", "doctor", "--venv", arguments.venv]
    ours = {"doctor, machine read": doctor, "doctor, machine described": [*doctor, *MACHINE]}
    peers = {peer: shlex.split(peer) for peer in arguments.peer}
    commands = {**ours, **peers}
    for command in commands.values():
        once(command)  # the disk's cache is warm for all of them
    rounds = [{name: once(command) for name, command in commands.items()} for _ in range(arguments.runs)]
    for name in commands:
        print(shown(name[-28:], [each[name] for each in rounds]))  # noqa: T201 - the answer of a script
    for peer in peers:
        for name in ours:
            ratio = statistics.median(each[peer].wall / each[name].wall for each in rounds)
            print(f"{peer[-28:]:<28} takes {ratio:.1f} times as long as {name}")  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
