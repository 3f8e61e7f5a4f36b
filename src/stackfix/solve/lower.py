"""The problem, lowered: packages, libraries and machine readings as nodes of one universe.

Nothing is worked out before it is asked for, so the cost follows the question, not the database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from msgspec import Struct, field

from stackfix.model.problem import (
    CUDA,
    DEFINITION,
    DRIVER,
    GLIBC,
    MODELS,
    PYTHON,
    Requirement,
    Subjects,
    is_package,
)
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules import metadata
from stackfix.rules.all import OF_NO_RELEASE, is_told_of, requirements
from stackfix.rules.machine import cuda_requirements, gpu_requirements
from stackfix.rules.model_format import READABLE
from stackfix.rules.scene import Scene, provider_key, release_fact, wheel_source

_LIBRARY = "lib:"
_GPU = "machine:gpu:"
_FEW = 4


class _AsFarAsAsked(Struct):
    """Requirements that are worked out as far as somebody looks: most candidates fail by their first ones."""

    done: list[Requirement]
    rest: Iterator[Requirement] | None

    def __iter__(self) -> Iterator[Requirement]:
        place = 0
        while place < len(self.done) or self._further():
            yield self.done[place]
            place += 1

    def _further(self) -> bool:
        """Work out one more; False where there is none."""
        if self.rest is None:
            return False
        more = next(self.rest, None)
        if more is None:
            self.rest = None
            return False
        self.done.append(more)
        return True


class Lowered(Struct):
    """The universe of one scene; answers are kept, so asking twice costs nothing."""

    scene: Scene
    _keys: dict[str, Sequence[str]] = field(default_factory=dict)
    _requires: dict[tuple[str, str], Iterable[Requirement]] = field(default_factory=dict)
    _cuda: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    _told: dict[tuple[str, str], tuple[tuple[str, Collection[str]], ...]] = field(default_factory=dict)

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        found = self._keys.get(node)
        if found is None:
            found = self._keys[node] = tuple(self._list(node))
        return found

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate requires."""
        found = self._requires.get((node, key))
        if found is None:
            found = self._requires[node, key] = _AsFarAsAsked([], iter(self._work_out(node, key)))
        elif isinstance(found, _AsFarAsAsked) and found.rest is None:
            found = self._requires[node, key] = tuple(found.done)
        return found

    def foretold(self, node: str, key: str) -> Sequence[tuple[str, Collection[str]]]:
        """Return what is told of a candidate without reading a row.

        Of a library or an extra that is the release it belongs to; of a release its CUDA, and what it pins; of a CUDA
        all. Where a release was looked at before, it is also where that ended: there it failed.
        """
        found = self._told.get((node, key))
        if found is None:
            found = self._told[node, key] = tuple(self._tell(node, key))
        ended = self._ended(node, key)
        return found if ended is None else (ended, *found)

    def _tell(self, node: str, key: str) -> Iterator[tuple[str, Collection[str]]]:
        if node == CUDA:
            yield from [(one.node, one.allowed) for one in self.requires(node, key)]
        elif node.startswith(_LIBRARY):
            package, _, version = key.rpartition(" ")
            yield package, (version,)
        elif is_package(node):
            package, extra, _ = node.partition("[")
            if extra:
                yield package, (key,)
                return
            kinds = self.scene.releases(package).kinds(key)
            asked = {kind.cuda for kind in kinds}
            if () not in asked:
                yield CUDA, frozenset().union(*map(self._minors, asked))
            for name, specifier in set(kinds[0].pins).intersection(*(kind.pins for kind in kinds)):
                yield name, metadata.admitted(name, specifier, self.scene)

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether a release requires nothing by facts about these subjects, nor by definition."""
        return (
            is_package(node)
            and "[" not in node
            and (node, key) not in subjects.releases
            and not subjects.rules & OF_NO_RELEASE
            and not is_told_of(node, self.scene)
        )

    def _ended(self, node: str, key: str) -> tuple[str, Collection[str]] | None:
        """Return the last requirement that was worked out, if it names few keys: more would cost more than it tells."""
        found = self._requires.get((node, key))
        if not isinstance(found, _AsFarAsAsked) or not found.done:
            return None
        last = found.done[-1]
        return (last.node, last.allowed) if len(last.allowed) <= _FEW and is_package(node) else None

    def _minors(self, asked: tuple[str, ...]) -> frozenset[str]:
        """Return the CUDA minors that a row takes: those that it names, or all of a major."""
        found = self._cuda.get(asked)
        if found is None:
            found = self._cuda[asked] = frozenset(
                key for key in self.keys(CUDA) if key in asked or key.partition(".")[0] in asked
            )
        return found

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

    def _work_out(self, node: str, key: str) -> Iterator[Requirement]:
        if node == CUDA:
            yield from cuda_requirements(key, self.scene)
        elif node.startswith(_GPU):
            yield from gpu_requirements(int(node.removeprefix(_GPU)), key, self.scene)
        elif node.startswith(_LIBRARY):
            yield self._provided(_library(node)[0], key)
        elif is_package(node):
            package, _, extra = node.partition("[")
            wheel, file = self.file(package, key)
            if extra:
                yield from self._extra(wheel, file, extra.removesuffix("]"))
                return
            yield from metadata.tag_requirements(self.scene.releases(package)[key], file, self.scene)
            yield from requirements(wheel, file, self.scene)

    def _provided(self, soname: str, key: str) -> Requirement:
        package, _, version = key.rpartition(" ")
        wheel, file = self.file(package, version)
        why = release_fact(wheel, f"provides {soname}", "linkage", wheel_source(wheel, file))
        return Requirement(package, frozenset({version}), why)

    def _extra(self, wheel: Wheel, file: WheelFile, extra: str) -> Iterator[Requirement]:
        why = release_fact(wheel, f"has the extra {extra}", DEFINITION, wheel_source(wheel, file, "metadata"))
        yield Requirement(wheel.package, frozenset({wheel.key}), why)
        yield from metadata.extra_requires(wheel, file, self.scene, extra)


def _library(node: str) -> tuple[str, int]:
    """Return soname and CUDA major of a library's node."""
    soname, _, major = node.removeprefix(_LIBRARY).rpartition("@")
    return soname, int(major)
