"""Search with reasons: a set that satisfies everything, or the facts that together forbid it.

Backtracking with conflict-directed backjumping. Every narrowing of a node remembers its fact and the
decisions it follows from, so a dead end returns the facts it rests on, and a decision that had no part in a
dead end is jumped over. Complete: it fails only when no set exists (tests compare with brute force).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count

from msgspec import Struct, field

from stackfix.model.problem import DEFINITION, Fact, Pins, Problem, Requirement, follows_packages


class Refutation(Struct, frozen=True):
    """No set exists; `facts` together forbid it (not yet minimal)."""

    facts: frozenset[Fact]


class _Narrowing(Struct):
    """One requirement on a node, as it was put: allowed keys, its fact, the decision that brought it."""

    allowed: frozenset[str]
    fact: Fact
    by: str


class _Conflict(Struct):
    """What a dead end rests on: facts, and the nodes whose decisions took part."""

    facts: set[Fact] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)

    def absorb(self, narrowings: Sequence[_Narrowing]) -> None:
        for narrowing in narrowings:
            self.facts.add(narrowing.fact)
            if narrowing.by:
                self.nodes.add(narrowing.by)

    def absorb_all(self, other: _Conflict) -> None:
        self.facts |= other.facts
        self.nodes |= other.nodes


def _allowed(domain: tuple[str, ...], allowed: frozenset[str]) -> tuple[str, ...]:
    """Return what is left of a domain, in its order; the usual cases are told apart without a look at every key."""
    if len(allowed) == 1:
        (key,) = allowed
        return (key,) if key in domain else ()
    if allowed.issuperset(domain):
        return domain
    return tuple([key for key in domain if key in allowed])


_NOWHERE: Mapping[str, str] = {}


class _Search:
    """State of one search: narrowings per node, decisions, and a trail to undo them."""

    def __init__(
        self,
        problem: Problem,
        enabled: Callable[[Fact], bool],
        first: Mapping[str, str] = _NOWHERE,
        *,
        all_count: bool = True,
        reasons: bool = True,
    ) -> None:
        self.first = first
        self.universe = problem.universe
        self.enabled = enabled
        self.all_count = all_count
        self.reasons = reasons
        self.rank = {node: place for place, node in enumerate(problem.order)}
        self.narrowings: dict[str, list[_Narrowing]] = {}
        self.domains: dict[str, tuple[str, ...]] = {}
        self.pins: dict[str, str] = {}
        self.forced: set[str] = set()
        self.asked = count()
        self.since: dict[str, int] = {}
        self.learned: dict[tuple[str, str], list[tuple[tuple[tuple[str, str], ...], _Conflict]]] = {}

    def put(self, requirement: Requirement, by: str, trail: list[tuple[str, tuple[str, ...] | None]]) -> bool:
        """Narrow a node; False when nothing is left of it."""
        if not self.enabled(requirement.fact):
            return True
        node = requirement.node
        before = self.domains.get(node)
        if before is None:
            self.since[node] = next(self.asked)
        domain = before if before is not None else tuple(self.universe.keys(node))
        after = _allowed(domain, requirement.allowed)
        trail.append((node, before))
        self.narrowings.setdefault(node, []).append(_Narrowing(requirement.allowed, requirement.fact, by))
        self.domains[node] = after
        if len(after) == 1 and node not in self.pins:
            self.forced.add(node)
        return bool(after) and (node not in self.pins or self.pins[node] in requirement.allowed)

    def undo(self, trail: list[tuple[str, tuple[str, ...] | None]]) -> None:
        while trail:
            node, before = trail.pop()
            self.narrowings[node].pop()
            if before is None or len(before) != 1:
                self.forced.discard(node)
            if before is None:
                del self.domains[node]
                del self.narrowings[node]
            else:
                self.domains[node] = before

    def pin(self, node: str, key: str) -> None:
        self.pins[node] = key
        self.forced.discard(node)

    def unpin(self, node: str) -> None:
        del self.pins[node]
        if len(self.domains[node]) == 1:
            self.forced.add(node)

    def conflict_at(self, node: str) -> _Conflict:
        """What forbids every key of `node`, with few narrowings: greedy, latest needed first."""
        conflict = _Conflict()
        narrowings = self.narrowings[node]
        left = set(self.universe.keys(node))
        if node in self.pins:
            left &= {self.pins[node]}
            conflict.nodes.add(node)
        chosen: list[_Narrowing] = []
        while left:
            best = min(narrowings, key=lambda narrowing: len(left & narrowing.allowed))
            remaining = left & best.allowed
            if remaining == left:
                break
            chosen.append(best)
            left = remaining
        conflict.absorb(chosen or narrowings[-1:])
        return conflict

    def forced_node(self) -> str | None:
        """Return the undecided node with one key left of which something was asked first, or None."""
        return min(self.forced, key=self.since.__getitem__, default=None)

    def next_node(self) -> str | None:
        """Return the node to decide: a forced one, else the first in the order, else the narrowest.

        What only follows from packages comes last: a guess there is one at what a package is going to say.
        """
        forced = self.forced_node()
        if forced is not None:
            return forced
        free = [
            (self.rank.get(node, len(self.rank)), follows_packages(node), len(domain), node)
            for node, domain in self.domains.items()
            if node not in self.pins
        ]
        return min(free)[3] if free else None

    def ordered(self, node: str) -> tuple[str, ...]:
        """Return what is left of a node's keys, most wanted first; before them the one to be tried first."""
        domain = self.domains[node]
        key = self.first.get(node)
        if key is None or key not in domain:
            return domain
        return (key, *(other for other in domain if other != key))

    def ruled_out(self, node: str, key: str, depth: int = 2) -> set[str] | None:
        """Return whose decisions a key fails by, where that is told without asking what it requires; else None."""
        if not self.all_count:
            return None
        for other, allowed in self.universe.foretold(node, key):
            pin = self.pins.get(other)
            if pin is None:
                found = self._none_left(other, allowed, depth)
            else:
                found = None if pin in allowed else {other}
            if found is not None:
                return found
        return None

    def _none_left(self, node: str, allowed: Collection[str], depth: int) -> set[str] | None:
        """Return whose decisions leave nothing of some keys of a node that is not decided; None where one is left."""
        narrowed = self.domains.get(node)
        domain = self.universe.keys(node) if narrowed is None else narrowed
        found = {narrowing.by for narrowing in self.narrowings.get(node, ()) if narrowing.by}
        for key in allowed:
            if key in domain:
                learnt = self.learnt_before(node, key)
                more = learnt.nodes if learnt is not None else None
                if more is None and depth:
                    more = self.ruled_out(node, key, depth - 1)
                if more is None:
                    return None
                found |= more
        found.discard(node)
        return found

    def try_key(self, node: str, key: str) -> _Conflict | None:
        """Decide a node, and everything after it; None when all is decided, else nothing is changed."""
        known = self.learnt_before(node, key)
        if known is not None:
            return known
        self.pin(node, key)
        trail: list[tuple[str, tuple[str, ...] | None]] = []
        failed: _Conflict | None = None
        for requirement in self.universe.requires(node, key):
            if self.put(requirement, node, trail):
                continue
            found = self.conflict_at(requirement.node)
            failed = found if failed is None else self.earlier(failed, found)
            if len(failed.nodes) < 2 or (node, key) not in self.learned:
                break
        if failed is None:
            failed = self.descend()
            if failed is None:
                return None
        self.undo(trail)
        if node in failed.nodes:
            others = tuple([(other, self.pins[other]) for other in failed.nodes if other != node])
            self.learned.setdefault((node, key), []).append((others, failed))
        self.unpin(node)
        return failed

    def earlier(self, one: _Conflict, other: _Conflict) -> _Conflict:
        """Return which of two conflicts rests on decisions that were made earlier: more is jumped over then."""
        decided = list(self.pins)
        latest = [
            max((decided.index(node) for node in each.nodes if node != decided[-1]), default=-1)
            for each in (one, other)
        ]
        return other if latest[1] < latest[0] else one

    def learnt_before(self, node: str, key: str) -> _Conflict | None:
        """Return why a key fails, where the decisions on which that rested are the same now."""
        pins = self.pins
        for others, conflict in self.learned.get((node, key), ()):
            if all([pins.get(other) == its for other, its in others]):  # noqa: C419 - half the time of a generator
                return conflict
        return None

    def to_try(self, node: str, dead_end: _Conflict) -> Iterator[str]:
        """Yield the keys of a node; those that are ruled out come last, or where nobody asks why not, never."""
        passed_over: list[str] = []
        for key in self.ordered(node):
            by = self.ruled_out(node, key)
            if by is None:
                yield key
            elif self.reasons:
                passed_over.append(key)
            else:
                dead_end.nodes |= by
        yield from passed_over

    def descend(self) -> _Conflict | None:
        """Decide the next node and everything after it; None when all is decided."""
        node = self.next_node()
        if node is None:
            return None
        dead_end = _Conflict()
        for key in self.to_try(node, dead_end):
            failed = self.try_key(node, key)
            if failed is None:
                return None
            if node not in failed.nodes:
                return failed
            dead_end.absorb_all(failed)
        dead_end.nodes.discard(node)
        removed = set(self.universe.keys(node)) - set(self.domains[node])
        for narrowing in self.narrowings[node]:
            if not removed <= narrowing.allowed or narrowing is self.narrowings[node][0]:
                dead_end.absorb([narrowing])
        return dead_end


def _always(fact: Fact) -> bool:
    del fact
    return True


def _among(facts: frozenset[Fact]) -> Callable[[Fact], bool]:
    return lambda fact: fact.rule == DEFINITION or fact in facts


def search(
    problem: Problem,
    extra: Collection[Requirement] = (),
    *,
    only: Collection[Fact] | None = None,
    first: Mapping[str, str] = _NOWHERE,
) -> Pins | Refutation:
    """Return the set greatest in the problem's order, or the facts that forbid every set.

    `extra` are further root requirements; `only` limits the facts that count (for minimal conflicts), beside which
    definitions always do. `first` names keys to try before those that are more wanted, where any set will do.
    """
    enabled = _always if only is None else _among(frozenset(only))
    return _searched(_Search(problem, enabled, first, all_count=only is None), (*problem.roots, *extra))


def any_set(problem: Problem, extra: Collection[Requirement] = ()) -> Pins | None:
    """Return what `search` does where there is a set, else None: it costs less where nobody asks why not."""
    answer = _searched(_Search(problem, _always, reasons=False), (*problem.roots, *extra))
    return None if isinstance(answer, Refutation) else answer


def _searched(state: _Search, roots: Collection[Requirement]) -> Pins | Refutation:
    trail: list[tuple[str, tuple[str, ...] | None]] = []
    for requirement in roots:
        if not state.put(requirement, "", trail):
            return Refutation(frozenset(state.conflict_at(requirement.node).facts))
    conflict = state.descend()
    if conflict is not None:
        return Refutation(frozenset(conflict.facts))
    return dict(state.pins)


def forced(problem: Problem) -> Mapping[str, Sequence[str]]:
    """Return the nodes that every set must hold, with the keys that no forced choice rules out.

    Only what follows without a guess; empty when even that fails (then no set exists).
    """
    state = _Search(problem, _always)
    trail: list[tuple[str, tuple[str, ...] | None]] = []
    if not all(state.put(requirement, "", trail) for requirement in problem.roots):
        return {}
    while (node := state.forced_node()) is not None:
        state.pin(node, state.domains[node][0])
        requires = state.universe.requires(node, state.pins[node])
        if not all(state.put(requirement, node, trail) for requirement in requires):
            return {}
    return dict(state.domains)


def reachable(problem: Problem, pins: Pins) -> Mapping[str, str]:
    """Return the part of `pins` that the roots lead to."""
    found: dict[str, str] = {}
    queue = [requirement.node for requirement in problem.roots]
    while queue:
        node = queue.pop()
        if node in found or node not in pins:
            continue
        found[node] = pins[node]
        queue += [requirement.node for requirement in problem.universe.requires(node, pins[node])]
    return found
