"""Time `stackfix explain` (also `--why-not`) and `matrix` on random questions: seconds of CPU, lines, columns.

    python benchmarks/explain.py
    python benchmarks/explain.py --questions 600 --seed 7 --processes 10 --save answers.json
    python benchmarks/explain.py --questions 600 --seed 7 --against answers.json

Each question is asked in a fork of this process, which has imported all and read nothing, so every cache is fresh;
the slowest ones are asked again as whole processes. CPU time, because a machine may be busy with other things.
`--save` writes every answer as JSON, `--against` names the questions whose answer is another one.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import pkgutil
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import stackfix
from stackfix.facts.database import Database
from stackfix.facts.root import data_root

PLATFORMS = ("linux_x86_64",) * 6 + ("win_amd64",) * 2 + ("linux_aarch64",)
GLIBCS = ("2.17", "2.27", "2.28", "2.31", "2.34", "2.35", "2.39")
PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.12", "3.13", "3.14", "3.15")
CUDAS = ("11", "11.8", "12", "12.1", "12.4", "12.6", "12.8", "13", "13.0", "13.2")
WISHED = (
    "torch",
    "torch",
    "torch",
    "onnxruntime-gpu",
    "onnxruntime-gpu",
    "torchvision",
    "numpy",
    "nvidia-cudnn-cu12",
)
LIMIT = 20  # seconds of CPU after which a question is given up
OPERATORS = ("==", "==", "==", "<", ">=", "<=", ">", "!=")


class Asked(NamedTuple):
    """One question with what it took: seconds of CPU, lines, and the columns of the longest line."""

    words: list[str]
    seconds: float
    lines: int
    columns: int


def questions(count: int, seed: int) -> Iterator[list[str]]:
    """Yield the words of random questions: machines that exist or might, with requests that may be impossible."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    facts = Database(data_root())
    cards = [row.name for row in facts.gpu_rows.gpu]
    for _ in range(count):
        platform = chance.choice(PLATFORMS)
        system = "windows" if platform == "win_amd64" else "linux"
        machine = ["--platform", platform, "--python", chance.choice(PYTHONS)]
        if system == "linux":
            machine += ["--glibc", chance.choice(GLIBCS)]
        if chance.random() < 0.12:
            machine += ["--gpu", "none"]
        else:
            driver = chance.choice(facts.hardware.driver_steps(system, wsl=False))
            machine += ["--driver", str(driver)]
            for _ in range(chance.choice((1, 1, 1, 2))):
                machine += ["--gpu", chance.choice(cards)]
        kind = chance.random()
        if kind < 0.06:
            yield ["matrix", *machine]
            continue
        wishes = [_wish(chance, facts, platform) for _ in range(chance.choice((0, 1, 1, 2, 2, 3)))]
        targets = ["dwpose"] if not wishes or chance.random() < 0.8 else []
        doubt = ["--why-not", _wish(chance, facts, platform)] if chance.random() < 0.35 else []
        yield ["explain", *targets, *wishes, *doubt, *machine]


def _wish(chance: random.Random, facts: Database, platform: str) -> str:
    """Return a requirement on one package, or on CUDA."""
    if chance.random() < 0.2:
        return f"cuda=={chance.choice(CUDAS)}"
    package = chance.choice(WISHED)
    keys = list(dict.fromkeys(each.key for each in facts.listed(package, platform))) or ["1.0"]
    return f"{package}{chance.choice(OPERATORS)}{chance.choice(keys)}"


def import_everything() -> None:
    """Import what any question may need, so that a fork has only to answer."""
    for module in pkgutil.walk_packages(stackfix.__path__, "stackfix."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("packaging.markers", "packaging.requirements", "packaging.specifiers", "json"):
        importlib.import_module(name)
    gc.disable()  # as the command line does


def asked(words: list[str]) -> tuple[float, str]:
    """Return the seconds of CPU that a question takes in a fresh fork, and what it prints."""
    from stackfix.cli.group import run  # noqa: PLC0415 - imported already, by name

    with tempfile.TemporaryFile() as printed:
        sys.stdout.flush()
        child = os.fork()
        if not child:
            os.dup2(printed.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
            run(words)
            sys.stdout.flush()
            os._exit(0)
        _, _, usage = os.wait4(child, 0)
        printed.seek(0)
        return usage.ru_utime + usage.ru_stime, printed.read().decode()


def whole_process(words: list[str]) -> float:
    """Return the seconds of CPU of a whole process, the least of three: what is left is not the machine's business."""
    return min(_process(words) for _ in range(3))


def _process(words: list[str]) -> float:
    child = subprocess.Popen(
        [sys.executable, "-m", "stackfix", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_utime + usage.ru_stime


def summary(name: str, numbers: list[float], unit: str) -> str:
    """Return median, 95th percentile and worst in one line."""
    ordered = sorted(numbers)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    shown = [
        f"{number:.3f}" if unit == "s" else f"{number:.0f}"
        for number in (statistics.median(ordered), high, ordered[-1])
    ]
    return f"{name:<9} median {shown[0]:>6}  p95 {shown[1]:>6}  worst {shown[2]:>6} {unit}"


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, default=5, help="how many of the slowest to ask as processes"
    )
    parser.add_argument("--save", default="", metavar="FILE", help="write every answer as JSON")
    parser.add_argument("--against", default="", metavar="FILE", help="answers that were saved before")
    arguments = parser.parse_args()
    import_everything()
    found: list[Asked] = []
    answers: dict[str, object] = {}
    for words in questions(arguments.questions, arguments.seed):
        seconds, text = asked(words)
        lines = text.splitlines()
        found.append(Asked(words, seconds, len(lines), max(map(len, lines), default=0)))
        if arguments.save or arguments.against:
            answers[" ".join(words)] = json.loads(asked([*words, "--json"])[1] or "null")
    for verb in ("explain", "--why-not", "matrix"):
        some = [
            one for one in found if verb in one.words and (verb != "explain" or "--why-not" not in one.words)
        ]
        if some:
            print(f"{verb}, {len(some)} questions")  # noqa: T201 - the answer of a script
            print(summary("  CPU", [one.seconds for one in some], "s"))  # noqa: T201
            print(summary("  lines", [one.lines for one in some], ""))  # noqa: T201
            print(summary("  columns", [one.columns for one in some], ""))  # noqa: T201
    for one in sorted(found, key=lambda one: one.seconds, reverse=True)[: arguments.processes]:
        took = whole_process(one.words)
        line = f"{took:.3f} s as a process, {one.seconds:.3f} in a fork, {one.lines} lines"
        print(f"{line}: {' '.join(one.words)}")  # noqa: T201
    if arguments.save:
        Path(arguments.save).write_text(json.dumps(answers, indent=1))
    if arguments.against:
        before = json.loads(Path(arguments.against).read_text())
        other = [words for words, answer in answers.items() if before.get(words) != answer]
        print(f"{len(other)} of {len(answers)} answers differ", *other[:20], sep="\n  ")  # noqa: T201


if __name__ == "__main__":
    main()
