"""The verb of the core: a machine, facts and a request in; the newest set or an explanation out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from stackfix.errors import QuestionError
from stackfix.model.evidence import Source
from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import (
    CUDA,
    PYTHON,
    Fact,
    Pins,
    Problem,
    Requirement,
    is_package,
)
from stackfix.model.request import Request, Root
from stackfix.model.resolution import Alternative, Explanation, Newer, Pin, Resolution
from stackfix.rules.scene import UNKNOWN, Facts
from stackfix.solve import explain
from stackfix.solve.case import Case
from stackfix.solve.newest import solve
from stackfix.solve.pose import Posed, Universes, pose
from stackfix.solve.prove import Refutation, any_set
from stackfix.solve.relax import options

OLDEST_PYTHON = (3, 8)

Reasons: TypeAlias = Literal["all", "marks", "none"]


def resolve(
    machine: Machine,
    facts: Facts,
    request: Request,
    *,
    reasons: Reasons = "all",
    universes: Universes | None = None,
) -> Resolution | Explanation:
    """Return the newest set over all Pythons of the machine, or why there is none on the best of them.

    `reasons` says what is worked out of newer releases that do not fit: for "all" packages why they do not, "marks"
    of those asked for, that there are some, or "none"; but for none also what other orders would give. `universes`
    are what another question about these facts has left: what is known in them is not worked out again.
    """
    universes = universes or Universes(facts)
    if not machine.pythons:
        raise QuestionError(
            "no Python was found to make an environment with", hint="name one with `--python 3.12`"
        )
    refused: list[tuple[Posed, Refutation]] = []
    best: tuple[Posed, Pins] | None = None
    for python in _newest_first(machine):
        posed = pose(machine, universes, request, python)
        if best is not None and not _beats(request, posed, best[1]):
            continue
        answer = solve(posed.problem)
        if not isinstance(answer, Refutation):
            best = posed, answer
        else:
            refused.append((posed, answer))
    if best is None:
        return _explanation(machine, universes, request, refused)
    posed, pins = best
    return _resolution(machine, request, posed, pins, reasons=reasons)


def _newest_first(machine: Machine) -> list[Interpreter]:
    """Return one interpreter per minor version, newest first, free-threaded builds last."""
    usable = [one for one in machine.pythons if (one.version.major, one.version.minor) >= OLDEST_PYTHON]
    if not usable:
        listed = ", ".join(str(one.version) for one in machine.pythons)
        raise QuestionError(
            f"Python {listed} is older than any that wheels on record are for",
            hint=f"use Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer: `--python 3.12`",
        )
    ordered = sorted(
        usable,
        key=lambda one: (
            one.free_threaded,
            -one.version.major,
            -one.version.minor,
            -(one.version.patch or 0),
        ),
    )
    minors: dict[tuple[str, bool], Interpreter] = {}
    for one in ordered:
        minors.setdefault((one.version.minor_version, one.free_threaded), one)
    return list(minors.values())


def _beats(request: Request, posed: Posed, pins: Pins) -> bool:
    """Whether some set on an older Python is newer in a package that counts before the Python itself."""
    problem = posed.problem
    kept: list[Requirement] = []
    before = (
        request.newest[: request.newest.index("python")] if "python" in request.newest else request.newest
    )
    for name in before:
        keys = problem.universe.keys(name)
        if name not in pins or pins[name] not in keys:
            return True
        newer = keys[: keys.index(pins[name])]
        if newer and any_set(problem, (*kept, _wish(name, newer))) is not None:
            return True
        kept.append(_wish(name, (pins[name],)))
    return False


def _wish(name: str, keys: Sequence[str]) -> Requirement:
    source = Source(method="asked", where="is there a newer set on another Python?")
    return Requirement(name, frozenset(keys), Fact(text=f"{name} {keys[0]}", rule="wish", source=source))


def _explanation(
    machine: Machine, universes: Universes, request: Request, refused: Sequence[tuple[Posed, Refutation]]
) -> Explanation:
    """Return why there is no set, and ways out; on the newest Python that is not itself the reason."""

    def on(machine: Machine, python: Interpreter) -> Problem:
        return pose(machine, universes, request, python).problem

    posed, conflict = _conflict(refused)
    case = Case(
        problem=posed.problem,
        machine=machine,
        python=posed.python,
        facts=universes.facts,
        conflict=conflict,
        pose=on,
    )
    return Explanation(
        device=request.device,
        machine=machine,
        python=posed.python,
        conflict=explain.merged(conflict, posed.problem.universe),
        options=options(case),
        other_pythons=tuple(
            one.python.version.minor_version for one, _ in refused if one.python is not posed.python
        ),
    )


def _conflict(refused: Sequence[tuple[Posed, Refutation]]) -> tuple[Posed, tuple[Fact, ...]]:
    """Return the newest Python in whose minimal conflict it takes no part itself, else the newest, and the conflict.

    A refutation may name the Python without need; one that doesn't tells so without being made minimal.
    """
    conflicts: list[tuple[Posed, tuple[Fact, ...]]] = []
    for posed, refutation in refused:
        conflict = explain.why_not_at_all(posed.problem, refutation)
        if not any(_is_python(fact, posed) for fact in conflict):
            return posed, conflict
        conflicts.append((posed, conflict))
    return conflicts[0]


def _is_python(fact: Fact, posed: Posed) -> bool:
    return any(root.fact == fact for root in posed.problem.roots if root.node == PYTHON)


def _resolution(
    machine: Machine, request: Request, posed: Posed, pins: Pins, *, reasons: Reasons
) -> Resolution:
    problem, universe = posed.problem, posed.universe
    found: list[Pin] = []
    whys = explain.reasons(problem, pins)
    for node in sorted(node for node in pins if is_package(node) and "[" not in node):
        wheel, file = universe.file(node, pins[node])
        found.append(Pin(name=node, version=pins[node], wheel=wheel, file=file, why=whys[node]))
    newer: list[Newer] = []
    older = [
        name for name in problem.order if reasons == "marks" and explain.is_held_back(problem, pins, name)
    ]
    if reasons == "all":
        newer = [
            each for pin in found if (each := explain.why_not_newer(problem, pins, pin.name)) is not None
        ]
        older = [each.name for each in newer]
    return Resolution(
        device=request.device,
        machine=machine,
        python=posed.python,
        cuda=pins.get(CUDA, ""),
        pins=tuple(found),
        newer=tuple(newer),
        older=tuple(older),
        alternatives=tuple(_alternatives(problem, pins)) if reasons != "none" else (),
        open_facts=tuple(_open_facts(posed, pins)),
        notes=tuple(_without_cuda(found, request, machine)),
        beside=tuple(_beside(posed, pins)),
    )


def _beside(posed: Posed, pins: Pins) -> Iterator[Root]:
    """Yield what the extras of a set ask for and the facts do not know."""
    for node in sorted(node for node in pins if is_package(node) and "[" in node):
        for requirement in posed.universe.unknown_to_facts(node, pins[node]):
            yield Root(requirement=requirement, asked_by=node)


def _without_cuda(pins: Sequence[Pin], request: Request, machine: Machine) -> Iterator[str]:
    """Yield what of a GPU set is a build without CUDA: torch, where the main index has no other for a platform."""
    for pin in pins:
        if (
            request.device == "gpu"
            and pin.name == "torch"
            and not pin.wheel.cuda
            and not pin.wheel.cuda_major
        ):
            yield (
                f"torch {pin.version} for {machine.platform.label} is a build without CUDA: torch itself runs on the CPU; "
                "`stackfix facts sources` names indexes with builds for CUDA"
            )


def _alternatives(problem: Problem, pins: Pins) -> Iterator[Alternative]:
    """Yield the other sets that come out when another of the first packages counts first."""
    seen = {tuple(pins.get(name, "") for name in problem.order)}
    for first in problem.order[1:3]:
        universe_keys = problem.universe.keys(first)
        if first not in pins or universe_keys.index(pins[first]) == 0:
            continue
        order = (first, *(name for name in problem.order if name != first))
        other = solve(Problem(problem.universe, problem.roots, order))
        if isinstance(other, Refutation):
            continue
        versions = tuple(other.get(name, "") for name in problem.order)
        if versions not in seen:
            seen.add(versions)
            yield Alternative(first=first, packages=tuple(zip(problem.order, versions, strict=True)))


def _open_facts(posed: Posed, pins: Pins) -> Iterator[Fact]:
    """Yield what the set asks of readings that nobody knows."""
    said: set[str] = set()
    for node, key in pins.items():
        for requirement in posed.universe.requires(node, key):
            if pins.get(requirement.node) == UNKNOWN and requirement.fact.text not in said:
                said.add(requirement.fact.text)
                yield requirement.fact
