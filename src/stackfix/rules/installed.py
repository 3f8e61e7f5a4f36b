"""Installed: what the rules ask of releases, held against the releases that are there.

A plan gives every node of the problem one key; an installed environment does that too, by what stands in it: each
package its version, each import folder its owner, the set's CUDA what its packages were built for, each reading what
was read. What a rule asks and the environment does not give is a breach. Requires-Dist is asked of the METADATA on the
disk (`unmet`), which also speaks for packages that nobody has facts about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement
from packaging.version import Version

from stackfix.model.environment import Distribution, Environment
from stackfix.model.problem import CUDA, DRIVER, Requirement, is_package
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules import abi, metadata, plain
from stackfix.rules.all import requirements
from stackfix.rules.machine import cuda_requirements, gpu_requirements
from stackfix.rules.scene import UNKNOWN, Scene
from stackfix.versions import CudaVersion, canonical_name

_GPU = "machine:gpu:"
_LIBRARY = "lib:"


@dataclass(frozen=True, slots=True)
class Held:
    """One installed release of which there is a row, with the file that serves this Python."""

    wheel: Wheel
    file: WheelFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A requirement that the environment does not give: who asks, and what is there instead.

    `package` and `key` name the release that asks ("" for the set's CUDA and the GPUs, which ask for themselves);
    `found` is what stands on the node: versions, packages, or the reading. `against` is the requirement of another
    package that it cannot go with, where it is a matter between two.
    """

    requirement: Requirement
    package: str
    key: str
    found: tuple[str, ...]
    against: Requirement | None = None
    other: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was held against the rules: breaches, the CUDA that the packages agree on, and what nobody could tell.

    `exact` says whether the packages leave that one CUDA alone; else it is the newest of several.
    """

    breaches: tuple[Breach, ...]
    cuda: str
    unknown: tuple[str, ...]
    exact: bool = False

    @property
    def told_cuda(self) -> str:
        """The CUDA as far as it is known: "12.8", or "12" where the packages go with several of that major."""
        return self.cuda if self.exact else self.cuda.partition(".")[0]


def held_releases(environment: Environment, scene: Scene) -> tuple[Held, ...]:
    """Return the installed releases of which there are rows for this platform."""
    found: list[Held] = []
    for each in environment.distributions:
        rows = scene.releases(each.name).get(str(Version(each.version)))
        if rows:
            found.append(Held(*metadata.file_for(rows, scene)))
    return tuple(found)


def judge(
    releases: Sequence[Held],
    scene: Scene,
    *,
    others: Mapping[str, str] | None = None,
    metadata_too: bool = False,
) -> Judged:
    """Return where installed releases break the rules, for one machine.

    `others` are name -> version of what is installed too and has no row: of numpy its major is enough to judge.
    `metadata_too` holds the Requires-Dist of the rows against the releases as well, where both are known.
    """
    walk = _Walk(scene, {each.wheel.package: each.wheel for each in releases}, others or {})
    for each in releases:
        for requirement in requirements(each.wheel, each.file, scene):
            if metadata_too or requirement.fact.rule != metadata.NAME:
                walk.ask(each.wheel, requirement)
    walk.agree_on_cuda()
    walk.ask_machine()
    unknown = tuple(dict.fromkeys(walk.unknown))
    return Judged(breaches=tuple(walk.breaches), cuda=walk.cuda, unknown=unknown, exact=walk.exact)


class _Walk:
    """Requirements, one after the other, held against what is there."""

    def __init__(self, scene: Scene, wheels: Mapping[str, Wheel], others: Mapping[str, str]) -> None:
        self._scene = scene
        self._wheels = wheels
        self._others = others
        self._cuda_asked: list[tuple[Wheel, Requirement]] = []
        self._owners: dict[str, list[tuple[Wheel, Requirement]]] = {}
        self.breaches: list[Breach] = []
        self.unknown: list[str] = []
        self.cuda = ""
        self.exact = False

    def ask(self, wheel: Wheel, requirement: Requirement) -> None:
        """Hold one requirement of one release against what is there."""
        node = requirement.node
        kind, _, rest = node.partition(":")
        if node == CUDA:
            self._cuda_asked.append((wheel, requirement))
        elif kind in ("one", "owns"):
            owners = self._owners.setdefault(node, [])
            owners.append((wheel, requirement))
            if len(owners) > 1 and owners[0][1].allowed != requirement.allowed:
                first, against = owners[0]
                self._break(wheel, requirement, (first.package,), against, first.package)
        elif kind == "machine":
            self._reading(wheel, requirement)
        elif kind == "if":
            self._presence(wheel, requirement, rest)
        elif node.startswith(_LIBRARY):
            self._library(wheel, requirement)
        elif is_package(node):
            self._presence(wheel, requirement, node)
        elif not requirement.allowed:
            self._break(wheel, requirement, ())

    def _break(
        self,
        wheel: Wheel | None,
        requirement: Requirement,
        found: tuple[str, ...],
        against: Requirement | None = None,
        other: str = "",
    ) -> None:
        package, key = (wheel.package, wheel.key) if wheel is not None else ("", "")
        self.breaches.append(
            Breach(
                requirement=requirement, package=package, key=key, found=found, against=against, other=other
            )
        )

    def _presence(self, wheel: Wheel, requirement: Requirement, package: str) -> None:
        there = self._wheels.get(package.partition("[")[0])
        if there is not None and not {there.key, there.version.public} & requirement.allowed:
            self._break(wheel, requirement, (there.key,))
        elif there is None and package in self._others and requirement.fact.rule == abi.NAME:
            version = self._others[package]
            if version.partition(".")[0] not in {key.partition(".")[0] for key in requirement.allowed}:
                self._break(wheel, requirement, (version,))

    def _library(self, wheel: Wheel, requirement: Requirement) -> None:
        """Hold a needed library against who brings it; that nobody does is seen on the disk itself."""
        soname = requirement.node.removeprefix(_LIBRARY).rpartition("@")[0]
        providers = [each for each in self._wheels.values() if soname in each.provides]
        if providers and not any(f"{each.package} {each.key}" in requirement.allowed for each in providers):
            self._break(wheel, requirement, tuple(f"{each.package} {each.key}" for each in providers))

    def _reading(self, wheel: Wheel | None, requirement: Requirement) -> None:
        here = self._here(requirement.node)
        if here == UNKNOWN:
            self.unknown.append(requirement.fact.text)
        elif here and here not in requirement.allowed:
            self._break(wheel, requirement, (here,))

    def _here(self, node: str) -> str:
        if node == DRIVER:
            return self._scene.driver_keys()[0]
        if node.startswith(_GPU):
            return self._scene.gpu_keys(int(node.removeprefix(_GPU)))[0]
        return ""

    def agree_on_cuda(self) -> None:
        """Find the CUDA that the packages agree on: torch's, else that of whoever is narrowest; name who does not."""
        ordered = sorted(self._cuda_asked, key=_weight)
        agreed: frozenset[str] = frozenset(self._scene.cuda_keys())
        leader: tuple[Wheel, Requirement] | None = None
        for wheel, requirement in ordered:
            if agreed & requirement.allowed or leader is None:
                agreed &= requirement.allowed
                leader = leader or (wheel, requirement)
                continue
            by, against = leader
            self._break(wheel, requirement, (), against, by.package)
        if self._cuda_asked and agreed:
            self.cuda = max(agreed, key=CudaVersion.parse)
            self.exact = len(agreed) == 1

    def ask_machine(self) -> None:
        """Hold the driver and the GPUs against the set's CUDA, and the driver against the GPUs."""
        if self.cuda:
            for requirement in cuda_requirements(self.cuda, self._scene):
                self._reading(None, requirement)
        if self._scene.device == "gpu":
            for index, capability in self._scene.capabilities():
                for requirement in gpu_requirements(index, str(capability), self._scene):
                    self._reading(None, requirement)


def _weight(asked: tuple[Wheel, Requirement]) -> tuple[int, str]:
    """Return whose word counts first: torch, other packages that were built for a CUDA, then NVIDIA's own."""
    wheel, _ = asked
    return (0 if wheel.package == "torch" else 2 if wheel.is_toolkit_part else 1, wheel.package)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A Requires-Dist that the environment does not give; `found` is the version that is there, "" for none."""

    by: Distribution
    requirement: str
    name: str
    found: str


class Asked(NamedTuple):
    """A Requires-Dist that applies here: who asks, in which words, for which package and releases of it."""

    by: Distribution
    text: str
    name: str
    specifier: str


def asked_of(environment: Environment, scene: Scene) -> Iterator[Asked]:
    """Yield every Requires-Dist of the METADATA on the disk that applies; of extras those that a package asks for."""
    packages = {each.name: each for each in environment.distributions}
    variables = metadata.markers_environment(scene)
    extras: dict[str, set[str]] = {name: {""} for name in packages}
    queue = [(name, "") for name in packages]
    applied: dict[tuple[str, str], bool] = {}  # a few markers stand at hundreds of requirements
    while queue:
        name, extra = queue.pop(0)
        by = packages[name]
        for text in by.requires_dist:
            try:
                asked = metadata.parse_row(text)
                marker = (text.partition(";")[2], extra)
                if marker not in applied or "@" in text:
                    applied[marker] = metadata.applies(asked.marker, variables, extra)
                if not applied[marker]:
                    continue
                wanted = canonical_name(asked.name)
                for one in asked.extras if wanted in packages else ():
                    if one not in extras[wanted]:
                        extras[wanted].add(one)
                        queue.append((wanted, one))
            # a marker of a thousand brackets is more than the parser's recursion bears
            except (InvalidRequirement, ValueError, UndefinedEnvironmentName, RecursionError):
                continue
            yield Asked(by, text, wanted, asked.specifier)


def unmet(environment: Environment, scene: Scene) -> Iterator[Unmet]:
    """Yield every Requires-Dist of the METADATA on the disk that is not met; of extras those that a package asks for."""
    there = {each.name: each for each in (*environment.outside, *environment.distributions)}
    said: set[tuple[str, str]] = set()
    for one in asked_of(environment, scene):
        found = there[one.name].version if one.name in there else ""
        try:
            if found and _contains(one.specifier, found):
                continue
        except ValueError:  # a specifier that is none
            continue
        requirement = one.text.partition(";")[0].strip()
        if (one.by.name, requirement) not in said:
            said.add((one.by.name, requirement))
            yield Unmet(by=one.by, requirement=requirement, name=one.name, found=found)


def _contains(specifier: str, version: str) -> bool:
    return not specifier or plain.admits(specifier, version)
