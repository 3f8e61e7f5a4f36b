"""Model format: the ONNX opset and IR of the recipe's models are ones that the runtime reads.

Why: an older runtime refuses the model when the session is made, and callers often hide that refusal.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import MODELS, Requirement
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.scene import Scene, release_fact, wheel_source

NAME = "model format"
READABLE = "readable"


def model_format(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement that cannot be met for each model that is newer than a runtime's ceilings.

    Silent where the model's format or the runtime's ceiling is not known.
    """
    for model in scene.formats:
        ceilings = (("opset", model.opset, wheel.onnx_opset), ("IR version", model.ir, wheel.onnx_ir))
        for word, asked, ceiling in ceilings:
            if asked is None or ceiling is None or asked <= ceiling:
                continue
            says = f"reads ONNX {word} up to {ceiling}, and {model.file} is {word} {asked}"
            yield Requirement(MODELS, frozenset(), release_fact(wheel, says, NAME, wheel_source(wheel, file)))
