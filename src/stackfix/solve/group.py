"""Several machines in one universe: packages are shared, each machine's readings are nodes of its own.

A release asks each machine what it asks; the driver that a GPU asks for is the driver beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from stackfix.model.problem import PYTHON, Requirement, Subjects, Told
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.tags import needed_glibc
from stackfix.solve.lower import Lowered

_MACHINE = "machine:"
_AT = "@"


class Grouped(Struct):
    """The universes of several machines as one; `members` are their names and universes, for one Python.

    Answers are kept, so asking twice costs nothing.
    """

    members: tuple[tuple[str, Lowered], ...]
    _requires: dict[tuple[str, str], tuple[Requirement, ...]] = field(default_factory=dict)

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        own = self._own(node)
        if own is None:
            return self.members[0][1].keys(node)
        return own[1].keys(own[0])

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate requires of the set, and of each machine."""
        found = self._requires.get((node, key))
        if found is None:
            found = self._requires[node, key] = tuple(dict.fromkeys(self._work_out(node, key)))
        return found

    def foretold(self, node: str, key: str) -> Told:
        """Return what is told at once of a candidate that is everybody's."""
        return () if self._own(node) is not None else self.members[0][1].foretold(node, key)

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Return what is told at once of a candidate that is everybody's, as the first machine asks it."""
        if self._own(node) is not None:
            return ()
        return [self.named(each, 0) for each in self.members[0][1].at_once(node, key)]

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether a release requires nothing of any machine by facts about these subjects."""
        return self._own(node) is None and all(
            each.is_silent(node, key, subjects) for _, each in self.members
        )

    def file(self, package: str, key: str) -> tuple[Wheel, WheelFile]:
        """Return the row and the file that every machine takes: of several, the one for the oldest glibc."""
        files = [universe.file(package, key) for _, universe in self.members]
        return min(files, key=lambda each: needed_glibc(each[1]) or (0, 0))

    def unknown_to_facts(self, node: str, key: str) -> Iterator[str]:
        """Yield what an extra of a release asks for on any of the machines, of packages that the facts do not know."""
        yield from dict.fromkeys(
            text for _, universe in self.members for text in universe.unknown_to_facts(node, key)
        )

    def named(self, requirement: Requirement, place: int) -> Requirement:
        """Return a requirement on a reading as one on that machine's reading; the Python is everybody's."""
        if not requirement.node.startswith(_MACHINE) or requirement.node == PYTHON:
            return requirement
        fact = requirement.fact
        if fact.rule == "machine":
            name = self.members[place][0]
            fact = replace(fact, text=f"{name}: {fact.text}")
        return Requirement(f"{requirement.node}{_AT}{place}", requirement.allowed, fact)

    def _work_out(self, node: str, key: str) -> Iterator[Requirement]:
        own = self._own(node)
        if own is not None:
            for each in own[1].requires(own[0], key):
                yield self.named(each, own[2])
            return
        for place, (_, universe) in enumerate(self.members):
            for each in universe.requires(node, key):
                yield self.named(each, place)

    def _own(self, node: str) -> tuple[str, Lowered, int] | None:
        """Return a machine's own node with the machine's universe and place, None for what is shared."""
        if not node.startswith(_MACHINE) or _AT not in node:
            return None
        name, _, place = node.rpartition(_AT)
        return name, self.members[int(place)][1], int(place)
