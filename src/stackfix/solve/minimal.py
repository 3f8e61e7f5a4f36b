"""Minimal conflicts: of facts that together forbid every set, so few that leaving any one out lets a set exist.

A fact is left out, and a set is searched: where there is none, the fact had no part; where there is one, it is kept.
A set that was found tells of other facts too. Where one release in it could as well be another, against which nothing
counts but the one fact that says so, that fact is kept without a search: "torch 2.7.1 was built with CUDA 12" of each of
a hundred releases takes one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from stackfix.model.problem import DEFINITION, Fact, Pins, Problem, Requirement, Subjects, Universe
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

    def foretold(self, node: str, key: str) -> Sequence[tuple[str, Collection[str]]]:
        """Return nothing: it may rest on facts that do not count."""
        del node, key
        return ()

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
    core = sorted(_without_idle_groups(problem, reasons - set(always), extra, always), key=_spared_last)
    settled: list[Fact] = []
    kept: set[Fact] = set()
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
            kept.update(_kept_alike(problem, fact, answer, extra, {*core, *settled, *always}))
        settled.append(fact)
    return frozenset(settled)


def _kept_alike(
    problem: Problem, left_out: Fact, pins: Pins, extra: Collection[Requirement], counted: Collection[Fact]
) -> Iterator[Fact]:
    """Yield facts that have to be kept, as a set shows that was found once a fact about the same package was left out.

    In its place another release of the package does: one of which nothing is counted but a single fact, and which
    everything else in the set admits.
    """
    package = left_out.package
    if package not in pins:
        return
    every = Counter((fact.package, fact.release) for fact in counted)
    several = Subjects(
        frozenset(release for release, count in every.items() if count > 1), Subjects.of(counted).rules
    )
    asked = [requirement for requirement in (*problem.roots, *extra) if requirement.node == package]
    for node, key in pins.items():
        if node != package:
            asked += [one for one in problem.universe.requires(node, key) if one.node == package]
    binding = [one.allowed for one in asked if one.fact.rule == DEFINITION or one.fact in counted]
    keys = frozenset(problem.universe.keys(package))
    for fact in counted:
        if (
            fact.package == package
            and fact.release in keys
            and all(fact.release in allowed for allowed in binding)
            and problem.universe.is_silent(package, fact.release, several)
        ):
            yield fact


def _without_idle_groups(
    problem: Problem, facts: Collection[Fact], extra: Collection[Requirement], always: Collection[Fact]
) -> Collection[Fact]:
    """Return conflicting facts without what is said alike of many releases of a package and has no part in it.

    One search for each such group, where leaving its facts out one by one took one for each.
    """
    groups: dict[tuple[str, str, str], set[Fact]] = {}
    for fact in sorted(facts, key=_spared_last):
        if fact.package:
            groups.setdefault((fact.package, fact.rule, fact.general), set()).add(fact)
    core = frozenset(facts)
    for group in groups.values():
        if len(group) > 2 and group & core:
            answer = search(problem, extra, only={*(core - group), *always})
            if isinstance(answer, Refutation):
                core &= answer.facts
    return core


def _spared_last(fact: Fact) -> tuple[bool, bool, str, str]:
    return fact.relaxable, not fact.package, fact.rule, fact.text
