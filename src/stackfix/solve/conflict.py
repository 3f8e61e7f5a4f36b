"""What a dead end rests on: the narrowings of a node, and which of them leave nothing of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from stackfix.model.problem import Fact


class Narrowing(Struct):
    """One requirement on a node, as it was put: allowed keys, its fact, the decision that brought it."""

    allowed: frozenset[str]
    fact: Fact
    by: str


class Conflict(Struct):
    """What a dead end rests on: facts, and the nodes whose decisions took part."""

    facts: set[Fact] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)

    def absorb(self, narrowings: Sequence[Narrowing]) -> None:
        """Let it rest on narrowings too."""
        for narrowing in narrowings:
            self.facts.add(narrowing.fact)
            if narrowing.by:
                self.nodes.add(narrowing.by)

    def absorb_all(self, other: Conflict) -> None:
        """Let it rest on what another rests on."""
        self.facts |= other.facts
        self.nodes |= other.nodes


Learned: TypeAlias = dict[tuple[str, str], list[tuple[tuple[tuple[str, str], ...], Conflict]]]
"""Node and key -> why it failed, each time with the other decisions on which that rested."""


def left_of(domain: tuple[str, ...], allowed: frozenset[str]) -> tuple[str, ...]:
    """Return what is left of a domain, in its order; the usual cases are told apart without a look at every key."""
    if len(allowed) == 1:
        (key,) = allowed
        return (key,) if key in domain else ()
    if allowed.issuperset(domain):
        return domain
    return tuple([key for key in domain if key in allowed])


def forbidding(keys: Collection[str], narrowings: Sequence[Narrowing]) -> list[Narrowing]:
    """Return narrowings that together leave none of some keys, few of them: greedily, latest needed first."""
    left = set(keys)
    chosen: list[Narrowing] = []
    while left:
        best = min(narrowings, key=lambda narrowing: len(left & narrowing.allowed))
        remaining = left & best.allowed
        if remaining == left:
            break
        chosen.append(best)
        left = remaining
    return chosen or list(narrowings[-1:])


def emptied(keys: Collection[str], left: Collection[str], narrowings: Sequence[Narrowing]) -> list[Narrowing]:
    """Return the narrowings that have taken some of a node's keys away, of which those that are left fail too."""
    removed = set(keys).difference(left)
    return [each for place, each in enumerate(narrowings) if not place or not removed <= each.allowed]
