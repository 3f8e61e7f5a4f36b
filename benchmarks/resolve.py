"""Time `stackfix --help` and `stackfix resolve` as whole processes, in turn with a peer's command.

    python benchmarks/resolve.py
    python benchmarks/resolve.py --runs 15 --peer "rigsolve solve --want torch --target 'RTX 4090,driver=580.65,python=3.12,linux'"

Prints medians, and the ratio to the peer pair by pair: single times depend on the machine and its load.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import time

MACHINE = ["--driver", "580.95.05", "--gpu", "RTX 4090", "--python", "3.12", "--glibc", "2.35"]
COMMANDS = {
    "help": [sys.executable, "-m", "stackfix", "--help"],
    "resolve": [sys.executable, "-m", "stackfix", "resolve", "dwpose", *MACHINE],
    "resolve --json": [sys.executable, "-m", "stackfix", "resolve", "dwpose", *MACHINE, "--json"],
}


def once(command: list[str]) -> float:
    """Return the seconds that a command takes, start to end; its output is read and dropped."""
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--peer", default="", help="another command to time in turn with ours")
    arguments = parser.parse_args()
    peer = shlex.split(arguments.peer)
    for name, command in COMMANDS.items():
        once(command)
        pairs = [(once(command), once(peer) if peer else 0.0) for _ in range(arguments.runs)]
        line = f"{name:<15} median {statistics.median(ours for ours, _ in pairs) * 1000:.0f} ms"
        if peer:
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            line += (
                f", peer {statistics.median(theirs for _, theirs in pairs) * 1000:.0f} ms, ratio {ratio:.2f}"
            )
        print(line)  # noqa: T201 - the answer of a script


if __name__ == "__main__":
    main()
