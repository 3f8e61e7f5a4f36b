"""A universe seen another way: its candidates in another order or fewer of them, what they require as it is."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from stackfix.model.problem import Requirement, Subjects, Told, Universe


class View(Struct, frozen=True):
    """What every view hands on; a view tells its own `keys`."""

    universe: Universe

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate requires."""
        return self.universe.requires(node, key)

    def foretold(self, node: str, key: str) -> Told:
        """Return what the candidate requires, as far as that is told at once."""
        return self.universe.foretold(node, key)

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Return what is told at once of what the candidate requires."""
        return self.universe.at_once(node, key)

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether the candidate requires nothing by facts about these subjects."""
        return self.universe.is_silent(node, key, subjects)
