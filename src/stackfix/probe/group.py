"""Several machines as one that asks of a set what each of them asks: for one lock that serves them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


T = TypeVar("T", bound=_Ordered)


def grouped(machines: Mapping[str, Machine]) -> Machine:
    """Return the machine that stands for all, each reading named after the machine that it is of.

    It is shown with the oldest driver and glibc, every GPU, and the Pythons that all have; a set is asked of each
    machine as it is (`Machine.group`).
    """
    names = list(machines)
    first = machines[names[0]]
    for name, machine in machines.items():
        if machine.platform != first.platform:
            raise QuestionError(
                f"{names[0]} is {first.platform.label}, {name} is {machine.platform.label}: a lock is for one platform",
                hint="lock once for each platform",
            )
        if machine.wsl != first.wsl:
            raise QuestionError(
                f"of {names[0]} and {name} one is WSL, whose drivers are numbered as on Windows",
                hint="lock once for each",
            )
    gpus: list[Gpu] = []
    for name, machine in machines.items():
        found = machine.gpus.value if isinstance(machine.gpus, Known) else ()
        gpus += [
            replace(gpu, name=f"{gpu.name} of {name}", index=len(gpus) + place)
            for place, gpu in enumerate(found)
        ]
    known = all(isinstance(machine.gpus, Known) for machine in machines.values())
    return replace(
        first,
        driver=_least({name: machine.driver for name, machine in machines.items()}),
        cuda=_least({name: machine.cuda for name, machine in machines.items()}),
        glibc=_least({name: machine.glibc for name, machine in machines.items()}),
        gpus=Known(tuple(gpus), ", ".join(names))
        if gpus or known
        else Unknown(tuple(f"{name}: not known" for name in names)),
        pythons=_common(machines),
        group=tuple(machines.items()),
        tegra=any(machine.tegra for machine in machines.values()),
        other_pythons=(),
        troubles=tuple(trouble for machine in machines.values() for trouble in machine.troubles),
        notes=tuple(f"{name}: {note}" for name, machine in machines.items() for note in machine.notes),
    )


def _least(readings: Mapping[str, Reading[T]]) -> Reading[T]:
    """Return the least of the readings that are known, and whose it is; Unknown where none is."""
    known = [(reading.value, name) for name, reading in readings.items() if isinstance(reading, Known)]
    if not known:
        return Unknown(
            tuple(
                f"{name}: {one}"
                for name, reading in readings.items()
                if isinstance(reading, Unknown)
                for one in reading.tried
            )
        )
    value, name = known[0]
    for other, whose in known[1:]:
        if other < value:
            value, name = other, whose
    return Known(value, name)


def _common(machines: Mapping[str, Machine]) -> tuple[Interpreter, ...]:
    """Return the Pythons of which each machine has the minor version."""
    minors = [
        {one.version.minor_version: one for one in machine.pythons if not one.free_threaded}
        for machine in machines.values()
    ]
    common = [one for minor, one in minors[0].items() if all(minor in each for each in minors)]
    if not common:
        listed = "; ".join(
            f"{name}: {', '.join(each) or 'none'}" for name, each in zip(machines, minors, strict=True)
        )
        raise QuestionError(
            f"there is no Python that all of these machines have ({listed})",
            hint="install one on all of them, or name it: `--python 3.12`",
        )
    return tuple(replace(one, path="", found_via=", ".join(machines)) for one in common)
