"""Minimal conflicts: of facts that together forbid every set, so few that leaving any one out lets a set exist.

A fact is left out, and a set is searched: where there is none, the fact had no part; where there is one, it is kept.
A set that was found tells of other facts too. Where one release in it could as well be another, against which nothing
counts but the one fact that says so, that fact is kept without a search: "torch 2.7.1 was built with CUDA 12" of each
of a hundred releases takes one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from stackfix.model.problem import DEFINITION, Fact, Pins, Problem, Requirement, Subjects, Told, Universe
from stackfix.solve.prove import Refutation, search

_NOWHERE: Mapping[str, str] = {}


class _Among(Struct, frozen=True):
    """A universe in which only facts about some subjects count: what requires nothing by them is not worked out."""

    universe: Universe
    subjects: Subjects

    def keys(self, node: str) -> Sequence[str]:
        """Return the candidate keys."""
        return self.universe.keys(node)

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate requires, if anything by these facts."""
        if self.universe.is_silent(node, key, self.subjects):
            return ()
        return self.universe.requires(node, key)

    def foretold(self, node: str, key: str) -> Told:
        """Return nothing: it may rest on facts that do not count."""
        del node, key
        return ()

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Return what is told at once of what the candidate requires."""
        return self.universe.at_once(node, key)

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether the candidate requires nothing by facts about these subjects."""
        return self.universe.is_silent(node, key, subjects)


def minimal(
    problem: Problem,
    facts: Collection[Fact],
    extra: Collection[Requirement] = (),
    *,
    always: Collection[Fact] = (),
) -> frozenset[Fact]:
    """Return a subset of conflicting `facts` that conflicts still, and no longer when any one is left out.

    `always` count all the time and are not among the answer; neither are definitions, which nobody could
    leave out. Where there is a choice, what is true of one release is left out before what is true of all, and what
    the user could change is kept.
    """
    counted = {*facts, *always}
    problem = Problem(_Among(problem.universe, Subjects.of(counted)), problem.roots, problem.order)
    reasons = {fact for fact in facts if fact.rule != DEFINITION}
    needed, kept = _without_idle_groups(problem, reasons - set(always), extra, always)
    core = sorted(needed, key=_spared_last)
    settled: list[Fact] = []
    while core:
        fact = core.pop(0)
        if fact not in kept:
            freed = (
                {fact.package: fact.release} if fact.package else _NOWHERE
            )  # where a set is, if there is one now
            answer = search(problem, extra, only={*core, *settled, *always}, first=freed)
            if isinstance(answer, Refutation):
                core = [other for other in core if other in answer.facts]
                continue
            kept.update(_kept_alike(problem, fact.package, answer, extra, {fact, *core, *settled, *always}))
        settled.append(fact)
    return frozenset(settled)


def _kept_alike(
    problem: Problem, package: str, pins: Pins, extra: Collection[Requirement], counted: Collection[Fact]
) -> Iterator[Fact]:
    """Yield facts that have to be kept, as a set shows that was found once facts about a package were left out.

    `counted` are all facts in question, those left out among them. The set holds but for what its release of the
    package requires; in its place another release may be, against which nothing counts but one fact.
    """
    if package not in pins:
        return
    asked = [*problem.roots, *extra]
    for node, key in pins.items():
        if node != package:
            asked += problem.universe.requires(node, key)
    admitting: list[frozenset[str]] = [frozenset(problem.universe.keys(package))]
    for one in asked:
        if one.fact.rule != DEFINITION and one.fact not in counted:
            continue
        if one.node == package:
            admitting.append(one.allowed)
        elif pins.get(one.node) not in one.allowed:
            return
    every = Counter((fact.package, fact.release) for fact in counted)
    several = frozenset(release for release, count in every.items() if count > 1)
    subjects = Subjects(several, Subjects.of(counted).rules)
    admitted = frozenset.intersection(*admitting)
    for fact in counted:
        if (
            fact.package == package
            and fact.release in admitted
            and problem.universe.is_silent(package, fact.release, subjects)
        ):
            yield fact


def _without_idle_groups(
    problem: Problem, facts: Collection[Fact], extra: Collection[Requirement], always: Collection[Fact]
) -> tuple[Collection[Fact], set[Fact]]:
    """Return conflicting facts without what is said alike of many releases of a package and has no part in it.

    One search for each such group, where leaving its facts out one by one took one for each; none where a set that was
    found shows that one of them has to be kept. What has to be is returned too.
    """
    groups: dict[tuple[str, str, str], set[Fact]] = {}
    for fact in sorted(facts, key=_spared_last):
        if fact.package:
            groups.setdefault((fact.package, fact.rule, fact.general), set()).add(fact)
    core = frozenset(facts)
    kept: set[Fact] = set()
    for (package, *_), group in groups.items():
        if len(group) > 2 and group & core and not group & kept:
            answer = search(problem, extra, only={*(core - group), *always})
            if isinstance(answer, Refutation):
                core &= answer.facts
            else:
                kept.update(_kept_alike(problem, package, answer, extra, {*core, *always}))
    return core, kept


def _spared_last(fact: Fact) -> tuple[bool, bool, str, str]:
    return fact.relaxable, not fact.package, fact.rule, fact.text
