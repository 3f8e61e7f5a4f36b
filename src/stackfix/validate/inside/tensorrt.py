"""Whether both networks run on TensorRT, in a process of its own: building its engines takes long, and may crash."""

from __future__ import annotations

import ctypes
import importlib
import time
from pathlib import Path
from typing import Any

from . import agreement, libraries, placement
from .journal import Journal
from .picture import read
from .pipeline import People, find_people
from .sessions import CPU, CUDA, TENSORRT, Networks, Options, listening

NAME = "tensorrt"
_SHOWN = 5


class NotProvedError(Exception):
    """The networks do not run on TensorRT, or give other numbers there."""


def load(paths: list[str]) -> None:
    """Load TensorRT's libraries by path: onnxruntime looks for them by name alone."""
    for path in paths:
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)


def prove(request: dict[str, Any], journal: Journal) -> None:
    """Write one check: yes with what ran where, how fast and how right, or why that is not proved."""
    try:
        runtime = importlib.import_module("onnxruntime")
        journal.stage("load TensorRT's libraries")
        load(request["tensorrt"])
        driver = libraries.driver()
        if not driver["found"] or driver["result"] != 0 or not driver["devices"]:
            journal.not_asked(
                NAME, "its libraries are here and load; not proved: there is no GPU to run them on"
            )
            return
        journal.passed(NAME, _proved(runtime, request, journal))
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise is the answer
        said = str(error) if isinstance(error, NotProvedError) else f"{type(error).__name__}: {error}"
        journal.not_asked(NAME, f"not proved: {said}")


def _proved(runtime: Any, request: dict[str, Any], journal: Journal) -> str:
    picture = read(request["image"])
    cpu = Networks(runtime, request["detector"], request["pose"], Options([CPU]))
    expected = find_people(picture, cpu.run_detector, cpu.run_pose, frame=cpu.frame)
    journal.stage("build TensorRT's engines and run the networks on them")
    began = time.perf_counter()
    networks, people, how = _run(runtime, request, picture)
    built = time.perf_counter() - began
    outputs = networks.replay(cpu.inputs)
    for verdict in (
        agreement.compare_outputs(outputs, cpu.outputs),
        agreement.compare_people(people, expected),
    ):
        if not verdict.ok:
            raise NotProvedError(f"it gives other numbers: {verdict.text}")
    nodes: list[dict[str, Any]] = []
    for path in networks.end_profiling():
        nodes.extend(placement.read_events(path))
        Path(path).unlink()
    placed = placement.judge(nodes, (TENSORRT, CUDA))
    on = [each for each in nodes if each["provider"] == TENSORRT]
    if not placed.ok or not on:
        raise NotProvedError(placed.text if on else "no node of the networks ran on it")
    return f"{how}; {placed.text}; engines built and first run in {built:.0f} s; {verdict.text}"


def _run(runtime: Any, request: dict[str, Any], picture: Any) -> tuple[Networks, People, str]:
    """Return the networks on TensorRT, alone if they can be, what they found, and how they were opened."""
    said: list[str] = []
    alone = "TensorRT alone runs both networks"
    for providers, how in (
        ([TENSORRT], alone),
        ([TENSORRT, CUDA], "TensorRT runs the networks with CUDA beside it"),
        ([TENSORRT, CUDA, CPU], "TensorRT runs the networks with CUDA and, for shapes, the CPU beside it"),
    ):
        options = Options(providers, strict=CPU not in providers, profile=request["scratch"])
        with listening(request["scratch"]) as heard:
            try:
                networks = Networks(runtime, request["detector"], request["pose"], options)
                people = find_people(picture, networks.run_detector, networks.run_pose, frame=networks.frame)
                raised = (
                    ""
                    if all(each[0] == TENSORRT for each in networks.providers())
                    else "the sessions left it"
                )
            except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
                raised = f"{type(error).__name__}: {error}"
        if not raised:
            return networks, people, how
        said.extend(line for line in (raised, *heard.text.strip().splitlines()[:_SHOWN]) if line not in said)
    raise NotProvedError("\n".join(said))
