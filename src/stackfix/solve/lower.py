"""The problem, lowered: packages, libraries and machine readings as nodes of one universe.

Nothing is worked out before it is asked for, so the cost follows the question, not the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct, field

from stackfix.model.problem import (
    CUDA,
    DEFINITION,
    DRIVER,
    GLIBC,
    MODELS,
    PYTHON,
    Requirement,
    is_package,
)
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules import metadata
from stackfix.rules.all import requirements
from stackfix.rules.linkage import provider_key
from stackfix.rules.machine import cuda_requirements, gpu_requirements
from stackfix.rules.model_format import READABLE
from stackfix.rules.scene import Scene, release_fact, wheel_source

_LIBRARY = "lib:"
_GPU = "machine:gpu:"


class Lowered(Struct):
    """The universe of one scene; answers are kept, so asking twice costs nothing."""

    scene: Scene
    _keys: dict[str, Sequence[str]] = field(default_factory=dict)
    _requires: dict[tuple[str, str], tuple[Requirement, ...]] = field(default_factory=dict)

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        found = self._keys.get(node)
        if found is None:
            found = self._keys[node] = tuple(self._list(node))
        return found

    def requires(self, node: str, key: str) -> Sequence[Requirement]:
        """What the candidate requires."""
        found = self._requires.get((node, key))
        if found is None:
            found = self._requires[node, key] = tuple(self._work_out(node, key))
        return found

    def stands_for(self, node: str, key: str) -> tuple[str, str] | None:
        """Return the release that a library's or an extra's candidate belongs to: no row is read for that."""
        if node.startswith(_LIBRARY):
            package, _, version = key.rpartition(" ")
            return package, version
        package, extra, _ = node.partition("[")
        return (package, key) if extra else None

    def file(self, package: str, key: str) -> tuple[Wheel, WheelFile]:
        """Return the row and the file of a release for this scene."""
        return metadata.file_for(self.scene.releases(package)[key], self.scene)

    def _list(self, node: str) -> Sequence[str]:
        if is_package(node):
            return list(self.scene.releases(node.partition("[")[0]))
        kind, _, rest = node.partition(":")
        facts = self.scene.facts
        listing: dict[str, Callable[[], Sequence[str]]] = {
            "lib": lambda: [provider_key(each) for each in self.scene.providers(*_library(node))],
            "one": lambda: facts.providers(rest),
            "if": lambda: list(self.scene.releases(rest)),
            "owns": lambda: facts.owners(rest),
            CUDA: self.scene.cuda_keys,
            MODELS: lambda: (READABLE,),
            DRIVER: self.scene.driver_keys,
            PYTHON: self.scene.python_keys,
            GLIBC: lambda: metadata.glibc_keys(self.scene),
        }
        if node.startswith(_GPU):
            return self.scene.gpu_keys(int(node.removeprefix(_GPU)))
        return listing[node if node in listing else kind]()

    def _work_out(self, node: str, key: str) -> Sequence[Requirement]:
        if node == CUDA:
            return list(cuda_requirements(key, self.scene))
        if node.startswith(_GPU):
            return list(gpu_requirements(int(node.removeprefix(_GPU)), key, self.scene))
        if node.startswith(_LIBRARY):
            return [self._provided(_library(node)[0], key)]
        if not is_package(node):
            return []
        package, _, extra = node.partition("[")
        wheel, file = self.file(package, key)
        if extra:
            return self._extra(wheel, file, extra.removesuffix("]"))
        rows = self.scene.releases(package)[key]
        return [
            *metadata.tag_requirements(rows, file, self.scene),
            *requirements(wheel, file, self.scene),
        ]

    def _provided(self, soname: str, key: str) -> Requirement:
        package, _, version = key.rpartition(" ")
        wheel, file = self.file(package, version)
        why = release_fact(wheel, f"provides {soname}", "linkage", wheel_source(wheel, file))
        return Requirement(package, frozenset({version}), why)

    def _extra(self, wheel: Wheel, file: WheelFile, extra: str) -> Sequence[Requirement]:
        why = release_fact(wheel, f"has the extra {extra}", DEFINITION, wheel_source(wheel, file, "metadata"))
        same = Requirement(wheel.package, frozenset({wheel.key}), why)
        return [same, *metadata.extra_requires(wheel, file, self.scene, extra)]


def _library(node: str) -> tuple[str, int]:
    """Return soname and CUDA major of a library's node."""
    soname, _, major = node.removeprefix(_LIBRARY).rpartition("@")
    return soname, int(major)
