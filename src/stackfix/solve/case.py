"""A problem without a set, and what changes it: what every way out starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import CUDA, DRIVER, Fact, Pins, Problem, Requirement
from stackfix.model.resolution import Option
from stackfix.rules.scene import Facts
from stackfix.solve.newest import solve
from stackfix.solve.prove import Refutation, any_set


class Pose(Protocol):
    """Puts the same request on another machine or another Python of it."""

    def __call__(self, machine: Machine, python: Interpreter) -> Problem:
        """Return the problem there."""


class Case(Struct, frozen=True, kw_only=True):
    """A problem without a set, on one Python of a machine, and its minimal conflict."""

    problem: Problem
    machine: Machine
    python: Interpreter
    facts: Facts
    conflict: tuple[Fact, ...]
    pose: Pose

    @property
    def roots(self) -> list[Requirement]:
        """The root requirements that take part in the conflict."""
        return [requirement for requirement in self.problem.roots if requirement.fact in self.conflict]

    def reading(self, node: str) -> Requirement | None:
        """Return the reading of the machine that takes part in the conflict, None where it does not."""
        return next((one for one in self.roots if one.node == node and one.fact.relaxable), None)

    def readings(self, node: str) -> list[tuple[Requirement, str]]:
        """Return the reading of each machine that takes part in the conflict, and of a group " on NAME"."""
        found: list[tuple[Requirement, str]] = []
        for one in self.roots:
            base, _, place = one.node.partition("@")
            if base == node and one.fact.relaxable:
                found.append((one, f" on {self.machine.group[int(place)][0]}" if place else ""))
        return found

    def option(self, pins: Pins, kind: str, text: str, *, python: str = "", hint: str = "") -> Option:
        """Return a way out with the set that comes out."""
        return Option(
            text=text,
            kind=kind,
            packages=tuple((name, pins[name]) for name in self.problem.order if name in pins),
            cuda=pins.get(CUDA, "")
            if any(root.node.startswith(DRIVER) for root in self.problem.roots)
            else "",
            python=python or self.python.version.minor_version,
            hint=hint,
        )


def newest(problem: Problem) -> Pins | None:
    """Return the newest set, None where there is none: most of what is tried has none, and nobody asks why."""
    if any_set(problem) is None:
        return None
    found = solve(problem)
    return None if isinstance(found, Refutation) else found


def softened(fact: Fact) -> Fact:
    """Return the fact of a root requirement that no longer asks for what it did."""
    return Fact(text=f"{fact.text} (any version)", rule=fact.rule, source=fact.source)


def instead(key: str) -> Callable[[Requirement], Requirement]:
    """Return what puts another key in a reading's place."""
    return lambda read: Requirement(read.node, frozenset({key}), softened(read.fact))


def left_out(requirement: Requirement) -> None:
    """Return that nothing takes a root requirement's place."""
    del requirement


def number(key: str) -> tuple[int, ...]:
    """Return a reading's key as numbers, to compare it."""
    return tuple(int(part) for part in key.split(".")) if key[:1].isdigit() else ()
