"""Search with reasons: a set that satisfies everything, or the facts that together forbid it.

Complete: it fails only when no set exists (tests compare with brute force).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from stackfix.model.problem import DEFINITION, Fact, Pins, Problem, Requirement
from stackfix.solve.searching import NOWHERE, Search


class Refutation(Struct, frozen=True):
    """No set exists; `facts` together forbid it (not yet minimal)."""

    facts: frozenset[Fact]


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
    first: Mapping[str, str] = NOWHERE,
) -> Pins | Refutation:
    """Return the set greatest in the problem's order, or the facts that forbid every set.

    `extra` are further root requirements; `only` limits the facts that count (for minimal conflicts), beside which
    definitions always do. `first` names keys to try before those that are more wanted, where any set will do.
    """
    enabled = _always if only is None else _among(frozenset(only))
    return _searched(Search(problem, enabled, first, all_count=only is None), (*problem.roots, *extra))


def any_set(problem: Problem, extra: Collection[Requirement] = ()) -> Pins | None:
    """Return what `search` does where there is a set, else None: it costs less where nobody asks why not."""
    answer = _searched(Search(problem, _always, reasons=False), (*problem.roots, *extra))
    return None if isinstance(answer, Refutation) else answer


def _searched(state: Search, roots: Collection[Requirement]) -> Pins | Refutation:
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
    state = Search(problem, _always)
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
