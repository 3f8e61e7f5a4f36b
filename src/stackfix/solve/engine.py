"""A set that satisfies every requirement, found by resolvelib; the only importer of resolvelib.

The search prefers what the order names first and the newest of each, so its proposal usually is the newest
set. Whether it is, and whether "nothing found" is true, is for `prove` and `newest` to say: resolvelib's
backjumping keeps no record of earlier dead ends and may pass over a set that exists.

It is shown packages and libraries alone. Its cost grows with the square of the nodes it is shown, and what
registers and readings forbid has mostly been refuted before; whoever takes the proposal checks the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution
from resolvelib.structs import RequirementInformation

from stackfix.model.problem import Pins, Problem, Requirement, is_register

MAX_ROUNDS = 500


@dataclass(frozen=True, slots=True)
class _Choice:
    """One candidate as resolvelib passes it around."""

    node: str
    key: str


class _Provider(AbstractProvider[Requirement, _Choice, str]):
    """The universe in resolvelib's words."""

    def __init__(self, problem: Problem) -> None:
        self._universe = problem.universe
        self._rank = {node: place for place, node in enumerate(problem.order)}

    def identify(self, requirement_or_candidate: Requirement | _Choice) -> str:
        return requirement_or_candidate.node

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, _Choice],
        candidates: Mapping[str, Iterator[_Choice]],
        information: Mapping[str, Iterator[RequirementInformation[Requirement, _Choice]]],
        backtrack_causes: Sequence[RequirementInformation[Requirement, _Choice]],
    ) -> tuple[bool, int, str]:
        """Decide what is forced first, then in the order that newness counts in, then by name."""
        del resolutions, information, backtrack_causes
        left = candidates[identifier]
        next(left, None)
        free = next(left, None) is not None
        return free, self._rank.get(identifier, len(self._rank)), identifier

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Requirement]],
        incompatibilities: Mapping[str, Iterator[_Choice]],
    ) -> Callable[[], Iterator[_Choice]]:
        """Return what yields the candidates that every requirement allows, most wanted first, as far as they are asked for."""
        keys = self._universe.keys(identifier)
        asked = sorted((requirement.allowed for requirement in requirements[identifier]), key=len)
        allowed = asked[0].intersection(*asked[1:]) if asked else frozenset(keys)
        allowed -= {choice.key for choice in incompatibilities[identifier]}
        return lambda: (_Choice(identifier, key) for key in ordered(keys, allowed))

    def is_satisfied_by(self, requirement: Requirement, candidate: _Choice) -> bool:
        return candidate.key in requirement.allowed

    def get_dependencies(self, candidate: _Choice) -> Iterable[Requirement]:
        requires = self._universe.requires(candidate.node, candidate.key)
        return [requirement for requirement in requires if not is_register(requirement.node)]


def ordered(keys: Sequence[str], allowed: Collection[str]) -> Iterator[str]:
    """Yield the keys that are allowed, in their order; a single one is found without looking at the others."""
    if len(allowed) == 1:
        yield from (key for key in allowed if key in keys)
    elif allowed:
        yield from (key for key in keys if key in allowed)


@dataclass(frozen=True, slots=True)
class NotFound:
    """The library found no set; that none exists is not proved by this."""


def propose(problem: Problem, extra: Collection[Requirement] = ()) -> Pins | NotFound:
    """Return packages and libraries that satisfy each other, probably the newest; or NotFound.

    They may hold nodes that nothing leads to any more. `Resolver` would drop them, but walks the graph without
    marking where it has been and does not return on some cycles; `Resolution` is what it drives.
    """
    reporter: BaseReporter[Requirement, _Choice, str] = BaseReporter()
    resolution = Resolution(_Provider(problem), reporter)
    roots = [requirement for requirement in (*problem.roots, *extra) if not is_register(requirement.node)]
    try:
        state = resolution.resolve(roots, max_rounds=MAX_ROUNDS)
    except (ResolutionImpossible, ResolutionTooDeep):
        return NotFound()
    return {node: choice.key for node, choice in state.mapping.items()}
