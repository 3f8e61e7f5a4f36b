"""The newest set, proved: everything newer has been searched and refuted.

"Newest" compares two sets node by node. First the root nodes of the problem's order: earlier keys beat later
ones. Then every other package (those of the order first, then by name): being absent beats being there, for
nothing is installed that nothing asks for, and earlier keys beat later ones. Registers and readings follow
from the packages and are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stackfix.model.problem import Pins, Problem, Requirement, Universe, is_package
from stackfix.solve.engine import NotFound, propose
from stackfix.solve.prove import Refutation, forced, reachable, search


@dataclass(frozen=True, slots=True)
class Limited:
    """A universe in which some nodes may take only some of their keys, or none (then they must be absent).

    Packages that compare before `frontier` and have no limit must be absent too.
    """

    universe: Universe
    limits: Mapping[str, Sequence[str]]
    rank: Mapping[str, int]
    frontier: tuple[int, str] | None = None

    def keys(self, node: str) -> Sequence[str]:
        """Return the candidate keys that the limits leave."""
        limit = self.limits.get(node)
        if limit is not None:
            return limit
        if self.frontier is not None and is_package(node) and _place(self.rank, node) < self.frontier:
            return ()
        return self.universe.keys(node)

    def requires(self, node: str, key: str) -> Sequence[Requirement]:
        """What the candidate requires."""
        return self.universe.requires(node, key)


def _place(rank: Mapping[str, int], node: str) -> tuple[int, str]:
    return rank.get(node, len(rank)), node


def solve(problem: Problem) -> Pins | Refutation:
    """Return the newest set (every node the roots lead to, with its key), or the facts that forbid any."""
    rank = {node: place for place, node in enumerate(problem.order)}
    found = _proposed(problem, rank)
    if found is None:
        answer = search(problem)
        if isinstance(answer, Refutation):
            return answer
        found = answer
    pins = reachable(problem, found)
    limits: dict[str, Sequence[str]] = {}
    for node in _ordered_roots(problem):
        better = _better(problem.universe, node, pins)
        if better:
            pins = _improved(problem, Limited(problem.universe, {**limits, node: better}, rank), pins)
        limits[node] = (pins[node],)
    return _settle_the_rest(problem, pins, limits, rank)


def _proposed(problem: Problem, rank: Mapping[str, int]) -> Pins | None:
    """Return a set that the library proposes, completed with registers and readings; None if it has none."""
    hopeful = _without_hopeless_keys(problem, rank)
    if hopeful is None:
        return None
    proposal = propose(hopeful)
    if isinstance(proposal, NotFound):
        return None
    limits = {node: (key,) for node, key in proposal.items()}
    completed = search(Problem(Limited(problem.universe, limits, rank), problem.roots, problem.order))
    return None if isinstance(completed, Refutation) else completed


def _ordered_roots(problem: Problem) -> list[str]:
    roots = {requirement.node for requirement in problem.roots}
    return [node for node in problem.order if node in roots]


def _without_hopeless_keys(problem: Problem, rank: Mapping[str, int]) -> Problem | None:
    """Return the problem without the keys that forced choices alone rule out; None if all of a root's are.

    The library's search is costly where it fails (2 s for a driver that rules out five releases, against
    10 ms so); what a few steps of propagation refute, it need not try.
    """
    limits: dict[str, Sequence[str]] = {}
    for node in _ordered_roots(problem):
        keys = problem.universe.keys(node)
        for place, key in enumerate(keys):
            limited = Limited(problem.universe, {**limits, node: (key,)}, rank)
            if forced(Problem(limited, problem.roots, problem.order)):
                limits[node] = keys[place:]
                break
        else:
            return None
    return Problem(Limited(problem.universe, limits, rank), problem.roots, problem.order)


def _settle_the_rest(
    problem: Problem, pins: Pins, limits: dict[str, Sequence[str]], rank: Mapping[str, int]
) -> Pins:
    """Compare the packages that are not in the order: absent first, then newest, package by package."""
    while True:
        domains = forced(Problem(Limited(problem.universe, limits, rank), problem.roots, problem.order))
        open_nodes = sorted(
            (node for node in pins if is_package(node) and node not in limits),
            key=lambda node: _place(rank, node),
        )
        if not open_nodes:
            return pins
        node = open_nodes[0]
        frontier = _place(rank, node)
        wanted = [key for key in _better(problem.universe, node, pins) if key in domains.get(node, (key,))]
        if node not in domains:
            absent = Limited(problem.universe, {**limits, node: ()}, rank, frontier)
            pins = _improved(problem, absent, pins)
        if node in pins and wanted:
            newer = Limited(problem.universe, {**limits, node: wanted}, rank, frontier)
            pins = _improved(problem, newer, pins)
        limits[node] = (pins[node],) if node in pins else ()
        for other in open_nodes:
            if other in limits or other not in pins:
                continue
            keys = domains.get(other, ())
            if keys and keys[0] == pins[other] and (len(keys) == 1 or _place(rank, other) == frontier):
                limits[other] = (pins[other],)


def _improved(problem: Problem, limited: Limited, pins: Pins) -> Pins:
    """Return the greatest set within the limits if there is one, else `pins` as they are."""
    answer = search(Problem(limited, problem.roots, problem.order))
    return pins if isinstance(answer, Refutation) else reachable(problem, answer)


def _better(universe: Universe, node: str, pins: Pins) -> Sequence[str]:
    """Return the keys of `node` that are more wanted than the one in `pins`."""
    keys = universe.keys(node)
    return keys[: keys.index(pins[node])]
