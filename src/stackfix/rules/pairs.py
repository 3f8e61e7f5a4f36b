"""Pairs: torchvision and torchaudio go with the torch that they were built beside.

Why: their operators are compiled against one torch; newer metadata admits more ("torch>=2.14.0") than fits.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import Requirement
from stackfix.model.wheel import AnyFile, TitledRow
from stackfix.rules.metadata import admitted
from stackfix.rules.scene import Scene, release_fact

NAME = "pairs"


def is_paired(package: str, key: str, scene: Scene) -> bool:
    """Whether it is on record what a release was built beside."""
    return any(pair.version == key for pair in scene.facts.hardware.pairs(package))


def pairs(wheel: TitledRow, file: AnyFile, scene: Scene) -> Iterator[Requirement]:
    """Yield the release that a wheel was built beside, where the pair is on record."""
    del file
    for pair in scene.facts.hardware.pairs(wheel.package):
        if pair.version == wheel.key:
            says = f"was built with {pair.beside} {pair.beside_version}"
            allowed = admitted(pair.beside, f"=={pair.beside_version}", scene)
            yield Requirement(pair.beside, allowed, release_fact(wheel, says, NAME, pair.source))
