"""Every rule that turns a wheel into requirements, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stackfix.model.evidence import Source
from stackfix.model.problem import DEFINITION, Fact, Requirement, presence_node
from stackfix.model.wheel import TOOLKIT_PARTS, Outline, RowKind, Wheel, WheelFile
from stackfix.rules.abi import numpy_abi
from stackfix.rules.collisions import NAME as COLLISIONS
from stackfix.rules.collisions import collisions
from stackfix.rules.device_code import NAME as DEVICE_CODE
from stackfix.rules.device_code import device_code
from stackfix.rules.kernels import kernels, told_of_code
from stackfix.rules.linkage import linkage
from stackfix.rules.metadata import pinned, requires_dist, tag_requirements
from stackfix.rules.model_format import model_format
from stackfix.rules.pairs import NAME as PAIRS
from stackfix.rules.pairs import pairs
from stackfix.rules.same_build import same_build
from stackfix.rules.scene import Rule, Scene, release_fact, wheel_source
from stackfix.rules.shipped_together import one_cuda, shipped_together, told_of_cuda

RULES: tuple[Rule, ...] = (
    one_cuda,
    kernels,
    device_code,
    pairs,
    same_build,
    requires_dist,
    linkage,
    shipped_together,
    numpy_abi,
    model_format,
    collisions,
)


OF_NO_RELEASE = frozenset({DEVICE_CODE, COLLISIONS})
"""Rules whose facts are said of no one release; by all others each fact of a wheel names its release."""


def is_told_of(package: str, scene: Scene) -> bool:
    """Whether others may ask of a package's version if it is there: numpy, parts of a toolkit, what is constrained."""
    return package == "numpy" or package.startswith(TOOLKIT_PARTS) or package in scene.constrained


def requirements(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield everything that one wheel asks of the set and the machine, by every rule, and that it is there."""
    for rule in RULES:
        yield from rule(wheel, file, scene)
    if not is_told_of(wheel.package, scene):
        return
    why = release_fact(wheel, "is the version that is there", DEFINITION, wheel_source(wheel, file))
    yield Requirement(presence_node(wheel.package), frozenset({wheel.key}), why)


def told(
    package: str, key: str, kinds: Sequence[RowKind], place: tuple[int, int], scene: Scene
) -> Iterator[Requirement]:
    """Yield what a release asks as far as the index tells, with the very facts that its rows would give.

    `kinds` are of its rows, `place` says which of them and which file of it serves the scene. What a build with code
    for GPUs pins are the parts of its CUDA, of which is told already.
    """
    outlines = [kind.outline for kind in kinds if kind.outline is not None]
    if len(outlines) < len(kinds):
        return
    outline = outlines[place[0]]
    row, file = outline.title(package, key), outline.file(place[1], key)
    yield from of_tags(package, key, outlines, place, scene)
    yield from told_of_cuda(row, file, kinds[place[0]].cuda, outline.toolkit, scene)
    yield from told_of_code(row, file, outline.code, scene)
    if outline.code:
        return
    yield from pairs(row, file, scene)
    yield from pinned(row, file, kinds[place[0]].pins, scene)


def of_tags(
    package: str, key: str, outlines: Sequence[Outline], place: tuple[int, int], scene: Scene
) -> Iterator[Requirement]:
    """Yield what the tags of a release ask: the first of what is told."""
    file = outlines[place[0]].file(place[1], key)
    files = [each for one in outlines for each in one.files]
    yield from tag_requirements(outlines[0].title(package, key), file, files, scene)


def told_again(
    first: Iterable[Requirement], key: str, kinds: Sequence[RowKind], place: tuple[int, int]
) -> Iterator[Requirement]:
    """Yield what is told of a release, from what is told of the first whose rows are of the same kinds.

    Only names differ, of the release and of its file; and what was built beside what, which is not said here.
    """
    outline = kinds[place[0]].outline
    if outline is None:
        return
    where = outline.file(place[1], key).name
    for one in first:
        fact = one.fact
        if fact.rule == PAIRS:
            continue
        says = fact.text.removeprefix(f"{fact.package} {fact.release}")
        source = Source(method=fact.source.method, where=where, seen=fact.source.seen)
        again = Fact(
            text=f"{fact.package} {key}{says}",
            rule=fact.rule,
            source=source,
            package=fact.package,
            release=key,
            general=fact.general,
            short=fact.short,
        )
        yield Requirement(one.node, one.allowed, again)
