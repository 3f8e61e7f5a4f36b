"""What is installed, preferred: the universe of a repair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from stackfix.model.problem import Requirement, Subjects, Told, is_package
from stackfix.solve.lower import Lowered


class Preferring(Struct, frozen=True):
    """A universe in which the installed release of a package is its most wanted candidate."""

    universe: Lowered
    installed: Mapping[str, str]

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        keys = self.universe.keys(node)
        here = self.installed.get(node.partition("[")[0]) if is_package(node) else None
        return keys if here is None or here not in keys else (here, *(key for key in keys if key != here))

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
