"""Driver and GPU: what a CUDA asks of them, and what a GPU asks of its driver.

Why: a driver runs every CUDA up to its own and, within a major, the newer minors too (minor-version
compatibility); a GPU is served by the CUDA releases that have code for it and by the driver branches that
know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stackfix.model.problem import DRIVER, Fact, Requirement, gpu_node
from stackfix.rules.scene import UNKNOWN, Scene, fact
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion

FLOOR = "driver floor"
GPU = "GPU and CUDA"


def driver_requirement(scene: Scene, accepts: Callable[[DriverVersion], bool], why: Fact) -> Requirement:
    """Return a requirement on the driver; a driver that is not known is not ruled out."""
    allowed = frozenset(
        key
        for key in scene.driver_keys()
        if key == UNKNOWN or (key != "none" and accepts(DriverVersion.parse(key)))
    )
    return Requirement(DRIVER, allowed, why)


def cuda_requirements(key: str, scene: Scene) -> Iterator[Requirement]:
    """Yield what a CUDA minor asks: its major's driver floor, and GPUs that it has code for."""
    if scene.device != "gpu":
        return
    cuda = CudaVersion.parse(key)
    hardware = scene.facts.hardware
    floor = hardware.floor(cuda.major, scene.machine.platform.os, wsl=scene.machine.wsl)
    if floor is not None:
        text = f"CUDA {cuda.major} needs NVIDIA driver {floor.driver} or newer{_counted_on(scene)}"
        short = f"{scene.driver_text} < {floor.driver} for CUDA {cuda.major}"
        yield driver_requirement(
            scene, lambda driver: driver >= floor.driver, fact(text, FLOOR, floor.source, short)
        )
    for index, capability in scene.capabilities():
        row = hardware.capability(capability)
        if row is None:
            continue
        if row.last_cuda is not None and cuda > row.last_cuda:
            text = f"CUDA {row.last_cuda} is the last with code for compute capability {capability} ({row.architecture})"
            short = f"CUDA {row.last_cuda} is the last for {capability.sm}"
        elif (first := hardware.first_cuda_of_family(capability)) is not None and cuda < first:
            text = f"CUDA {first} is the first with code for compute capability {capability} ({row.architecture})"
            short = f"CUDA {first} is the first for {capability.sm}"
        else:
            continue
        allowed = frozenset(scene.gpu_keys(index)) - {str(capability)}
        yield Requirement(gpu_node(index), allowed, fact(text, GPU, row.source, short))


def _counted_on(scene: Scene) -> str:
    """Return whose numbers a floor is given in, where they are not Linux's own."""
    if scene.machine.wsl:
        return " (the number of the driver on Windows, which WSL uses)"
    return " on Windows" if scene.machine.platform.os == "windows" else ""


def gpu_requirements(index: int, key: str, scene: Scene) -> Iterator[Requirement]:
    """Yield what a GPU asks: any CUDA that has code for it, and a driver branch that knows it."""
    del index
    if key == UNKNOWN:
        return
    capability = ComputeCapability.parse(key)
    row = scene.facts.hardware.capability(capability)
    if row is None:
        return
    name = f"compute capability {key} ({row.architecture})"
    branch_of = scene.facts.hardware.branch_of
    if row.first_driver_branch is not None:
        first = row.first_driver_branch
        text = f"driver branch {first} is the first that knows {name}"
        short = f"{scene.driver_text} < branch {first} for {capability.sm}"
        yield driver_requirement(
            scene, lambda driver: branch_of(driver) >= first, fact(text, GPU, row.source, short)
        )
    if row.last_driver_branch is not None:
        last = row.last_driver_branch
        text = f"driver branch {last} is the last that knows {name}"
        short = f"{scene.driver_text} > branch {last} for {capability.sm}"
        yield driver_requirement(
            scene, lambda driver: branch_of(driver) <= last, fact(text, GPU, row.source, short)
        )
