"""Looking ahead: what is known of candidates before they are decided, worked out once for all that ask the same.

Most candidates fail by the first thing that the index tells of them, and those of one CUDA, or one Python, alike: then
no row is read, and nothing is put on the search and taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from stackfix.model.problem import Fact, Requirement, Told, Universe
from stackfix.solve.conflict import Conflict, Learned, Narrowing, emptied, forbidding, left_of

Alike: TypeAlias = dict[Told, set[str] | None]
"""Whose decisions keys fail by of which the same is told."""


class State(Protocol):
    """What looking ahead asks of a search."""

    universe: Universe
    enabled: Callable[[Fact], bool]
    narrowings: dict[str, list[Narrowing]]
    domains: dict[str, tuple[str, ...]]
    pins: dict[str, str]
    learned: Learned

    def ruled_out(
        self, node: str, key: str, depth: int = 2, *, alike: Alike | None = None
    ) -> set[str] | None:
        """Return whose decisions a key fails by, where that is told without asking what it requires; else None."""

    def learn(self, node: str, key: str, failed: Conflict) -> None:
        """Keep why a key fails."""


class Companion:
    """What a node that has to be there admits of another: a torch that no torchvision is for needs no trying.

    Worked out as far as it is asked, and once for all keys: the newest are mostly admitted by the first candidate.
    """

    def __init__(self, state: State, companion: str, node: str) -> None:
        self._state, self._companion, self._node = state, companion, node
        self._rest = iter(state.domains[companion])
        self._admitted: set[str] = set()
        self._admits_all = False
        self._alike: Alike = {}
        self._by = {narrowing.by for narrowing in state.narrowings[companion] if narrowing.by}

    def alone(self, key: str) -> set[str] | None:
        """Return whose decisions leave no candidate beside a key of the node; None where one is left, or may be."""
        while not self._admits_all and key not in self._admitted:
            candidate = next(self._rest, None)
            if candidate is None:
                return self._by
            by = self._state.ruled_out(self._companion, candidate, alike=self._alike)
            if by is None:
                self._admit(candidate)
            else:
                self._by |= by
        return None

    def _admit(self, candidate: str) -> None:
        told = [
            allowed
            for node, allowed in self._state.universe.foretold(self._companion, candidate)
            if node == self._node
        ]
        self._admits_all = not told
        if told:
            self._admitted.update(told[0])


class _Against(Struct):
    """What a requirement cannot be had for, its own fact aside; `by_it` where it has a part in that."""

    facts: set[Fact]
    nodes: set[str]
    by_it: bool


class Ahead:
    """Why candidates of a node that is to be decided fail at once, by what the index tells of them.

    They are told apart by what they require, not by who they are: a hundred torches of one CUDA cost as much as one,
    and each its own fact. One that failed before is left to the search, which then looks for another reason.
    """

    def __init__(self, state: State, node: str) -> None:
        self._state, self._node = state, node
        self._known: dict[tuple[str, frozenset[str]], _Against | None] = {}
        self._known_further: dict[tuple[str, frozenset[str]], _Against | None] = {}
        self._known_of_one: dict[tuple[str, frozenset[str]], _Against | None] = {}

    def fails(self, key: str) -> Conflict | None:
        """Return why a key fails, None where that is not told."""
        state = self._state
        if (self._node, key) in state.learned:
            return None
        told = state.universe.at_once(self._node, key)
        failed = self._first(told, self._known, self._against)
        if failed is None:
            failed = self._first(told, self._known_further, self._none_left)
        if failed is not None:
            state.learn(self._node, key, failed)
        return failed

    def _first(
        self,
        told: Iterable[Requirement],
        known: dict[tuple[str, frozenset[str]], _Against | None],
        find: Callable[[Requirement, str], _Against | None],
    ) -> Conflict | None:
        """Return why the first requirement that cannot be had cannot; `find` tells what is not `known` yet."""
        for one in told:
            if not self._state.enabled(one.fact):
                continue
            asked = (one.node, one.allowed)
            if asked not in known:
                known[asked] = find(one, self._node)
            against = known[asked]
            if against is not None:
                facts = against.facts | {one.fact} if against.by_it else against.facts
                return Conflict(facts, against.nodes)
        return None

    def _against(self, asked: Requirement, by: str) -> _Against | None:
        """Return what leaves none of the keys that are asked for; None where one is left."""
        state, node = self._state, asked.node
        keys: Sequence[str] = state.universe.keys(node)
        nodes: set[str] = set()
        if node in state.pins:
            keys = (state.pins[node],)
            nodes.add(node)
        if left_of(state.domains.get(node, tuple(keys)) if not nodes else tuple(keys), asked.allowed):
            return None
        own = Narrowing(asked.allowed, asked.fact, by)
        return _resting_on(forbidding(keys, [*state.narrowings.get(node, ()), own]), own, nodes)

    def _none_left(self, asked: Requirement, by: str) -> _Against | None:
        """Return why each of the keys that are asked for fails at once, of a node that is not decided; else None."""
        state, node = self._state, asked.node
        if node in state.pins:
            return None
        keys = state.universe.keys(node)
        left = left_of(state.domains.get(node, tuple(keys)), asked.allowed)
        own = Narrowing(asked.allowed, asked.fact, by)
        found = _resting_on(emptied(keys, left, [*state.narrowings.get(node, ()), own]), own, set())
        for key in left:
            against = self._against_one(node, key)
            if against is None:
                return None
            found.facts |= against.facts
            found.nodes |= against.nodes
        found.nodes.discard(node)
        return found

    def _against_one(self, node: str, key: str) -> _Against | None:
        """Return why a key of another node fails by what is told of it."""
        for one in self._state.universe.at_once(node, key):
            if not self._state.enabled(one.fact):
                continue
            asked = (one.node, one.allowed)
            if asked not in self._known_of_one:
                self._known_of_one[asked] = self._against(one, "")
            against = self._known_of_one[asked]
            if against is not None:
                return _Against(against.facts | {one.fact}, against.nodes, by_it=True)
        return None


def _resting_on(narrowings: Sequence[Narrowing], own: Narrowing, nodes: set[str]) -> _Against:
    """Return the facts and decisions of narrowings, without the fact of one's own."""
    conflict = Conflict(nodes=nodes)
    conflict.absorb([each for each in narrowings if each is not own])
    by_it = any(each is own for each in narrowings)
    if by_it and own.by:
        conflict.nodes.add(own.by)
    return _Against(conflict.facts, conflict.nodes, by_it)
