"""One search: what it has decided, what that leaves of each node, and the way back.

Backtracking with conflict-directed backjumping. Every narrowing of a node remembers its fact and the
decisions it follows from, so a dead end returns the facts it rests on, and a decision that had no part in a
dead end is jumped over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count

from stackfix.model.problem import Fact, Problem, Requirement, Told, follows_packages
from stackfix.solve.ahead import Ahead, Alike, Companion
from stackfix.solve.conflict import Conflict, Learned, Narrowing, emptied, forbidding, left_of

NOWHERE: Mapping[str, str] = {}


class Search:
    """State of one search: narrowings per node, decisions, and a trail to undo them."""

    def __init__(
        self,
        problem: Problem,
        enabled: Callable[[Fact], bool],
        first: Mapping[str, str] = NOWHERE,
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
        self.narrowings: dict[str, list[Narrowing]] = {}
        self.domains: dict[str, tuple[str, ...]] = {}
        self.pins: dict[str, str] = {}
        self.forced: set[str] = set()
        self.asked = count()
        self.since: dict[str, int] = {}
        self.learned: Learned = {}

    def put(self, requirement: Requirement, by: str, trail: list[tuple[str, tuple[str, ...] | None]]) -> bool:
        """Narrow a node; False when nothing is left of it."""
        if not self.enabled(requirement.fact):
            return True
        node = requirement.node
        before = self.domains.get(node)
        if before is None:
            self.since[node] = next(self.asked)
        domain = before if before is not None else tuple(self.universe.keys(node))
        after = left_of(domain, requirement.allowed)
        trail.append((node, before))
        self.narrowings.setdefault(node, []).append(Narrowing(requirement.allowed, requirement.fact, by))
        self.domains[node] = after
        if len(after) == 1 and node not in self.pins:
            self.forced.add(node)
        return bool(after) and (node not in self.pins or self.pins[node] in requirement.allowed)

    def undo(self, trail: list[tuple[str, tuple[str, ...] | None]]) -> None:
        """Take back what was put, latest first."""
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
        """Decide a node."""
        self.pins[node] = key
        self.forced.discard(node)

    def unpin(self, node: str) -> None:
        """Leave a node undecided again."""
        del self.pins[node]
        if len(self.domains[node]) == 1:
            self.forced.add(node)

    def conflict_at(self, node: str) -> Conflict:
        """What forbids every key of `node`, with few narrowings."""
        conflict = Conflict()
        keys: Collection[str] = self.universe.keys(node)
        if node in self.pins:
            keys = {self.pins[node]}.intersection(keys)
            conflict.nodes.add(node)
        conflict.absorb(forbidding(keys, self.narrowings[node]))
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

    def ruled_out(
        self, node: str, key: str, depth: int = 2, *, alike: Alike | None = None
    ) -> set[str] | None:
        """Return whose decisions a key fails by, where that is told without asking what it requires; else None.

        What is told of many keys is worked out once, where `alike` keeps it.
        """
        if not self.all_count:
            return None
        told = self.universe.foretold(node, key)
        if alike is None:
            return self._by(told, depth)
        if told not in alike:
            alike[told] = self._by(told, depth)
        return alike[told]

    def _by(self, told: Told, depth: int) -> set[str] | None:
        for other, allowed in told:
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

    def try_key(self, node: str, key: str) -> Conflict | None:
        """Decide a node, and everything after it; None when all is decided, else nothing is changed."""
        known = self.learnt_before(node, key)
        if known is not None:
            return known
        self.pin(node, key)
        trail: list[tuple[str, tuple[str, ...] | None]] = []
        failed: Conflict | None = None
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
        self.learn(node, key, failed)
        self.unpin(node)
        return failed

    def learn(self, node: str, key: str, failed: Conflict) -> None:
        """Keep why a key fails, where it has a part in that, with the decisions on which it rests."""
        if node in failed.nodes:
            others = tuple([(other, self.pins[other]) for other in failed.nodes if other != node])
            self.learned.setdefault((node, key), []).append((others, failed))

    def earlier(self, one: Conflict, other: Conflict) -> Conflict:
        """Return which of two conflicts rests on decisions that were made earlier: more is jumped over then."""
        decided = list(self.pins)
        latest = [
            max((decided.index(node) for node in each.nodes if node != decided[-1]), default=-1)
            for each in (one, other)
        ]
        return other if latest[1] < latest[0] else one

    def learnt_before(self, node: str, key: str) -> Conflict | None:
        """Return why a key fails, where the decisions on which that rested are the same now."""
        pins = self.pins
        for others, conflict in self.learned.get((node, key), ()):
            if all([pins.get(other) == its for other, its in others]):  # noqa: C419 - half the time of a generator
                return conflict
        return None

    def to_try(self, node: str, dead_end: Conflict) -> Iterator[tuple[str, Conflict | None]]:
        """Yield the keys of a node, each with why it fails where that is told.

        Those that are ruled out come last, or where nobody asks why not, never.
        """
        passed_over: list[str] = []
        companions = self.companions(node)
        ahead = Ahead(self, node) if self.reasons and len(self.domains[node]) > 1 else None
        alike: Alike = {}
        for key in self.ordered(node):
            by = self.ruled_out(node, key, alike=alike)
            if by is None:
                by = next((alone for each in companions if (alone := each.alone(key)) is not None), None)
            if by is None:
                yield key, ahead.fails(key) if ahead is not None else None
            elif self.reasons:
                passed_over.append(key)
            else:
                dead_end.nodes |= by
        for key in passed_over:
            yield key, ahead.fails(key) if ahead is not None else None

    def companions(self, node: str) -> list[Companion]:
        """Return what is asked for beside a node that is asked for, and is not decided either."""
        if not self.all_count or node not in self.rank:
            return []
        return [
            Companion(self, other, node)
            for other in self.rank
            if other != node and other in self.domains and other not in self.pins
        ]

    def descend(self) -> Conflict | None:
        """Decide the next node and everything after it; None when all is decided."""
        node = self.next_node()
        if node is None:
            return None
        dead_end = Conflict()
        for key, told in self.to_try(node, dead_end):
            failed = told
            if failed is None:
                failed = self.try_key(node, key)
            if failed is None:
                return None
            if node not in failed.nodes:
                return failed
            dead_end.absorb_all(failed)
        dead_end.nodes.discard(node)
        dead_end.absorb(emptied(self.universe.keys(node), self.domains[node], self.narrowings[node]))
        return dead_end
