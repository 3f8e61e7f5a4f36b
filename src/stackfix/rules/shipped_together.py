"""One CUDA, and CUDA libraries that were shipped together.

Why: one process cannot hold two CUDA majors, and libraries of mixed toolkit minors load alone and fail
together. torch's own pins say which toolkit release the set has; what nothing pins comes from the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stackfix.model.problem import CUDA, Fact, Requirement, presence_node
from stackfix.model.wheel import TOOLKIT_PARTS, Wheel, WheelFile
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
    keys = scene.cuda_keys()
    source = wheel_source(wheel, file)
    if wheel.is_toolkit_part and wheel.cuda:
        minors = {str(minor) for minor in wheel.cuda}
        says = f"is of CUDA {' or '.join(sorted(minors, key=CudaVersion.parse))}"
        general = f"is of CUDA {wheel.cuda[0].major}"
        why = release_fact(wheel, says, NAME, source, general, short=f"{wheel.package} {general}")
        yield Requirement(CUDA, frozenset(minors & set(keys)), why)
    elif wheel.cuda and _pins_its_toolkit(wheel.requires_dist):
        says = f"was built with CUDA {wheel.cuda[0]}"
        general = f"was built with CUDA {wheel.cuda[0].major}"
        short = f"{wheel.package} is CUDA {wheel.cuda[0].major}"
        why = release_fact(wheel, says, ONE_CUDA, source, general, short=short)
        yield Requirement(CUDA, frozenset({str(wheel.cuda[0])} & set(keys)), why)
    elif wheel.cuda_major:
        allowed = scene.cuda_minors(wheel.cuda_major)
        general = f"is built for CUDA {wheel.cuda_major}"
        says = f"{general} (with toolkit {wheel.cuda[0]})" if wheel.cuda else general
        short = f"{wheel.package} is CUDA {wheel.cuda_major}"
        why = release_fact(wheel, says, ONE_CUDA, source, general, short=short)
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
        return tuple(".".join(minor.split(".")[:2]) for minor in cuda)
    if cuda and _pins_its_toolkit(requires_dist):
        return (".".join(cuda[0].split(".")[:2]),)
    return (str(cuda_major),) if cuda_major else ()


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
        why = release_fact(wheel, f"ships {requested.name}{requested.specifier}", NAME, source)
        yield Requirement(presence_node(name), allowed, why)
