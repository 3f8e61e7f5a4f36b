"""The smallest repair: what is installed first among its candidates, and the fewest of the big packages changed.

"Smallest" compares two repairs by the number of packages that count (torch, onnxruntime, torchvision, torchaudio)
whose release changes; then by the number of steps, then by the bytes to download. Within one choice of what stays,
every other package keeps its installed release where that can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.version import Version

from stackfix.model.environment import Environment
from stackfix.model.evidence import Source
from stackfix.model.problem import Fact, Pins, Problem, Requirement, Universe, is_package
from stackfix.model.repair import Put, Repair, Step, TakenOut
from stackfix.model.resolution import Explanation, Pin
from stackfix.rules import metadata
from stackfix.rules.foreign import foreign
from stackfix.rules.installed import Held, judge, unmet
from stackfix.rules.on_disk import SOURCE, installed_wheels, with_installed
from stackfix.rules.reach import doubled
from stackfix.rules.scene import Scene
from stackfix.solve import explain
from stackfix.solve.brought import all_kept, alters
from stackfix.solve.dependents import dependents_first
from stackfix.solve.lower import Lowered
from stackfix.solve.newest import solve
from stackfix.solve.pose import readings
from stackfix.solve.preferring import Preferring
from stackfix.solve.prove import Refutation
from stackfix.solve.staying import fillers, staying
from stackfix.versions import canonical_name

PILLARS = ("torch", "onnxruntime-gpu", "onnxruntime", "torchvision", "torchaudio")
_BROUGHT_IN = ("nvidia-", "cuda-", "triton", "pytorch-triton")


class Wish(Struct, frozen=True, kw_only=True):
    """What a repair must come to: `gpu` whether the GPU builds are wanted, `keep` what must stay as it is.

    `outside` is what lies in another place and stays whoever asks. `instead` is package -> the one that takes its
    place: an OpenCV with windows on a system without a desktop.
    """

    gpu: bool
    keep: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    instead: Mapping[str, str] = field(default_factory=dict)


class _Case(Struct, frozen=True, kw_only=True):
    """One environment to be repaired: its scene with what is installed, and who must be there at the end.

    `instead` is package -> release of what takes another's place: that of the other, where there is one.
    """

    environment: Environment
    scene: Scene
    universe: Lowered
    installed: Mapping[str, str]
    wanted: Mapping[str, frozenset[str]]
    pinned: tuple[str, ...]
    damaged: frozenset[str]
    foreign: frozenset[str]
    instead: Mapping[str, str]
    outside: frozenset[str]
    filling: Mapping[str, frozenset[str]]


def repair(environment: Environment, scene: Scene, wish: Wish) -> Repair | Explanation:
    """Return the smallest repair of an environment, or why there is none that keeps what must stay."""
    case = _case(environment, scene, wish)
    found = _smallest(case, wish)
    if isinstance(found, Repair) and not found.conflict:
        return found
    unknown = {name for name in case.installed if not scene.facts.knows(name)}
    compiled = {each.name for each in environment.distributions if each.compiled_for_torch}
    soft = _case(environment, scene, wish, soft=unknown - compiled)
    softer = _smallest(soft, wish)
    if isinstance(softer, Repair) and (
        isinstance(found, Refutation) or _changed(case, softer) < _changed(case, found)
    ):
        return replace(softer, strained=tuple(_strained(soft, softer)))
    if isinstance(found, Repair):
        return found
    loose = _case(environment, scene, wish, soft=unknown)
    again = _smallest(loose, wish)
    if isinstance(again, Refutation):
        return _explained(loose, wish, again)
    return replace(again, strained=tuple(_strained(loose, again)))


def _changed(case: _Case, found: Repair) -> int:
    """Return how many of the packages that count get another release."""
    return sum(
        step.name in case.pinned
        if isinstance(step, TakenOut)
        else step.pin.name in case.pinned and step.before != step.pin.version
        for step in found.steps
    )


def _case(environment: Environment, scene: Scene, wish: Wish, *, soft: Collection[str] = ()) -> _Case:
    """Return the case without what the `soft` packages require.

    Which of the packages that fill one folder is there at the end is the repair's to say, whichever others ask for.
    """
    extra = installed_wheels(environment, scene)
    filling = fillers(environment, scene.facts)
    names = _names(environment, scene, wish, filling)
    losing = {name for owners in filling.values() if names & owners for name in owners - names}
    extra = {
        name: wheel
        if scene.facts.knows(name)
        else replace(
            wheel, requires_dist=() if name in soft else tuple(_but_for(losing, wheel.requires_dist))
        )
        for name, wheel in extra.items()
    }
    known = replace(
        scene,
        facts=with_installed(scene.facts, extra),
        sources=scene.sources | {SOURCE},
        _releases={},
        _provided={},
        _provider_keys={},
    )
    universe = Lowered(known)
    installed = {each.name: str(Version(each.version)) for each in environment.distributions}
    wanted = dict(_wanted(names, known, wish))
    return _Case(
        environment=environment,
        scene=known,
        universe=universe,
        installed=installed,
        wanted=wanted,
        pinned=tuple(name for name in PILLARS if installed.get(name, "-") in wanted.get(name, ())),
        damaged=frozenset(
            each.name
            for each in environment.distributions
            if each.lost
            or each.changed
            or any(one.broken for one in each.libraries)
            or (not each.recorded and environment.kind != "system" and scene.facts.knows(each.name))
        ),
        foreign=frozenset(each.name for each in foreign(environment, scene)),
        instead={other: installed[name] for name, other in wish.instead.items() if name in installed},
        outside=wish.outside,
        filling=filling,
    )


def _but_for(names: Collection[str], requires_dist: Sequence[str]) -> Iterator[str]:
    return (text for text in requires_dist if canonical_name(metadata.parse_row(text).name) not in names)


def _names(
    environment: Environment, scene: Scene, wish: Wish, filling: Mapping[str, frozenset[str]]
) -> set[str]:
    """Return the packages that are there at the end, of those that fill one folder the one that stays."""
    names = {each.name for each in environment.distributions} | set(_without_record(environment))
    for name, other in wish.instead.items():
        if name in names - wish.keep and scene.facts.knows(other):
            names = names - {name} | {other}
    return staying(names, environment, filling, gpu=wish.gpu, keep=wish.keep | wish.outside)


def _wanted(names: Collection[str], scene: Scene, wish: Wish) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield package and releases of what must be there at the end: all that is not only brought in by others."""
    for name in sorted(names):
        if name.startswith(_BROUGHT_IN):
            continue
        keys = frozenset(scene.releases(name))
        if wish.gpu and name == "torch":
            keys = frozenset(key for key in keys if scene.releases(name)[key][0].cuda_major) or keys
        yield name, keys


def _without_record(environment: Environment) -> dict[str, str]:
    """Return package -> version of what has no dist-info: what pip had set aside, what its own build file speaks for."""
    set_aside = {name: str(Version(version)) for name, version in environment.set_aside.items()}
    return set_aside | {
        build.package: str(Version(build.version.partition("+")[0]))
        for folder, build in environment.builds.items()
        if folder in environment.ownerless
    }


def _problem(case: _Case, stay: Collection[str], keep: Collection[str]) -> Problem:
    order = [*PILLARS, "opencv-python-headless", "opencv-python", "numpy"]
    order = [name for name in order if name in case.wanted]
    order += [name for name in dependents_first(case.environment, case.wanted) if name not in order]
    roots: list[Requirement] = []
    for name, keys in case.wanted.items():
        if name in stay or name in keep:
            version = case.installed[name]
            said = f"{name} {version} is installed"
            if name in keep:
                said += " outside the environment" if name in case.outside else ", and you ask to keep it"
            source = Source(method="read", where=case.environment.path)
            why = Fact(text=said, rule="request", source=source, relaxable=True)
            roots.append(Requirement(name, frozenset({version}), why))
        else:
            source = Source(method="read", where=case.environment.path)
            roots.append(
                Requirement(name, keys, Fact(text=f"{name} must be there", rule="request", source=source))
            )
    preferred = {**_without_record(case.environment), **case.instead, **case.installed}
    universe: Universe = Preferring(case.universe, preferred)
    return Problem(universe, (*roots, *readings(case.scene)), tuple(order))


def _smallest(case: _Case, wish: Wish) -> Repair | Refutation:
    kept = wish.keep | wish.outside
    free = [name for name in case.pinned if name not in kept]
    keep = [name for name in kept if name in case.wanted and name in case.installed]
    first: Refutation | None = None
    conflict: tuple[Fact, ...] = ()
    for changed in range(len(free) + 1):
        found: list[Repair] = []
        for change in combinations(free, changed):
            problem = _problem(case, [name for name in free if name not in change], keep)
            pins = solve(problem)
            if isinstance(pins, Refutation):
                if first is None:
                    first = pins
                    conflict = explain.merged(explain.why_not_at_all(problem, pins), problem.universe)
                last = pins
                continue
            found.append(_steps(case, problem, pins))
            if alters(found[-1], case.installed.keys() - case.damaged):
                with_all = all_kept(problem, case.installed, case.scene, case.environment.path)
                pins = solve(with_all)
                found += () if isinstance(pins, Refutation) else (_steps(case, with_all, pins),)
        if found:
            best = min(found, key=lambda one: (len(one.steps), one.download_bytes))
            return replace(best, conflict=conflict)
    return last


def _steps(case: _Case, problem: Problem, pins: Pins) -> Repair:
    packages = {node: key for node, key in pins.items() if is_package(node) and "[" not in node}
    steps: list[Step] = []
    gone = list(_taken_out(case, packages))
    steps += gone
    leaving = {step.name for step in gone} | {
        name for name, key in packages.items() if case.installed.get(name, key) != key
    }
    again = _again(case, packages, leaving)
    whys = explain.reasons(problem, pins)
    for name in sorted(packages):
        before = case.installed.get(name, "")
        if before == packages[name] and name not in again:
            continue
        wheel, file = case.universe.file(name, packages[name])
        if wheel.source == SOURCE:
            continue
        pin = Pin(name=name, version=packages[name], wheel=wheel, file=file, why=whys[name])
        facts = (*(explain.refusing(problem, pins, name, before) if before else ()), *whys[name])
        steps.append(Put(pin=pin, before=before, why=tuple(_why(name, facts, again))))
    coming = {name for step in steps if isinstance(step, Put) for name in step.pin.wheel.provides}
    return Repair(
        steps=tuple(steps),
        kept=tuple(
            f"{name} {case.installed[name]}"
            for name in PILLARS
            if packages.get(name, "-") == case.installed.get(name) and name not in again
        ),
        hook="onnxruntime-gpu" in packages and not case.environment.windows,
        leftovers=(*case.environment.ownerless, *case.environment.abandoned),
        strays=doubled(case.environment, coming),
    )


def _why(name: str, facts: Sequence[Fact], again: Mapping[str, str]) -> Iterator[str]:
    if name in again:
        yield again[name]
    else:
        yield from dict.fromkeys(fact.text for fact in facts[:2] if fact.rule != "request")


def _taken_out(case: _Case, packages: Mapping[str, str]) -> Iterator[TakenOut]:
    """Yield what must go: packages that another one takes the place of, and what would break a rule by staying."""
    left = {name for name in case.installed if name not in packages}
    for name in sorted(left - {one for one in left if one.startswith(_BROUGHT_IN)}):
        rivals = [other for other in packages if _rivals(case, name, other)]
        if rivals:
            left.discard(name)
            yield TakenOut(name=name, version=case.installed[name], why=f"{rivals[0]} fills the same folder")
    held = [_held(case, name, key) for name, key in packages.items()]
    beside = {name: one for name in sorted(left) if (one := _held_installed(case, name)) is not None}
    while beside:
        breaches = judge([*held, *beside.values()], case.scene).breaches
        blamed = next(
            (
                (name, breach)
                for breach in breaches
                for name in (breach.package, breach.other, *(one.rpartition(" ")[0] for one in breach.found))
                if name in beside
            ),
            None,
        )
        if blamed is None:
            return
        name, breach = blamed
        del beside[name]
        yield TakenOut(name=name, version=case.installed[name], why=breach.requirement.fact.text)


def _rivals(case: _Case, name: str, other: str) -> bool:
    return any({name, other} <= owners for owners in case.filling.values())


def _held(case: _Case, name: str, key: str) -> Held:
    return Held(*case.universe.file(name, key))


def _held_installed(case: _Case, name: str) -> Held | None:
    key = case.installed[name]
    return _held(case, name, key) if key in case.scene.releases(name) else None


def _again(case: _Case, packages: Mapping[str, str], leaving: Collection[str]) -> dict[str, str]:
    """Return what stays and must be written again, with the reason: its files are lost, or go with another's."""
    twice = {each.name for each in case.environment.duplicates}
    found = {
        name: "it is on record more than once"
        if name in twice
        else "it was built for another Python or system"
        if name in case.foreign
        else "its files or its RECORD were lost or overwritten"
        for name in case.damaged | case.foreign | twice
        if name in packages and packages[name] == case.installed.get(name)
    }
    files = {each.name: each.files for each in case.environment.distributions}
    going = {
        path: name
        for name in sorted(leaving, reverse=True)  # of several the first is told
        for path in files.get(name, {})
        if not path.endswith("nvidia/__init__.py")
    }
    for name in packages:
        if name in leaving or name not in case.installed:
            continue
        shared = next((path for path in files.get(name, {}) if path in going), None)
        if shared is not None:
            found[name] = f"{going[shared]} takes its files along when it goes"
    for name in packages.keys() & _without_record(case.environment).keys() - case.installed.keys():
        found[name] = "it was here, and its record is lost or was set aside by pip"
    return found


def _strained(case: _Case, found: Repair) -> Iterator[str]:
    """Yield what packages without facts require and the repaired environment does not give."""
    versions = dict(case.installed)
    for step in found.steps:
        if isinstance(step, Put):
            versions[step.pin.name] = step.pin.version
        else:
            versions.pop(step.name, None)
    environment = replace(
        case.environment,
        distributions=tuple(
            replace(each, version=versions[each.name])
            for each in case.environment.distributions
            if each.name in versions
        ),
    )
    changed = {step.pin.name for step in found.steps if isinstance(step, Put)}
    for one in unmet(environment, case.scene):
        if one.by.name in changed:  # its requirements are those of the release that it no longer is
            continue
        if one.found and (one.name in changed or one.name in PILLARS):
            gets = "gets" if one.name in changed else "keeps"
            yield f"{one.by.name} {one.by.version} requires {one.requirement}; it {gets} {one.name} {one.found}"


def _explained(case: _Case, wish: Wish, refutation: Refutation) -> Explanation:
    problem = _problem(case, (), [name for name in wish.keep if name in case.wanted])
    return Explanation(
        device="gpu" if wish.gpu else "cpu",
        machine=case.scene.machine,
        python=case.scene.python,
        conflict=explain.merged(explain.why_not_at_all(problem, refutation), problem.universe),
    )
