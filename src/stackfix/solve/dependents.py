"""Dependents: in which order packages give way to each other in a repair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from stackfix.model.environment import Distribution, Environment
from stackfix.rules.metadata import parse_row
from stackfix.versions import canonical_name


def dependents_first(environment: Environment, names: Iterable[str]) -> list[str]:
    """Return packages so that each comes before what its METADATA requires: what was asked for changes last.

    Where sympy 1.14 requires an older mpmath than is there, mpmath is what gives way.
    """
    wanted = sorted(names)
    asked = {each.name: sorted(_required(each)) for each in environment.distributions}
    done: dict[str, None] = {}
    for first in reversed(wanted):
        path = [(first, iter(asked.get(first, ())))]
        on_the_way = {first}
        while path and first not in done:
            name, rest = path[-1]
            below = next((one for one in rest if one not in done and one not in on_the_way), None)
            if below is None:
                path.pop()
                done[name] = None
            else:
                on_the_way.add(below)
                path.append((below, iter(asked.get(below, ()))))
    return [name for name in reversed(done) if name in set(wanted)]


def _required(each: Distribution) -> Iterator[str]:
    """Yield the packages that a distribution requires, those of its extras left out."""
    for text in each.requires_dist:
        with suppress(ValueError):
            asked = parse_row(text)
            if "extra" not in asked.marker:
                yield canonical_name(asked.name)
