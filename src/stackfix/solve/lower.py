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
    Told,
    is_package,
)
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules import metadata
from stackfix.rules.all import OF_NO_RELEASE, is_told_of, of_tags, requirements, told, told_again
from stackfix.rules.machine import cuda_requirements, gpu_requirements
from stackfix.rules.model_format import READABLE
from stackfix.rules.pairs import is_paired
from stackfix.rules.scene import Scene, release_fact, wheel_source

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
    _told: dict[tuple[str, str], Told] = field(default_factory=dict)
    _told_alike: dict[tuple[str, tuple[int, ...]], Told] = field(default_factory=dict)
    _at_once: dict[tuple[str, str], Iterable[Requirement]] = field(default_factory=dict)
    _first_alike: dict[tuple[str, tuple[int, ...]], str] = field(default_factory=dict)
    _places: dict[tuple[str, tuple[int, ...]], tuple[int, int]] = field(default_factory=dict)

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

    def foretold(self, node: str, key: str) -> Told:
        """Return what is told of a candidate without reading a row.

        Of a library or an extra that is the release it belongs to; of a release its CUDA, and what it pins; of a CUDA
        all. Where a release was looked at before, it is also where that ended: there it failed.
        """
        found = self._told.get((node, key))
        if found is None:
            found = self._told[node, key] = self._tell(node, key)
        ended = self._ended(node, key)
        return found if ended is None else (ended, *found)

    def _tell(self, node: str, key: str) -> Told:
        if node == CUDA:
            return tuple((one.node, one.allowed) for one in self.requires(node, key))
        if node.startswith(_LIBRARY):
            package, _, version = key.rpartition(" ")
            return ((package, (version,)),)
        if not is_package(node):
            return ()
        package, extra, _ = node.partition("[")
        if extra:
            return ((package, (key,)),)
        releases = self.scene.releases(package)
        like = releases.like(key)
        found = self._told_alike.get((package, like))
        if found is None:
            found = self._told_alike[package, like] = tuple(self._tell_alike(package, key))
        return found

    def _tell_alike(self, package: str, key: str) -> Iterator[tuple[str, Collection[str]]]:
        """Yield what is told of a release, and of each whose rows are of the same kinds."""
        kinds = self.scene.releases(package).kinds(key)
        outlines = [kind.outline for kind in kinds if kind.outline is not None]
        if len(outlines) == len(kinds):
            for one in of_tags(package, key, outlines, self._place(package, key), self.scene):
                yield one.node, one.allowed
        asked = {kind.cuda for kind in kinds}
        if () not in asked:
            if package in self.scene.apart:
                asked = {tuple({one.partition(".")[0] for one in each}) for each in asked}
            yield CUDA, frozenset().union(*map(self._minors, asked))
        for name, specifier in sorted(set(kinds[0].pins).intersection(*(kind.pins for kind in kinds))):
            yield name, metadata.admitted(name, specifier, self.scene)

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Return what a candidate requires as far as that is told without reading a row, with its facts."""
        found = self._at_once.get((node, key))
        if found is None:
            found = self._at_once[node, key] = _AsFarAsAsked([], iter(self._say_at_once(node, key)))
        return found

    def _say_at_once(self, node: str, key: str) -> Iterable[Requirement]:
        if node == CUDA or node.startswith(_GPU):
            return self.requires(node, key)
        if not is_package(node) or "[" in node:
            return ()
        releases = self.scene.releases(node)
        first = self._first_alike.setdefault((node, releases.like(key)), key)
        if first == key or is_paired(node, key, self.scene):
            return told(node, key, releases.kinds(key), self._place(node, key), self.scene)
        return told_again(self.at_once(node, first), key, releases.kinds(key), self._place(node, key))

    def _place(self, package: str, key: str) -> tuple[int, int]:
        """Return which row of a release and which file of it serves the scene: the same for all of the same kinds."""
        releases = self.scene.releases(package)
        like = releases.like(key)
        found = self._places.get((package, like))
        if found is None:
            outlines = [kind.outline for kind in releases.kinds(key)]
            listed = [outline.files for outline in outlines if outline is not None]
            if len(listed) == len(outlines):
                found = metadata.place_for(listed, self.scene)
            else:
                found = metadata.place_for([row.files for row in releases[key]], self.scene)
            self._places[package, like] = found
        return found

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
        row, file = self._place(package, key)
        wheel = self.scene.releases(package)[key][row]
        return wheel, wheel.files[file]

    def unknown_to_facts(self, node: str, key: str) -> Iterator[str]:
        """Yield what an extra of a release asks for of packages that the facts do not know ("optree>=0.13.0")."""
        package, _, extra = node.partition("[")
        wheel, _ = self.file(package, key)
        yield from metadata.unknown_to_facts(wheel, self.scene, extra.removesuffix("]"))

    def _list(self, node: str) -> Sequence[str]:
        if is_package(node):
            return list(self.scene.releases(node.partition("[")[0]))
        kind, _, rest = node.partition(":")
        facts = self.scene.facts
        listing: dict[str, Callable[[], Sequence[str]]] = {
            "lib": lambda: list(self.scene.provided(*_library(node))),
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
            rows = self.scene.releases(package)[key]
            files = [each for row in rows for each in row.files]
            yield from metadata.tag_requirements(rows[0], file, files, self.scene)
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
