"""On the disk: a release of which there is no row, described by what is installed of it.

A build from another index (torch 2.6.0+cu126), a version that nobody measured, a package that stackfix knows nothing
about: each takes part in the rules with what its METADATA and its own build file say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement
from packaging.version import Version

from stackfix.model.environment import Build, Distribution, Environment
from stackfix.model.evidence import Source
from stackfix.model.wheel import INSTALLED, ListedWheel, Wheel, WheelFile
from stackfix.rules import metadata
from stackfix.rules.beside import FactsBeside
from stackfix.rules.scene import Facts, Scene
from stackfix.versions import CudaVersion, canonical_name

SOURCE = INSTALLED
_FOLDERS = {
    "torch": "torch",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "onnxruntime-gpu": "onnxruntime",
}


def installed_wheels(environment: Environment, scene: Scene) -> dict[str, Wheel]:
    """Return package -> row of every installed distribution that has none, from what stands on the disk."""
    found: dict[str, Wheel] = {}
    names = {each.name for each in environment.distributions}
    for each in environment.distributions:
        key = str(Version(each.version))
        build = _build(each, environment)
        rows = scene.releases(each.name).get(key)
        if rows and not _is_another_build(build, rows[0]):
            continue
        base = scene.releases(each.name).get(Version(each.version).public)
        found[each.name] = _described(each, key, build, base[0] if base else None, names, scene)
    return found


def _build(each: Distribution, environment: Environment) -> Build | None:
    build = environment.builds.get(_FOLDERS.get(each.name, ""))
    return build if build is not None and build.package == each.name else None


def _is_another_build(build: Build | None, row: Wheel) -> bool:
    """Whether a release says of itself that it was built with another CUDA than the row's."""
    if build is None or build.cuda is None or row.package not in ("torch", "torchvision", "torchaudio"):
        return False
    if not row.cuda:
        return bool(build.cuda) and row.package == "torch"
    return build.cuda not in {str(one) for one in row.cuda}


def _described(
    each: Distribution, key: str, build: Build | None, base: Wheel | None, names: set[str], scene: Scene
) -> Wheel:
    cuda = (CudaVersion.parse(build.cuda),) if build is not None and build.cuda else ()
    same_major = bool(base and base.cuda and cuda and base.cuda[0].major == cuda[0].major)
    file = WheelFile(name=f"{each.name.replace('-', '_')}-{key}-py3-none-any.whl", size=0, sha256="")
    evidence = Source(method="read", where=each.folder)
    requires = tuple(_possible(each, names, scene))
    if base is not None and (same_major or not cuda):
        kept = base if same_major or not base.cuda else replace(base, needs={}, opens={}, code=())
        return replace(
            kept, version=Version(key), key=key, source=SOURCE, files=(file,), requires_dist=requires, cuda=cuda,
            cuda_major=cuda[0].major if cuda else 0, evidence=evidence,
        )  # fmt: skip
    return Wheel(
        package=each.name,
        version=Version(key),
        key=key,
        source=SOURCE,
        platform=scene.machine.platform.label,
        files=(file,),
        requires_dist=requires,
        needs={},
        opens={},
        provides={},
        cuda=cuda,
        cuda_major=cuda[0].major if cuda else 0,
        code=(),
        owns=base.owns if base is not None else frozenset(),
        numpy_abi=base.numpy_abi if base is not None else frozenset(),
        onnx_opset=base.onnx_opset if base is not None else None,
        onnx_ir=base.onnx_ir if base is not None else None,
        evidence=evidence,
    )


def _possible(each: Distribution, names: set[str], scene: Scene) -> Iterator[str]:
    """Yield the requirements that can be answered: about what is installed, or what there are facts about."""
    for text in each.requires_dist:
        try:
            asked = metadata.parse_row(text)
        except InvalidRequirement:
            continue
        name = canonical_name(asked.name)
        if name in names or scene.facts.knows(name):
            yield text


def with_installed(facts: Facts, installed: Mapping[str, Wheel]) -> FactsBeside:
    """Return facts, and beside them installed releases that have no row in them."""
    return FactsBeside(facts, {name: (_listed(wheel),) for name, wheel in installed.items()})


def _listed(wheel: Wheel) -> ListedWheel:
    return ListedWheel(
        package=wheel.package,
        key=wheel.key,
        source=SOURCE,
        uploaded="",
        cuda_major=wheel.cuda_major,
        provides=frozenset(wheel.provides),
        read=lambda: wheel,
    )
