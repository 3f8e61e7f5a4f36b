"""Shared: an environment that imports packages from outside itself too, and a repair that changes none of those.

What lies outside belongs to other environments as well. It stays as it is: a release that it has too old or too new is
put into the environment itself, whose own packages come first.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from stackfix.model.environment import Environment
from stackfix.model.repair import Put, Repair, TakenOut
from stackfix.solve.staying import FOLDERS


def with_outside(environment: Environment, pillars: Collection[str]) -> tuple[Environment, frozenset[str]]:
    """Return an environment with what it imports from outside, and which of the pillars these are.

    Files outside are nobody's to look after here; of what an own package hides nothing is left.
    """
    hidden = {folder for folder in FOLDERS if environment.fillers(folder)}
    outside = [
        replace(each, files={}, missing=(), changed=())
        for each in environment.outside
        if not any(f"{folder}/__init__.py" in each.files for folder in hidden)
    ]
    whole = replace(environment, distributions=(*environment.distributions, *outside), outside=())
    return whole, frozenset(each.name for each in outside if each.name in pillars)


def apart(found: Repair, environment: Environment) -> Repair | None:
    """Return a repair as steps in the environment alone; None where something outside would have to go."""
    own = set(environment.packages)
    if any(isinstance(step, TakenOut) and step.name not in own for step in found.steps):
        return None
    steps = (
        replace(step, before="") if isinstance(step, Put) and step.pin.name not in own else step
        for step in found.steps
    )
    return replace(found, steps=tuple(steps))
