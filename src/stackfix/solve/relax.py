"""Ways out of a conflict, each found by solving again, cheapest first.

First what was asked for, then another Python, another index, a forward-compatibility package, another driver, one
GPU of several, another system. What only a document says (another index) cannot be solved: the rest of the set is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from stackfix.model.evidence import Known
from stackfix.model.machine import Gpu, Interpreter, Machine
from stackfix.model.problem import (
    CUDA,
    DRIVER,
    GLIBC,
    PYTHON,
    Fact,
    Pins,
    Problem,
    Requirement,
    is_package,
)
from stackfix.model.resolution import Option
from stackfix.solve import explain
from stackfix.solve.case import Case, instead, left_out, newest, number, softened
from stackfix.solve.labels import unlabelled
from stackfix.solve.newest import solve
from stackfix.solve.prove import Refutation, any_set
from stackfix.solve.rebuilt import sources
from stackfix.versions import ComputeCapability, DriverVersion, PythonVersion

Way: TypeAlias = Callable[[Case], Iterator[Option]]

_GPU = "machine:gpu:"


def options(case: Case) -> tuple[Option, ...]:
    """Return every single change that lets a set exist; where none does, the first pair of changes that does."""
    found = tuple(each for way in WAYS for each in way(case))
    return found or tuple(islice(_two_changes(case), 1))


def _wishes(case: Case) -> Iterator[Option]:
    """Yield the set without a wish of the user's, keeping the package if that is possible."""
    asked = [one for one in case.roots if one.fact.rule == "request" and one.fact.relaxable]
    wishes = {one.fact: one for one in sorted(asked, key=_by_node, reverse=True)}
    for requirement in reversed(wishes.values()):
        text = f"leave out `{requirement.fact.general}`"
        pins = newest(_freed(case.problem, [requirement.fact]))
        if pins is None:
            pins = newest(explain.without(case.problem, requirement.fact, left_out))
        if pins is not None and any(name in pins for name in case.problem.order):
            absent = requirement.node not in (*pins, CUDA)
            hint = f"then there is no {requirement.node} in the set: no release of it fits" if absent else ""
            yield case.option(pins, "wish", text, hint=hint)


def _by_node(requirement: Requirement) -> str:
    return requirement.node  # a wish for extras asks several nodes, of which the package is the first


def _pythons(case: Case) -> Iterator[Option]:
    """Yield the set on the newest other Python that has one: on this machine if there is, else to be got."""
    here = {one.version.minor_version: one for one in case.machine.other_pythons}
    for python in _other_pythons(case):
        pins = _elsewhere(case, case.pose(case.machine, python))
        if pins is None:
            continue
        minor = python.version.minor_version
        if minor not in here:
            hint = f"it is not among the Pythons seen here; `uv python install {minor}` brings it"
        else:
            hint = f"it is here: {here[minor].path}" if here[minor].path else "it is on this machine"
        yield case.option(pins, "python", f"use Python {minor}", python=minor, hint=hint)
        return


def _other_pythons(case: Case) -> list[Interpreter]:
    """Return the Pythons to try where this one takes part in the conflict: those of the machine first, newest first."""
    if case.reading(PYTHON) is None:
        return []
    here = [one for one in case.machine.other_pythons if not one.free_threaded]
    seen = {one.version.minor_version for one in (*case.machine.pythons, *case.machine.other_pythons)}
    keys = sorted((key for key in case.problem.universe.keys(PYTHON) if key not in seen), key=number)
    described = [Interpreter(version=PythonVersion.parse(key), found_via="an option") for key in keys]
    return [*sorted(here, key=lambda one: one.version, reverse=True), *reversed(described)]


def _pythons_here(case: Case) -> list[Interpreter]:
    """Return the machine's other Pythons, newest first: what another driver or glibc needs may be for one of them."""
    here = {one.version.minor_version: one for one in (*case.machine.other_pythons, *case.machine.pythons)}
    others = [
        one
        for minor, one in here.items()
        if not one.free_threaded and minor != case.python.version.minor_version
    ]
    return sorted(others, key=lambda one: one.version, reverse=True)


def _elsewhere(case: Case, problem: Problem) -> Pins | None:
    """Return the newest set of the problem as it is put elsewhere.

    What takes part in the conflict here is asked first, alone: most Pythons fail by it, and reading what the rest of
    the set requires costs most of the time.
    """
    nodes = {one.node for one in case.roots}
    part = tuple(one for one in problem.roots if one.node in nodes or not is_package(one.node))
    alone = any_set(Problem(problem.universe, part, problem.order))
    return None if alone is None else newest(problem)


def _forward(case: Case) -> Iterator[Option]:
    """Yield the set with NVIDIA's forward-compatibility package, where the GPUs and the system are of its kinds."""
    driver, gpus = case.machine.driver, case.machine.gpus
    reading = case.reading(DRIVER)
    if reading is None or case.machine.wsl or not isinstance(driver, Known) or not isinstance(gpus, Known):
        return
    hardware = case.facts.hardware
    kinds = {hardware.gpu_kind(gpu.name) for gpu in gpus.value}
    if len(kinds) != 1 or not all(_knows(case, driver.value, gpu) for gpu in gpus.value):
        return
    steps = [key for key in case.problem.universe.keys(DRIVER) if key != str(driver.value)]
    for package, cuda in hardware.forward_packages(driver.value, case.machine.platform.os, kinds.pop()):
        branch = hardware.ptx_branch(cuda)
        keys = [key for key in steps if hardware.branch_of(DriverVersion.parse(key)) == branch]
        if not keys:
            continue
        pins = newest(explain.without(case.problem, reading.fact, instead(max(keys, key=number))))
        if pins is not None:
            text = f"install NVIDIA's {package} beside driver {driver.value}"
            hint = (
                f"forward compatibility, for data-centre GPUs under Linux: it runs CUDA {cuda} on this driver"
            )
            option = case.option(pins, "forward compatibility", text, hint=hint)
            yield replace(option, evidence=str(hardware.forward_source(package)))
            return


def _knows(case: Case, driver: DriverVersion, gpu: Gpu) -> bool:
    """Whether the driver itself knows a GPU: the package brings CUDA, not the kernel module."""
    if not isinstance(gpu.compute_capability, Known):
        return False
    row = case.facts.hardware.capability(gpu.compute_capability.value)
    branch = case.facts.hardware.branch_of(driver)
    return row is None or row.first_driver_branch is None or branch >= row.first_driver_branch


def _driver(case: Case) -> Iterator[Option]:
    """Yield the nearest newer driver that lets a set exist, else the nearest older one; of a group, for each machine.

    Where no machine's driver alone helps a group, the oldest is named that helps on all that are older.
    """
    found = [
        option for reading, where in case.readings(DRIVER) for option in _other_driver(case, reading, where)
    ]
    yield from found or _drivers_everywhere(case)


def _other_driver(case: Case, reading: Requirement, where: str) -> Iterator[Option]:
    if not _any_key_helps(case, reading):
        return
    (here,) = reading.allowed
    keys = sorted(case.problem.universe.keys(reading.node), key=number)
    newer = _newer(case, reading)
    older = [key for key in keys if number(key) < number(here)]
    found = _first(case, reading, newer)
    if found is not None:
        key, pins = found
        limit = _last_that_serves(case, reading, newer[newer.index(key) :])
        text = f"install NVIDIA driver {key} or newer{where}"
        yield case.option(pins, "driver", text, hint=_limited(limit))
        return
    found = _first(case, reading, older[::-1])
    if found is not None:
        key, pins = found
        branch = case.facts.hardware.branch_of(DriverVersion.parse(key))
        hint = f"older than the one that is there ({here})"
        yield case.option(pins, "driver", f"install an NVIDIA driver of branch {branch}{where}", hint=hint)


def _drivers_everywhere(case: Case) -> Iterator[Option]:
    """Yield the oldest driver that lets a set exist once every machine of a group has it or a newer one."""
    readings = [one for one in case.problem.roots if one.node.startswith(f"{DRIVER}@") and one.fact.relaxable]
    if len(readings) < 2 or not case.readings(DRIVER):
        return
    keys = {key for one in readings for key in case.problem.universe.keys(one.node)}
    for key in sorted(keys, key=number):
        older = [one for one in readings if number(min(one.allowed)) < number(key)]
        if len(older) < 2:
            continue
        problem = case.problem
        for one in older:
            problem = explain.without(problem, one.fact, instead(key))
        pins = newest(problem)
        if pins is not None:
            names = [case.machine.group[int(one.node.partition("@")[2])][0] for one in older]
            text = f"install NVIDIA driver {key} or newer on {', '.join(names)}"
            yield case.option(pins, "driver", text)
            return


def _any_key_helps(case: Case, reading: Requirement) -> bool:
    """Whether a set exists at all once this reading may be anything."""
    return any_set(explain.without(case.problem, reading.fact, left_out)) is not None


def _first(case: Case, reading: Requirement, keys: Iterable[str]) -> tuple[str, Pins] | None:
    """Return the first key in place of a reading that has a set, with its newest set."""
    for key in keys:
        pins = newest(explain.without(case.problem, reading.fact, instead(key)))
        if pins is not None:
            return key, pins
    return None


def _last_that_serves(case: Case, reading: Requirement, keys: Sequence[str]) -> int | None:
    """Return the last branch that still has a set, None where the newest has."""
    with_newest = explain.without(case.problem, reading.fact, instead(keys[-1]))
    if any_set(with_newest) is not None:
        return None
    found = _first(case, reading, reversed(keys))
    return case.facts.hardware.branch_of(DriverVersion.parse(found[0])) if found is not None else None


def _gpus(case: Case) -> Iterator[Option]:
    """Yield the set for one GPU alone, where one of several takes part in the conflict."""
    for alone in _alone(case):
        pins = newest(case.pose(alone.machine, case.python))
        if pins is not None:
            yield case.option(pins, "gpu", alone.text, hint=alone.hint)


class _Alone(Struct, frozen=True, kw_only=True):
    """The machine with one of its GPUs, and how to keep to that one."""

    machine: Machine
    text: str
    hint: str


def _alone(case: Case) -> Iterator[_Alone]:
    """Yield the machine with each kind of its GPUs alone, where one of several takes part in the conflict."""
    gpus = case.machine.gpus.value if isinstance(case.machine.gpus, Known) else ()
    if case.machine.group or len(gpus) < 2 or not any(one.node.startswith(_GPU) for one in case.roots):
        return
    tried: set[ComputeCapability] = set()
    for gpu in gpus:
        capability = gpu.compute_capability
        if not isinstance(capability, Known) or capability.value in tried:
            continue
        tried.add(capability.value)
        by_place = "" if gpu.uuid else "CUDA_DEVICE_ORDER=PCI_BUS_ID "
        yield _Alone(
            machine=replace(case.machine, gpus=Known((gpu,), "an option")),
            text=f"use GPU {gpu.index} ({gpu.name}) alone",
            hint=(
                f"ask with `--gpu-index {gpu.index}`, and run with "
                f"{by_place}CUDA_VISIBLE_DEVICES={gpu.uuid or gpu.index}"
            ),
        )


def _glibc(case: Case) -> Iterator[Option]:
    """Yield the oldest newer glibc that lets a set exist."""
    for reading, where in case.readings(GLIBC):
        found = _first(case, reading, _newer(case, reading))
        if found is not None:
            machine = where.removeprefix(" on ")
            text = f"move {machine} to" if machine else "move to"
            hint = "a newer distribution, or a container of one"
            yield case.option(found[1], "glibc", f"{text} a system with glibc {found[0]} or newer", hint=hint)


def _two_changes(case: Case) -> Iterator[Option]:
    """Yield two changes at once: a first one after which another finds a set."""
    wishes = [one.fact for one in case.problem.roots if one.fact.rule == "request" and one.fact.relaxable]
    if wishes:
        freed = replace(
            case,
            problem=_freed(case.problem, wishes),
            pose=lambda machine, python: _freed(case.pose(machine, python), wishes),
        )
        listed = " and ".join(dict.fromkeys(f"`{fact.general}`" for fact in wishes))
        yield from _then(freed, f"leave out {listed}", (_pythons, _driver, _gpus, _glibc))
    for alone in _alone(case):
        after = replace(case, problem=case.pose(alone.machine, case.python), machine=alone.machine)
        yield from _then(after, alone.text, (_driver, _pythons, _glibc, _wishes))
    for python in _other_pythons(case) or _pythons_here(case):
        after = replace(case, problem=case.pose(case.machine, python), python=python)
        yield from _then(after, f"use Python {python.version.minor_version}", (_driver, _glibc, _wishes))
    yield from _driver_and_glibc(case)


def _driver_and_glibc(case: Case) -> Iterator[Option]:
    """Yield the nearest newer driver and glibc that together let a set exist."""
    readings = {
        one.node: one for one in case.problem.roots if one.fact.rule == "machine" and one.fact.relaxable
    }
    driver, glibc = readings.get(DRIVER), readings.get(GLIBC)
    if driver is None or glibc is None or not {driver.fact, glibc.fact} & set(case.conflict):
        return
    any_glibc = replace(case, problem=explain.without(case.problem, glibc.fact, left_out))
    if not _any_key_helps(any_glibc, driver):
        return
    newer = _newer(case, driver)
    first = _first(any_glibc, driver, newer)
    if first is None:
        return
    there = replace(case, problem=explain.without(case.problem, driver.fact, instead(first[0])))
    found = _first(there, glibc, _newer(case, glibc))
    if found is not None:
        limit = _last_that_serves(any_glibc, driver, newer[newer.index(first[0]) :])
        text = (
            f"install NVIDIA driver {first[0]} or newer, and move to a system with glibc {found[0]} or newer"
        )
        yield case.option(found[1], "several", text, hint=_limited(limit))


def _newer(case: Case, reading: Requirement) -> list[str]:
    """Return the keys of a reading above the one that was read, nearest first."""
    (here,) = reading.allowed
    return sorted(
        (key for key in case.problem.universe.keys(reading.node) if number(key) > number(here)), key=number
    )


def _limited(branch: int | None) -> str:
    return f"but none newer than branch {branch}" if branch else ""


def _freed(problem: Problem, wishes: Collection[Fact]) -> Problem:
    """Return the problem with these wishes' packages of any version."""
    roots = tuple(
        Requirement(one.node, frozenset(problem.universe.keys(one.node)), softened(one.fact))
        if one.fact in wishes
        else one
        for one in problem.roots
    )
    return Problem(problem.universe, roots, problem.order)


def _then(case: Case, first: str, ways: Sequence[Way]) -> Iterator[Option]:
    """Yield the first of some ways that finds a set after a first change has been made."""
    answer = solve(case.problem)
    if not isinstance(answer, Refutation):
        yield case.option(answer, "several", first)
        return
    conflict = explain.why_not_at_all(case.problem, answer)
    after = replace(case, conflict=conflict)
    for way in ways:
        for option in way(after):
            yield replace(option, kind="several", text=f"{first}, and {option.text}")
            return


WAYS: tuple[Way, ...] = (
    unlabelled,
    _wishes,
    _pythons,
    sources,
    _forward,
    _driver,
    _gpus,
    _glibc,
)
