"""Brought: NVIDIA's packages, which nobody asks for by name and which are gigabytes.

A solver takes the newest of what comes in, and where onnxruntime-gpu comes in anew that may be of another CUDA than all
that is there for it. So a repair that takes NVIDIA's packages out or replaces them is asked for once more with all of
them staying, and the smaller of the two counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from stackfix.model.evidence import Source
from stackfix.model.problem import Fact, Problem, Requirement
from stackfix.model.repair import Repair, TakenOut
from stackfix.rules.scene import Scene

_HEAD = "nvidia-"


def alters(found: Repair, whole: Collection[str]) -> bool:
    """Whether a repair takes out or replaces one of NVIDIA's packages that is there and whole."""
    names = {step.name if isinstance(step, TakenOut) else step.pin.name for step in found.steps}
    return any(name.startswith(_HEAD) and name in whole for name in names)


def all_kept(problem: Problem, installed: Mapping[str, str], scene: Scene, where: str) -> Problem:
    """Return a problem in which every one of NVIDIA's packages stays at its installed release."""
    source = Source(method="read", where=where)
    roots = tuple(
        Requirement(
            name, frozenset({key}), Fact(text=f"{name} {key} is installed", rule="request", source=source)
        )
        for name, key in installed.items()
        if name.startswith(_HEAD) and key in scene.releases(name)
    )
    return Problem(problem.universe, (*problem.roots, *roots), problem.order)
