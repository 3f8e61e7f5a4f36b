"""A machine as flags describe it: what is given replaces the reading, and nothing of another machine leaks in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine, Platform
from stackfix.versions import DriverVersion

_ELSEWHERE: Unknown = Unknown(("not given, and the platform is described by --platform",))
_CUDA_OF_DRIVER: Unknown = Unknown(("not read: the driver is described by --driver",))


def described(
    machine: Machine,
    *,
    driver: DriverVersion | None = None,
    gpus: Sequence[Gpu] | None = None,
    pythons: Sequence[Interpreter] | None = None,
    platform: Platform | None = None,
    glibc: tuple[int, int] | None = None,
) -> Machine:
    """Return `machine` with what the flags say; None is a flag that was not given, `gpus=()` is `--gpu none`.

    A platform that differs from the machine's starts from a machine of which nothing is known. The CUDA that
    a driver offers goes with the driver, and the notes (all about driver and GPUs) go with what they are about.
    """
    if platform is not None and platform != machine.platform:
        machine = elsewhere(platform)
    if glibc is not None:
        if machine.platform.os != "linux":
            raise QuestionError(f"--glibc {glibc[0]}.{glibc[1]} says nothing of {machine.platform.label}")
        machine = replace(machine, glibc=Known(glibc, "--glibc"))
    if driver is not None:
        machine = replace(
            machine,
            driver=Known(driver, "--driver"),
            cuda=_CUDA_OF_DRIVER,
            notes=(),
            troubles=(),
            driver_breaks="",
        )
    if gpus is not None:
        numbered = tuple(replace(gpu, index=index) for index, gpu in enumerate(gpus))
        machine = replace(machine, gpus=Known(numbered, "--gpu"), notes=(), troubles=(), driver_breaks="")
    if pythons is not None:
        machine = replace(machine, pythons=tuple(replace(python, found_via="--python") for python in pythons))
    return machine


def elsewhere(platform: Platform) -> Machine:
    """Return a machine of which only the platform is known."""
    glibc: Reading[tuple[int, int]] = _ELSEWHERE
    if platform.os != "linux":
        glibc = Unknown((f"{platform.label} has no glibc",))
    return Machine(
        platform=platform,
        glibc=glibc,
        driver=_ELSEWHERE,
        cuda=_ELSEWHERE,
        gpus=_ELSEWHERE,
        pythons=(),
        free_disk_bytes=_ELSEWHERE,
    )
