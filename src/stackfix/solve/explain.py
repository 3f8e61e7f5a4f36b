"""Why each pin, why not newer, why not at all: facts, never guesses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace
from packaging.version import Version

from stackfix.model.evidence import Source
from stackfix.model.problem import Fact, Pins, Problem, Requirement, Universe, is_package, presence_node
from stackfix.model.resolution import Newer
from stackfix.solve.minimal import minimal
from stackfix.solve.prove import Refutation, any_set, search

_ASKED = Source(method="asked", where="why not newer?")

FEW = 6
"""So many facts against a newer release are read at once; where more are needed, what is decided before it is taken
for given, if fewer do then."""

RULE_ORDER = ("request", "recipe", "order", "pairs", "metadata", "linkage", "one CUDA", "shipped together")


def reasons(problem: Problem, pins: Pins) -> Mapping[str, tuple[Fact, ...]]:
    """Return for each node of a set the facts by which it is there: who asks for it, or for a library it provides."""
    asked: dict[str, list[Fact]] = {}
    for requirement in problem.roots:
        asked.setdefault(requirement.node, []).append(requirement.fact)
    wanted: dict[str, dict[str, list[Fact]]] = {}
    for other, key in pins.items():
        for requirement in problem.universe.requires(other, key):
            wanted.setdefault(requirement.node, {}).setdefault(other, []).append(requirement.fact)
    found: dict[str, tuple[Fact, ...]] = {}
    for node in pins:
        by = wanted.get(node, {})
        direct = [fact for other, facts in by.items() if is_package(other) for fact in facts]
        linked = [
            fact
            for library in by
            if not is_package(library)
            for other, facts in wanted.get(library, {}).items()
            if other != node
            for fact in facts
        ]
        found[node] = tuple(dict.fromkeys([*asked.get(node, ()), *direct, *linked]))
    return found


def refusing(problem: Problem, pins: Pins, node: str, key: str) -> tuple[Fact, ...]:
    """Return the facts of a set by which one of its packages can't be of the release `key`."""
    nodes = {node, presence_node(node)}
    return tuple(
        dict.fromkeys(
            requirement.fact
            for other, chosen in pins.items()
            for requirement in problem.universe.requires(other, chosen)
            if requirement.node in nodes and key not in requirement.allowed
        )
    )


def why_not_newer(problem: Problem, pins: Pins, node: str) -> Newer | None:
    """Return the next newer release of `node` with a minimal set of facts against it; None when it is newest."""
    keys = problem.universe.keys(node)
    place = keys.index(pins[node])
    if place == 0:
        return None
    newer = keys[place - 1]
    wish = _wish(node, newer)
    direct = _forbidden_directly(problem, pins, node, newer)
    if direct is not None:
        return direct
    best: Newer | None = None
    held = _held_before(problem, pins, node)
    for holds in ((), held) if held else ((),):
        against = _against(problem, wish, newer, holds)
        if against is not None and (best is None or len(against.facts) < len(best.facts)):
            best = against
        if best is not None and len(best.facts) <= FEW:
            break
    if best is None and node not in problem.order:
        best = _against(problem, wish, newer, (*held, *_kept_by_name(problem, pins, node)))
    return best


def is_held_back(problem: Problem, pins: Pins, node: str) -> bool:
    """Whether a set has an older release of a package of the order than there is, though what comes before it is kept.

    The newest set has of each root the newest that there can be: that was searched when it was found.
    """
    if node not in pins:
        return False
    keys = problem.universe.keys(node)
    place = keys.index(pins[node])
    if place == 0 or any(root.node == node for root in problem.roots):
        return place > 0
    held = _held_before(problem, pins, node)
    return any_set(problem, (_wish(node, keys[place - 1]), *held)) is None


def _wish(node: str, key: str) -> Requirement:
    fact = Fact(text=f"{node} {key} is wished for", rule="wish", source=_ASKED)
    return Requirement(node, frozenset({key}), fact)


def _against(problem: Problem, wish: Requirement, newer: str, holds: Sequence[Requirement]) -> Newer | None:
    """Return the minimal facts against a wish while `holds` are kept; None where it can be had."""
    extra = (wish, *holds)
    answer = search(problem, extra)
    if not isinstance(answer, Refutation):
        return None
    facts = minimal(problem, answer.facts, extra, always={wish.fact})
    given = tuple(hold.node for hold in holds if hold.fact in facts)
    told = merged(ordered(facts), problem.universe)
    return Newer(name=wish.node, version=newer, facts=told, given=given)


def _forbidden_directly(problem: Problem, pins: Pins, node: str, newer: str) -> Newer | None:
    """Return the one requirement of a pinned package that leaves the newer release out, if there is one.

    Only for packages that are there because others require them: the fact is minimal, given its package.
    """
    if node in problem.order:
        return None
    for target in (node, presence_node(node)):
        for other, key in pins.items():
            if other == node or not is_package(other):
                continue
            for requirement in problem.universe.requires(other, key):
                if requirement.node == target and newer not in requirement.allowed:
                    return Newer(
                        name=node, version=newer, facts=(requirement.fact,), given=(other.partition("[")[0],)
                    )
    return None


def _held_before(problem: Problem, pins: Pins, node: str) -> tuple[Requirement, ...]:
    """Return requirements that keep what the order decides before `node`."""
    order = list(problem.order)
    return _kept(order[: order.index(node)] if node in order else order, pins)


def _kept_by_name(problem: Problem, pins: Pins, node: str) -> tuple[Requirement, ...]:
    """Return requirements that keep what comes with the order and compares before `node`: what is named before it."""
    return _kept(
        sorted(each for each in pins if is_package(each) and each < node and each not in problem.order), pins
    )


def _kept(before: Iterable[str], pins: Pins) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(
            other,
            frozenset({pins[other]}),
            Fact(
                text=f"{other} {pins[other]} is kept: it comes first in the order",
                rule="order",
                source=_ASKED,
            ),
        )
        for other in before
        if other in pins
    )


def why_not_at_all(problem: Problem, refutation: Refutation) -> tuple[Fact, ...]:
    """Return a minimal conflict: leave any one fact out and a set exists."""
    return ordered(minimal(problem, refutation.facts))


def ordered(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return the facts as they are read: what was asked, what it needs, what this machine has."""
    return tuple(sorted(facts, key=_place))


def _place(fact: Fact) -> tuple[int, str, Version, str]:
    rank = RULE_ORDER.index(fact.rule) if fact.rule in RULE_ORDER else len(RULE_ORDER)
    release = Version(fact.release or "0")
    return rank + (1 if fact.rule == "machine" else 0), f"{fact.rule} {fact.package}", release, fact.text


def without(problem: Problem, fact: Fact, put: Callable[[Requirement], Requirement | None]) -> Problem:
    """Return the problem with the root requirement of `fact` left out, or replaced by what `put` makes of it."""
    roots: list[Requirement] = []
    for requirement in problem.roots:
        if requirement.fact is not fact and requirement.fact != fact:
            roots.append(requirement)
        elif (replacement := put(requirement)) is not None:
            roots.append(replacement)
    return Problem(problem.universe, tuple(roots), problem.order)


def merged(facts: Iterable[Fact], universe: Universe) -> tuple[Fact, ...]:
    """Return the facts with what is said alike of several releases of a package said once of all of them."""
    groups: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in facts:
        groups.setdefault((fact.package, fact.rule, fact.general or fact.text), []).append(fact)
    return tuple(_merge(group, universe) for group in groups.values())


def _merge(group: list[Fact], universe: Universe) -> Fact:
    first = group[0]
    releases = {fact.release for fact in group}
    if len(releases) == 1 or not first.package:
        return first
    where = f"{first.source.where} and {len(releases) - 1} more"
    source = Source(method=first.source.method, where=where, seen=first.source.seen)
    listed = " | ".join(sorted(releases, key=Version))
    return replace(
        first,
        text=f"{first.package} {listed} {first.general}",
        source=source,
        release="",
        brief=f"{first.package} {spans(universe.keys(first.package), releases)} {plural(first.general)}",
    )


def spans(keys: Sequence[str], releases: Collection[str], *, count: bool = True) -> str:
    """Return releases in few words, oldest first: those that follow each other in `keys` (newest first) as spans."""
    runs: list[list[str]] = []
    follows = False
    for key in reversed(keys):
        if key in releases:
            if follows:
                runs[-1].append(key)
            else:
                runs.append([key])
        follows = key in releases
    shown = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    if all(len(run) == 1 for run in runs):
        return " | ".join(shown)
    if not count:
        return ", ".join(shown)
    return f"{', '.join(shown)} ({len(releases)} releases)"


_PLURAL = {"has": "have", "was": "were", "is": "are", "no": "have no"}


def plural(says: str) -> str:
    """Return what is said of one release as it is said of several: "was built" becomes "were built"."""
    verb, _, rest = says.partition(" ")
    return f"{_PLURAL.get(verb, verb.removesuffix('s'))} {rest}"
