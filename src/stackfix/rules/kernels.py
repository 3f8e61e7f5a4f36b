"""Kernels: each GPU has machine code in the wheel, or PTX that the driver can translate.

Why: without either, every kernel fails with "no kernel image is available for execution on the device".
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import Requirement, gpu_node
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.architectures import Native, NoCode, NotMeasured, Translated, architectures, service
from stackfix.rules.machine import driver_requirement
from stackfix.rules.scene import UNKNOWN, Scene, fact, wheel_source
from stackfix.versions import ComputeCapability

NAME = "kernels"


def kernels(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement on each GPU, and on the driver's branch where only PTX serves the GPU."""
    if scene.device != "gpu" or not wheel.code:
        return
    release = f"{wheel.package} {wheel.version}"
    source = wheel_source(wheel, file)
    for index, capability in scene.capabilities():
        served = frozenset(
            key
            for key in scene.gpu_keys(index)
            if key == UNKNOWN
            or not isinstance(service(wheel.code, ComputeCapability.parse(key)), NoCode | NotMeasured)
        )
        here = service(wheel.code, capability)
        if isinstance(here, Native):
            text = f"{release} has sm_{here.via} code for compute capability {capability}"
        elif isinstance(here, Translated):
            text = f"{release} has PTX {here.via} for compute capability {capability}"
            yield from _translation(here, release, scene, wheel, file)
        else:
            text = f"{release} has no code for compute capability {capability} ({architectures(wheel.code)})"
        yield Requirement(gpu_node(index), served, fact(text, NAME, source))


def _translation(
    here: Translated, release: str, scene: Scene, wheel: Wheel, file: WheelFile
) -> Iterator[Requirement]:
    """Yield the driver branch that knows the PTX; nothing is known of PTX whose toolkit was not measured."""
    if here.toolkit is None:
        return
    branch = scene.facts.hardware.ptx_branch(here.toolkit)
    if branch is None:
        return
    text = (
        f"{release} serves this GPU only by PTX of CUDA {here.toolkit}, "
        f"which driver branch {branch} and newer can translate"
    )
    why = fact(text, NAME, wheel_source(wheel, file))
    yield driver_requirement(scene, lambda driver: driver.branch >= branch, why)
