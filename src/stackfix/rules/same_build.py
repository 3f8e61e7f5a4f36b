"""Same build: torchvision and torchaudio go with a torch of their own CUDA, where builds of other indexes are installed.

Why: both ask torch for its CUDA when they are imported, and raise RuntimeError: torchvision (0.16 to 0.23,
`extension.py`) where the majors differ, torchaudio (2.8 to 2.11, `_extension/utils.py`) where the minors do. Compiled
operators of a build without CUDA have nothing for a GPU, those of one with CUDA need libraries that torch's other build
lacks. METADATA says nothing of it: torch 2.8.0+cu126 is a `torch==2.8.0`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import Requirement
from stackfix.model.wheel import INSTALLED, Wheel, WheelFile
from stackfix.rules.metadata import admitted, parse_row
from stackfix.rules.scene import Scene, release_fact, wheel_source

NAME = "same build"
COMPANIONS = ("torchvision", "torchaudio")
_NO_CUDA = "+cpu"


def goes_with(package: str, cuda: str, torchs: str) -> bool:
    """Whether a companion built with one CUDA ("12.6", "" without any) runs beside a torch built with another."""
    if not cuda or not torchs:
        return cuda == torchs
    if package == "torchaudio":
        return cuda == torchs
    return cuda.partition(".")[0] == torchs.partition(".")[0]


def same_build(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield the builds of torch that a companion goes with; nothing where all releases are the main index's own."""
    if wheel.package not in COMPANIONS or INSTALLED not in scene.sources:
        return
    beside = {key: scene.releases("torch")[key][0] for key in _asked_for(wheel, scene)}
    known = {key: build for key, torch in beside.items() if (build := _build(torch)) is not None}
    own = _build(wheel) if wheel.source == INSTALLED else _paired(wheel, beside)
    allowed = frozenset(
        key for key in beside if own is None or key not in known or goes_with(wheel.package, own, known[key])
    )
    if len(allowed) < len(beside):
        says = f"goes with a torch that is built for CUDA {own}" if own else "goes with a torch without CUDA"
        yield Requirement("torch", allowed, release_fact(wheel, says, NAME, wheel_source(wheel, file)))


def _asked_for(wheel: Wheel, scene: Scene) -> frozenset[str]:
    """Return the releases of torch that its METADATA admits."""
    for text in wheel.requires_dist:
        asked = parse_row(text)
        if asked.name == "torch":
            return admitted("torch", asked.specifier, scene)
    return frozenset()


def _build(wheel: Wheel) -> str | None:
    """Return the CUDA that a release was built with, "" for none; None where it does not say, as conda's do not."""
    if wheel.cuda:
        return str(wheel.cuda[0])
    return "" if wheel.source != INSTALLED or wheel.key.endswith(_NO_CUDA) else None


def _paired(wheel: Wheel, beside: dict[str, Wheel]) -> str | None:
    """Return the CUDA of a release on the main index: that of the torch there that it was built beside."""
    builds = {_build(torch) for torch in beside.values() if torch.source == wheel.source}
    return builds.pop() if len(builds) == 1 else None
