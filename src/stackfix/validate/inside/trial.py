"""One way to open the networks, timed in a process of its own, so that its memory is its own."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from typing import Any

from .journal import Journal
from .memory import Meter
from .picture import read
from .pipeline import find_people
from .sessions import CPU, CUDA, Networks, Options, listening
from .tensorrt import load


def run(request: dict[str, Any], journal: Journal) -> None:
    """Write first, median and network milliseconds, memory, and whether the sessions stayed where they were asked."""
    gpu = request["device"] == "gpu"
    journal.stage("open the networks")
    runtime = importlib.import_module("onnxruntime")
    meter = Meter() if gpu else None
    if meter is not None:
        journal.value("gpu state", meter.state())
    wanted = request["provider"] or (CUDA if gpu else CPU)
    before = [] if wanted == CPU else [(wanted, request["provider_options"])]
    providers = [*before, *([CUDA] if wanted not in {CPU, CUDA} else []), CPU]
    raised = ""
    with listening(request["scratch"]) as heard:
        try:
            load(request["loads"])
            options = Options(providers, settings=request["settings"])
            networks = Networks(runtime, request["detector"], request["pose"], options)
            networks.recording = False
            picture = read(request["image"])
            _time(networks, picture, int(request["repeats"]), journal)
            first = [each[0] for each in networks.providers()]
        except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
            raised = f"{type(error).__name__}: {error}"
    if raised:
        journal.failed("trial", f"{raised}\n{heard.text}".strip())
        return
    stayed = first == [wanted, wanted]
    journal.check(
        "trial", stayed, f"ran on {wanted}" if stayed else f"the sessions run on {first}\n{heard.text}"
    )
    journal.value("memory", meter.reading() if meter is not None else _resident())


def _time(networks: Networks, picture: Any, repeats: int, journal: Journal) -> None:
    journal.stage("time the networks")
    spent = []
    inside = []
    for _ in range(repeats + 1):
        networks.clear()
        began = time.perf_counter()
        find_people(
            picture, networks.run_detector, networks.run_pose, frame=networks.frame, square=networks.square
        )
        spent.append((time.perf_counter() - began) * 1000)
        inside.append(networks.spent * 1000)
    journal.value("first_ms", round(spent[0], 3))
    journal.value("latency_ms", round(statistics.median(spent[1:]), 3))
    journal.value("network_ms", round(statistics.median(inside[1:]), 3))


def _resident() -> dict[str, Any]:
    """Return the most memory that this process held at once, as Unix counts it."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return {"tried": ["this system does not tell the most memory of a process"]}
    most = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return {
        "value": most if sys.platform == "darwin" else most * 1024,
        "found_via": "most memory of the process",
    }
