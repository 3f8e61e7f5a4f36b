"""An environment's own interpreter, asked: what its GPU packages say when they are really imported.

Each order of imports in a child of its own, under a time limit: what the first one loads may be what the second finds.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from stackfix.model.environment import Environment
from stackfix.model.live import LiveRun, LiveStep
from stackfix.model.surroundings import left_out
from stackfix.probe import live_worker
from stackfix.probe.child import Broken, ChildAnswer, Ended, first_line, run_together
from stackfix.telemetry import without_telemetry

# The first import of torch from a cold disk takes half a minute.
_SECONDS = 180.0
# Where the driver alone does not come back, what asks for it will not either, and what does not is done long before.
_SECONDS_WITHOUT_DRIVER = 60.0
_MOST = 1 << 20
_MOST_PRINTED = 4000
_PROVIDERS = ("libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll")
_CUDA = re.compile(r"(lib)?(cu[a-z]|nv[a-z])", re.IGNORECASE)
_DRIVER = re.compile(r"(lib)?(nv)?cuda\.(so|dll)", re.IGNORECASE)


def look_live(
    environment: Environment, *, seconds: float = _SECONDS, driver_breaks: str = ""
) -> tuple[LiveRun, ...]:
    """Return what happened in a child for each order of torch and onnxruntime, as far as they are installed.

    `driver_breaks` is what the reading of the machine says under that name: then each has less time.
    """
    seconds = min(seconds, _SECONDS_WITHOUT_DRIVER) if driver_breaks else seconds
    names = environment.packages
    packages = ["torch"] if "torch" in names else []
    packages += ["onnxruntime"] if {"onnxruntime", "onnxruntime-gpu"} & set(names) else []
    orders = list(dict.fromkeys((tuple(packages), tuple(reversed(packages))))) if packages else []
    needed = ",".join(_provider_needs(environment))
    said = tuple(f"{name} {text}" for name, text in left_out(os.environ))
    with tempfile.TemporaryDirectory(prefix="stackfix-live-") as folder:
        files = [Path(folder) / str(number) for number in range(len(orders))]
        commands = [
            [environment.executable, "-I", "-B", live_worker.__file__, str(file), ",".join(order), needed]
            for file, order in zip(files, orders, strict=True)
        ]
        answers = run_together(commands, seconds=seconds, environ=without_telemetry(os.environ))
        return tuple(
            replace(live_run(order, _said(file), answer), left_out=said)
            for order, file, answer in zip(orders, files, answers, strict=True)
        )


def _provider_needs(environment: Environment) -> tuple[str, ...]:
    """Return what the CUDA provider needs of CUDA; a provider that has a run path finds it by that."""
    for library in environment.libraries:
        if library.file_name in _PROVIDERS and not library.run_path:
            return tuple(name for name in library.needed if _CUDA.match(name) and not _DRIVER.match(name))
    return ()


def _said(file: Path) -> str:
    try:
        with file.open("rb") as handle:
            return handle.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def live_run(order: Sequence[str], said: str, answer: ChildAnswer) -> LiveRun:
    """Return a child's run from what it wrote and how it ended."""
    steps: list[LiveStep] = []
    during = "the start"
    for line in _lines(said):
        if "begin" in line:
            during = str(line["begin"])
        elif "step" in line:
            steps.append(LiveStep(str(line["step"]), line.get("ok") is True, str(line.get("text", ""))))
            during = ""
    broken = ""
    if isinstance(answer, Broken):
        broken = answer.reason
    elif answer.code or during:
        broken = f"ended with {answer.code}" + (f": {first_line(answer.err)}" if answer.err.strip() else "")
    return LiveRun(
        order=tuple(order),
        steps=tuple(steps),
        broken=broken,
        during=during if broken else "",
        printed=answer.err[:_MOST_PRINTED] if isinstance(answer, Ended) else "",
    )


def _lines(said: str) -> Iterator[dict[str, object]]:
    for text in said.splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            yield line
