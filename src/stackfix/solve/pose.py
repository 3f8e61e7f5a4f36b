"""A request, posed: what is asked for and what a machine is, as the root requirements of one universe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Source, Unknown
from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import (
    DRIVER,
    GLIBC,
    PYTHON,
    Fact,
    Problem,
    Requirement,
    gpu_node,
    presence_node,
)
from stackfix.model.request import Request, Root
from stackfix.rules import metadata
from stackfix.rules.scene import UNKNOWN, Facts, Scene
from stackfix.rules.shipped_together import CUDA_ITSELF, asked_cuda
from stackfix.solve.group import Grouped
from stackfix.solve.lower import Lowered
from stackfix.versions import canonical_name


class Posed(Struct, frozen=True, kw_only=True):
    """A problem as it was put for one Python of the machine."""

    problem: Problem
    universe: Lowered | Grouped
    python: Interpreter


class Universes(Struct):
    """The universes of one database that were asked already: questions that differ in their wishes share them.

    What a release requires is worked out once for a machine and a Python, however many ways out are tried there.
    """

    facts: Facts
    _made: list[tuple[tuple[Any, ...], Lowered]] = field(default_factory=list)
    _grouped: list[Grouped] = field(default_factory=list)

    def of(self, scene: Scene) -> Lowered:
        """Return the universe of a scene of these facts."""
        looked_at = (
            scene.machine,
            scene.python,
            scene.device,
            scene.features,
            scene.sources,
            scene.newest_before,
            scene.formats,
            scene.constrained,
        )
        for one, universe in self._made:
            if one == looked_at:
                return universe
        universe = Lowered(scene)
        self._made.append((looked_at, universe))
        return universe

    def of_group(self, members: tuple[tuple[str, Lowered], ...]) -> Grouped:
        """Return the universe of several machines, each with its own."""
        for one in self._grouped:
            if [(name, id(each)) for name, each in one.members] == [
                (name, id(each)) for name, each in members
            ]:
                return one
        universe = Grouped(members)
        self._grouped.append(universe)
        return universe


def pose(machine: Machine, universes: Universes, request: Request, python: Interpreter) -> Posed:
    """Return the problem of a request on one Python of a machine, or of each machine of a group."""
    if machine.group:
        members = [(name, pose(each, universes, request, python)) for name, each in machine.group]
        return _grouped(members, universes, python)
    scene = Scene(
        facts=universes.facts,
        machine=machine,
        python=python,
        device=request.device,
        features=request.features,
        sources=request.sources,
        newest_before=request.newest_before,
        formats=request.formats,
        constrained=frozenset(
            canonical_name(metadata.parse_wish(root.requirement).name) for root in request.constraints
        ),
    )
    universe = universes.of(scene)
    scene = universe.scene
    asked = tuple(_asked(request, scene))
    if not asked:
        raise QuestionError(
            f"nothing is asked for on Python {python.version.minor_version}: every marker leaves it out",
            hint="ask without `; python_version …`",
        )
    roots = (*asked, *_constraints(request, scene), *readings(scene))
    order = tuple(name for name in request.newest if name != "python")
    return Posed(problem=Problem(universe, roots, order), universe=universe, python=python)


def _grouped(members: Sequence[tuple[str, Posed]], universes: Universes, python: Interpreter) -> Posed:
    """Return one problem for all machines: what is asked for once, and the readings of each."""
    owned = [(name, one.universe) for name, one in members if isinstance(one.universe, Lowered)]
    universe = universes.of_group(tuple(owned))
    roots = dict.fromkeys(
        universe.named(root, place) for place, (_, one) in enumerate(members) for root in one.problem.roots
    )
    problem = Problem(universe, tuple(roots), members[0][1].problem.order)
    return Posed(problem=problem, universe=universe, python=python)


def _asked(request: Request, scene: Scene) -> Iterator[Requirement]:
    for root in request.roots:
        try:
            requested = metadata.parse_wish(root.requirement)
        except ValueError as error:
            raise QuestionError(
                f"`{root.requirement}` is not a requirement: {str(error).splitlines()[0]}",
                hint='requirements look like `"torch>=2.4"`',
            ) from error
        if requested.url:
            raise QuestionError(
                f"`{root.requirement}` names a file, which stackfix has no facts about",
                hint="ask for a release: `torch==2.15.0`",
            )
        if not metadata.applies(requested.marker, metadata.markers_environment(scene), ""):
            continue
        name = canonical_name(requested.name)
        of_cuda = name == CUDA_ITSELF
        if not of_cuda:
            _refuse_unknown_package(name, root, scene)
        having = _with_extras(requested, scene) if requested.extras else None
        why = Fact(
            text=_cuda_text(root, requested.specifier, scene)
            if of_cuda
            else _wish_text(root, name, requested.specifier, scene) + _of_extras(having, requested, scene),
            rule="request",
            source=Source(method="asked", where=root.asked_by),
            relaxable=root.relaxable,
            general=root.instead_of or root.requirement,
        )
        if of_cuda:
            yield asked_cuda(requested.specifier, why, scene)
        else:
            for one in metadata.on_package(requested, scene, why):
                yield one if having is None else Requirement(one.node, having, why)


def _constraints(request: Request, scene: Scene) -> Iterator[Requirement]:
    """Yield what holds of a package if it is there at all; what the facts do not know is not constrained here."""
    for root in request.constraints:
        requested = metadata.parse_wish(root.requirement)
        name = canonical_name(requested.name)
        if not scene.releases(name) or not metadata.applies(
            requested.marker, metadata.markers_environment(scene), ""
        ):
            continue
        why = Fact(
            text=f"{root.asked_by} constrains {root.said}",
            rule="request",
            source=Source(method="asked", where=root.asked_by),
            relaxable=root.relaxable,
            general=root.instead_of or root.requirement,
        )
        yield Requirement(presence_node(name), metadata.admitted(name, requested.specifier, scene), why)


def _said(root: Root) -> str:
    return f"{root.asked_by} {'ask' if root.asked_by == 'you' else 'asks'} for {root.said}"


def _cuda_text(root: Root, specifier: str, scene: Scene) -> str:
    """Return who asks for which CUDA; and which there are, where there is none such."""
    why = Fact(text=_said(root), rule="request", source=Source(method="asked", where=root.asked_by))
    if asked_cuda(specifier, why, scene).allowed:
        return why.text
    return f"{why.text}; there is {', '.join(scene.cuda_keys())}"


def _wish_text(root: Root, name: str, specifier: str, scene: Scene) -> str:
    """Return who asks for what; and that nothing on record answers it, where that is so."""
    said = _said(root)
    releases = scene.releases(name)
    if not releases:
        return f"{said}, of which no wheel for {scene.machine.platform.label} is on record"
    if not metadata.admitted(name, specifier, scene):
        return f"{said}, which none of the {len(releases)} releases on record satisfies"
    return said


def _refuse_unknown_package(name: str, root: Root, scene: Scene) -> None:
    if name == "python":
        raise QuestionError(
            f"`{root.requirement}` says which Python a set is for, and is no package",
            hint="name it with `--python 3.12`, or ask why it is not chosen: `--why-not python==3.12`",
        )
    if not scene.facts.knows(name):
        raise QuestionError(
            f"stackfix has no facts about `{name}`, which {root.asked_by} ask{'' if root.asked_by == 'you' else 's'} for",
            hint="`stackfix facts` lists what it knows",
        )


def _with_extras(requested: metadata.Asked, scene: Scene) -> frozenset[str] | None:
    """Return the releases with all extras of a wish, None where all that it admits have them.

    QuestionError where the newest that it admits has not: an installer would only warn, and leave the extra out.
    """
    name = canonical_name(requested.name)
    allowed = metadata.admitted(name, requested.specifier, scene)
    extras = frozenset(map(canonical_name, requested.extras))
    releases = scene.releases(name)
    had = {key: metadata.extras_of(releases[key][0]) for key in releases if key in allowed}
    having = [key for key, known in had.items() if extras <= known]
    newest = next(iter(had), None)
    if newest is None or len(having) == len(had):
        return None
    lacking = sorted(extras - had[newest])
    if lacking:
        known = f"extras: {', '.join(sorted(had[newest]))}" if had[newest] else "ask for it without an extra"
        raise QuestionError(
            f"{name} {newest} has no extra `{lacking[0]}`",
            hint=f"{known}; the newest with it: {name}=={having[0]}" if having else known,
        )
    return frozenset(having)


def _of_extras(having: frozenset[str] | None, requested: metadata.Asked, scene: Scene) -> str:
    """Return what says which releases have the extras of a wish, "" where all that it admits have them."""
    if having is None:
        return ""
    keys = [key for key in scene.releases(canonical_name(requested.name)) if key in having]
    listed = keys[0] if len(keys) == 1 else f"{keys[-1]} to {keys[0]}"
    return f", which {listed} {'has' if len(keys) == 1 else 'have'}"


def readings(scene: Scene) -> Iterator[Requirement]:
    """Yield the readings of the machine: each node of the machine takes the key that was read."""
    machine = scene.machine
    yield _reading(
        PYTHON, scene.python_keys()[0], f"Python is {scene.python.version}", scene.python.found_via
    )
    glibc = machine.glibc
    if isinstance(glibc, Known):
        yield _reading(
            GLIBC,
            f"{glibc.value[0]}.{glibc.value[1]}",
            f"glibc is {glibc.value[0]}.{glibc.value[1]}",
            glibc.found_via,
        )
    elif machine.platform.os == "linux":
        yield _unknown(GLIBC, "glibc is not known", glibc)
    if scene.device != "gpu":
        return
    driver = machine.driver
    if isinstance(driver, Known):
        yield _reading(DRIVER, str(driver.value), f"the NVIDIA driver is {driver.value}", driver.found_via)
    else:
        yield _unknown(DRIVER, "the NVIDIA driver is not known", driver)
    gpus = machine.gpus
    for gpu in gpus.value if isinstance(gpus, Known) else ():
        capability = gpu.compute_capability
        node = gpu_node(gpu.index)
        if isinstance(capability, Known):
            text = f"GPU {gpu.index} is {gpu.name}, compute capability {capability.value}"
            yield _reading(node, str(capability.value), text, capability.found_via)
        else:
            yield _unknown(node, f"the compute capability of {gpu.name} is not known", capability)


def _reading(node: str, key: str, text: str, found_via: str) -> Requirement:
    source = Source(method="read", where=found_via)
    return Requirement(node, frozenset({key}), Fact(text=text, rule="machine", source=source, relaxable=True))


def _unknown(node: str, text: str, unknown: Unknown) -> Requirement:
    source = Source(method="read", where="; ".join(unknown.tried))
    return Requirement(node, frozenset({UNKNOWN}), Fact(text=text, rule="machine", source=source))
