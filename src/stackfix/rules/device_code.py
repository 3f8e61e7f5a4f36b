"""Device code of libraries: cuDNN without code for a GPU does not serve it, whatever its CUDA build.

Why: the library loads, and the first convolution fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import Requirement, gpu_node
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.scene import UNKNOWN, Scene, fact
from stackfix.versions import ComputeCapability

NAME = "device code of libraries"
_CUDNN = ("libcudnn.so", "cudnn64_")


def device_code(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement on each GPU where a library's releases have dropped architectures."""
    del file
    if scene.device != "gpu" or not any(soname.startswith(_CUDNN) for soname in wheel.provides):
        return
    dropped = scene.facts.hardware.cudnn_minimum(wheel.version)
    if dropped is None:
        return
    for index, _ in scene.capabilities():
        served = frozenset(
            key
            for key in scene.gpu_keys(index)
            if key == UNKNOWN or ComputeCapability.parse(key) >= dropped.capability
        )
        text = f"cuDNN from {dropped.first} on has no code below compute capability {dropped.capability}"
        short = f"cuDNN from {dropped.first} on has no code below {dropped.capability.sm}"
        yield Requirement(gpu_node(index), served, fact(text, NAME, dropped.source, short))
