"""ABI: the numpy that extension modules were built for.

Why: a module built with numpy 1 headers raises or crashes under numpy 2, whatever its metadata says.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import Requirement, presence_node
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.scene import Scene, release_fact, wheel_source

NAME = "abi"


def numpy_abi(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement on numpy's major, if numpy is there, where the wheel's modules were measured."""
    if not wheel.numpy_abi or wheel.package == "numpy":
        return
    allowed = frozenset(
        key for key in scene.releases("numpy") if int(key.partition(".")[0]) in wheel.numpy_abi
    )
    majors = " or ".join(str(major) for major in sorted(wheel.numpy_abi))
    says = f"was built for numpy {majors}"
    yield Requirement(
        presence_node("numpy"), allowed, release_fact(wheel, says, NAME, wheel_source(wheel, file))
    )
