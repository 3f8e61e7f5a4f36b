"""Ways out of a conflict, each found by solving again, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stackfix.model.problem import DRIVER, GLIBC, PYTHON, Fact, Pins, Problem, Requirement
from stackfix.model.resolution import Option
from stackfix.solve import explain
from stackfix.solve.newest import solve
from stackfix.solve.prove import Refutation

_WORDS = {
    DRIVER: "install NVIDIA driver {key} or newer",
    GLIBC: "move to a system with glibc {key} or newer",
}


def options(
    problem: Problem, refutation: Refutation, on_python: Callable[[str], Problem]
) -> Iterator[Option]:
    """Yield ways out: first what the user asked for, then Python, driver, glibc; never another GPU.

    `on_python` poses the same problem for another Python: its wheels and markers differ.
    """
    facts = explain.relaxable(explain.why_not_at_all(problem, refutation))
    asked = [requirement for requirement in problem.roots if requirement.fact in facts]
    for requirement in sorted(asked, key=_cost):
        if requirement.fact.rule == "request":
            yield from _drop(problem, requirement)
        elif requirement.node == PYTHON:
            yield from _other_python(problem, on_python)
        elif requirement.node in _WORDS:
            yield from _change(problem, requirement)


def _cost(requirement: Requirement) -> tuple[int, str]:
    if requirement.fact.rule == "request":
        return 0, requirement.node
    nodes = [PYTHON, DRIVER, GLIBC]
    return 1 + nodes.index(requirement.node) if requirement.node in nodes else 9, requirement.node


def _drop(problem: Problem, requirement: Requirement) -> Iterator[Option]:
    """Yield the set without a wish of the user's, keeping the package if that is possible."""
    keys = frozenset(problem.universe.keys(requirement.node))

    def any_version(dropped: Requirement) -> Requirement:
        return Requirement(dropped.node, keys, _softened(dropped.fact))

    for put in (any_version, lambda _: None):
        answer = solve(explain.without(problem, requirement.fact, put))
        if not isinstance(answer, Refutation) and _packages(problem, answer):
            yield Option(
                text=f"leave out `{requirement.fact.general}`", packages=tuple(_packages(problem, answer))
            )
            return


def _other_python(problem: Problem, on_python: Callable[[str], Problem]) -> Iterator[Option]:
    """Yield the set on the newest other Python that has one."""
    for key in sorted(problem.universe.keys(PYTHON)[1:], key=_number, reverse=True):
        answer = solve(on_python(key))
        if not isinstance(answer, Refutation):
            yield Option(text=f"use Python {key}", packages=tuple(_packages(problem, answer)))
            return


def _softened(fact: Fact) -> Fact:
    return Fact(text=f"{fact.text} (any version)", rule=fact.rule, source=fact.source)


def _change(problem: Problem, requirement: Requirement) -> Iterator[Option]:
    """Yield the smallest change of a reading that lets a set exist."""
    (here,) = requirement.allowed
    for key in _upwards(problem.universe.keys(requirement.node), here):

        def other(read: Requirement, key: str = key) -> Requirement:
            return Requirement(read.node, frozenset({key}), _softened(read.fact))

        answer = solve(explain.without(problem, requirement.fact, other))
        if not isinstance(answer, Refutation):
            text = _WORDS[requirement.node].format(key=key)
            yield Option(text=text, packages=tuple(_packages(problem, answer)))
            return


def _upwards(keys: Sequence[str], here: str) -> list[str]:
    """Return the higher keys of a reading, nearest first."""
    return sorted((key for key in keys if _number(key) > _number(here)), key=_number)


def _number(key: str) -> tuple[int, ...]:
    return tuple(int(part) for part in key.split("."))


def _packages(problem: Problem, pins: Pins) -> list[tuple[str, str]]:
    return [(name, pins[name]) for name in problem.order if name in pins]
