"""Collisions: an import folder has one owner.

Why: onnxruntime and onnxruntime-gpu fill the same folder; the later one overwrites the earlier, and removing
one guts the other. (Wheels that bring the same library collide by the linkage rule.)
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.evidence import Source
from stackfix.model.problem import Requirement, folder_node
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.scene import Scene, fact

NAME = "collisions"


def collisions(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement to be the owner of each import folder that the wheel fills."""
    del file
    for folder in sorted(wheel.owns):
        if len(scene.facts.owners(folder)) < 2:
            continue
        source = Source(method="measured", where=f"wheels of {wheel.package}", seen=scene.facts.date)
        why = fact(f"{wheel.package} fills the folder `{folder}`, which has one owner", NAME, source)
        yield Requirement(folder_node(folder), frozenset({wheel.package}), why)
