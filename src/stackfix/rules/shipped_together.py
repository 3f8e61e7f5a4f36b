"""One CUDA, and CUDA libraries that were shipped together.

Why: one process cannot hold two CUDA majors, and libraries of mixed toolkit minors load alone and fail
together. torch's own pins say which toolkit release the set has; what nothing pins comes from the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stackfix.model.problem import CUDA, Fact, Requirement, presence_node
from stackfix.model.wheel import TOOLKIT_PARTS, AnyFile, TitledRow, Wheel, WheelFile
from stackfix.rules.metadata import admitted, parse_row
from stackfix.rules.scene import Scene, release_fact, wheel_source
from stackfix.versions import CudaVersion, canonical_name

if TYPE_CHECKING:  # named in annotations alone; importing it costs a resolve 10 ms
    from packaging.specifiers import SpecifierSet

NAME = "shipped together"
ONE_CUDA = "one CUDA"

TOOLKIT_PACKAGE = "cuda-toolkit"
CUDA_ITSELF = "cuda"


def one_cuda(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield what the wheel asks of the set's CUDA: its minor where it has one, else its major."""
    built = tuple(map(str, wheel.cuda))
    asks = asks_of_cuda(wheel.package, built, wheel.cuda_major, wheel.requires_dist)
    yield from told_of_cuda(wheel, file, asks, toolkit_of(built), scene)


def told_of_cuda(
    row: TitledRow, file: AnyFile, asks: tuple[str, ...], toolkit: str, scene: Scene
) -> Iterator[Requirement]:
    """Yield what a row asks of the set's CUDA, by what `asks_of_cuda` and `toolkit_of` say of it."""
    if not asks:
        return
    major = asks[0].partition(".")[0]
    allowed, rule = frozenset(asks).intersection(scene.cuda_keys()), ONE_CUDA
    short = f"{row.package} is CUDA {major}"
    if row.package.startswith(TOOLKIT_PARTS) and toolkit:
        rule, general = NAME, f"is of CUDA {major}"
        if row.package in scene.apart:
            allowed = scene.cuda_minors(int(major))
        says = f"is of CUDA {' or '.join(sorted(set(asks), key=CudaVersion.parse))}"
        short = f"{row.package} {general}"
    elif "." in asks[0]:
        says, general = f"was built with CUDA {asks[0]}", f"was built with CUDA {major}"
    else:
        general = f"is built for CUDA {major}"
        says = f"{general} (with toolkit {toolkit})" if toolkit else general
        allowed = scene.cuda_minors(int(major))
    why = release_fact(row, says, rule, wheel_source(row, file), general, short=short)
    yield Requirement(CUDA, allowed, why)


def cuda_wish(specifier: SpecifierSet) -> SpecifierSet:
    """Return what a wish for CUDA means: `cuda==12` is every minor of 12."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 10 ms, and few ask for a CUDA

    return SpecifierSet(
        ",".join(
            f"=={one.version}.*" if one.operator == "==" and one.version.isdigit() else str(one)
            for one in specifier
        )
    )


def asked_cuda(specifier: str, why: Fact, scene: Scene) -> Requirement:
    """Return the requirement that a wish such as `cuda==12.1` or `cuda==12` puts on the set's CUDA."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 10 ms, and few ask for a CUDA

    wanted = cuda_wish(SpecifierSet(specifier))
    return Requirement(CUDA, frozenset(key for key in scene.cuda_keys() if wanted.contains(key)), why)


def asks_of_cuda(
    package: str, cuda: Sequence[str], cuda_major: int, requires_dist: Sequence[str]
) -> tuple[str, ...]:
    """Return what `one_cuda` asks for a row: minors of which the set has one, a whole major as "12", or ()."""
    if cuda and package.startswith(TOOLKIT_PARTS):
        return tuple(map(_minor, cuda))
    if cuda and _pins_its_toolkit(requires_dist):
        return (_minor(cuda[0]),)
    return (str(cuda_major),) if cuda_major else ()


def toolkit_of(cuda: Sequence[str]) -> str:
    """Return the minor of the toolkit that a row was built with, the first of several; "" where it has none."""
    return _minor(cuda[0]) if cuda else ""


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _pins_its_toolkit(requires_dist: Sequence[str]) -> bool:
    """Whether its own metadata asks for the CUDA runtime: then its minor is the set's minor."""
    return any(
        text.startswith(("nvidia-cuda-runtime", TOOLKIT_PACKAGE)) and "extra ==" not in text
        for text in requires_dist
    )


def shipped_together(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield, for a toolkit release, the versions that its libraries must have if they are there at all."""
    if wheel.package != TOOLKIT_PACKAGE:
        return
    source = wheel_source(wheel, file, "metadata")
    said: set[str] = set()
    for text in wheel.requires_dist:
        try:
            requested = parse_row(text)
        except ValueError:
            continue
        name = canonical_name(requested.name)
        allowed = admitted(name, requested.specifier, scene)
        if name in said or not requested.specifier or not allowed:
            continue
        said.add(name)
        allowed |= {scene.apart[name]} if name in scene.apart else set()
        why = release_fact(wheel, f"ships {requested.name}{requested.specifier}", NAME, source)
        yield Requirement(presence_node(name), allowed, why)
