"""Kernels: each GPU has machine code in the wheel, or PTX that the driver can translate.

Why: without either, every kernel fails with "no kernel image is available for execution on the device".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from stackfix.model.problem import Requirement, gpu_node
from stackfix.model.wheel import AnyFile, DeviceCode, TitledRow, Wheel, WheelFile
from stackfix.rules.architectures import Native, NoCode, NotMeasured, Translated, architectures, service
from stackfix.rules.machine import driver_requirement
from stackfix.rules.scene import UNKNOWN, Scene, release_fact, wheel_source
from stackfix.versions import ComputeCapability

NAME = "kernels"


def kernels(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement on each GPU, and on the driver's branch where only PTX serves the GPU."""
    yield from told_of_code(wheel, file, wheel.code, scene)


def told_of_code(
    row: TitledRow, file: AnyFile, code: tuple[DeviceCode, ...], scene: Scene
) -> Iterator[Requirement]:
    """Yield what the device code of a row asks of each GPU and of the driver."""
    if scene.device != "gpu" or not code:
        return
    source = wheel_source(row, file)
    for index, capability in scene.capabilities():
        served = _served(code, scene.gpu_keys(index))
        here = service(code, capability)
        short = f"no code for {capability.sm}" if isinstance(here, NoCode) else ""
        general = f"has no code for compute capability {capability}" if isinstance(here, NoCode) else ""
        if isinstance(here, Native):
            says = f"has sm_{here.via} code for compute capability {capability}"
        elif isinstance(here, Translated):
            says = f"has PTX {here.via} for compute capability {capability}"
            yield from _translation(here, scene, row, file)
        else:
            says = f"has no code for compute capability {capability} ({architectures(code)})"
        yield Requirement(
            gpu_node(index), served, release_fact(row, says, NAME, source, general, short=short)
        )


@lru_cache(maxsize=256)
def _served(code: tuple[DeviceCode, ...], keys: tuple[str, ...]) -> frozenset[str]:
    """Return the capabilities that the code serves; releases of one minor mostly carry the same."""
    return frozenset(
        key
        for key in keys
        if key == UNKNOWN or not isinstance(service(code, ComputeCapability.parse(key)), NoCode | NotMeasured)
    )


def _translation(here: Translated, scene: Scene, row: TitledRow, file: AnyFile) -> Iterator[Requirement]:
    """Yield the driver branch that knows the PTX; nothing is known of PTX whose toolkit was not measured."""
    if here.toolkit is None:
        return
    branch_of = scene.facts.hardware.branch_of
    branch = scene.facts.hardware.ptx_branch(here.toolkit)
    if branch is None:
        return
    says = (
        f"serves this GPU only by PTX of CUDA {here.toolkit}, "
        f"which driver branch {branch} and newer can translate"
    )
    short = f"{scene.driver_text} < branch {branch} for PTX of CUDA {here.toolkit}"
    why = release_fact(row, says, NAME, wheel_source(row, file), short=short)
    yield driver_requirement(scene, lambda driver: branch_of(driver) >= branch, why)
