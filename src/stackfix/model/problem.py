"""Problem: a closed, finite universe of candidates, what they require, and why.

Everything that makes a set work or fail is said in one form: a candidate of one node requires that another
node takes one of the allowed keys, and a fact says why. Packages are nodes; so are machine readings
(`machine:driver`), shared libraries (`lib:libcudnn.so.9@13`), import folders (`owns:onnxruntime`), the CUDA of
the set (`stack:cuda`) and "this package, if it is there at all" (`if:numpy`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Protocol, TypeAlias

from msgspec import Struct

from stackfix.model.evidence import Source

DRIVER = "machine:driver"
PYTHON = "machine:python"
GLIBC = "machine:glibc"
PLATFORM = "machine:platform"
CUDA = "stack:cuda"
MODELS = "stack:models"


DEFINITION = "definition"
"""Rule of what is so by the meaning of the nodes (a package that is there is there); never a reason."""


def gpu_node(index: int) -> str:
    """Return the node of the GPU with this index."""
    return f"machine:gpu:{index}"


def library_node(soname: str, cuda_major: int) -> str:
    """Return the node whose candidates are the wheels that provide `soname`, built for a CUDA major (0: any)."""
    return f"lib:{soname}@{cuda_major}"


def provided_node(soname: str) -> str:
    """Return the node of a soname, of which a process loads one: its key is the package that provides it."""
    return f"one:{soname}"


def presence_node(package: str) -> str:
    """Return the node that holds a package's version if it is there, and requires nothing of it."""
    return f"if:{package}"


def folder_node(folder: str) -> str:
    """Return the node of an import folder, which has one owner."""
    return f"owns:{folder}"


def is_package(node: str) -> bool:
    """Whether a node is a distribution, not a reading, library or register."""
    return ":" not in node


def follows_packages(node: str) -> bool:
    """Whether a node only holds what packages say of themselves: a version, a provider, an owner."""
    return node.startswith(("if:", "one:", "owns:"))


class Fact(Struct, frozen=True, kw_only=True):
    """One true sentence that can rule a candidate out, with its rule and where it stands.

    `rule` is the rule's name ("driver floor", "linkage", …); `relaxable` says that the user could change it
    (their own request, their driver), which is where options are looked for. A fact about one release names it
    (`package`, `release`), and `general` is the same said of several releases: "was built with CUDA 12". `short` is
    the fact in a few words, where a table has a cell for it: "driver 535.104.05 < 580.65.06 for CUDA 13". `brief` is
    a text that lists many releases, as people read it: "torch 2.2.0 to 2.7.1 (12 releases)".
    """

    text: str
    rule: str
    source: Source
    relaxable: bool = False
    package: str = ""
    release: str = ""
    general: str = ""
    short: str = ""
    brief: str = ""

    def __hash__(self) -> int:
        """Return the hash of the text, which is kept with it: proofs ask for it a million times."""
        return hash(self.text)


class Requirement(Struct, frozen=True):
    """`node` must take one of the keys `allowed`, because of `fact`."""

    node: str
    allowed: frozenset[str]
    fact: Fact


class Subjects(Struct, frozen=True):
    """What some facts are about: releases, as package and version, and the rules of those that name no release."""

    releases: frozenset[tuple[str, str]]
    rules: frozenset[str]

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> Subjects:
        """Return what some facts are about."""
        kept = tuple(facts)
        return cls(
            frozenset((fact.package, fact.release) for fact in kept if fact.package),
            frozenset(fact.rule for fact in kept if not fact.package),
        )

    def hold(self, fact: Fact) -> bool:
        """Whether a fact is about one of them, or true by definition."""
        if fact.rule == DEFINITION:
            return True
        return (fact.package, fact.release) in self.releases if fact.package else fact.rule in self.rules


Pins: TypeAlias = Mapping[str, str]


Told: TypeAlias = tuple[tuple[str, Collection[str]], ...]
"""Nodes and allowed keys that a candidate requires, as far as that is told; hashable."""


class Universe(Protocol):
    """What the solver and the prover ask; finite, and the same answer every time."""

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first; empty for a node nobody knows."""

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate `key` of `node` requires."""

    def foretold(self, node: str, key: str) -> Told:
        """Return nodes and allowed keys of what the candidate requires, as far as that is told without working it out.

        A library of a wheel requires the wheel's release, an extra its package's, a wheel the CUDA that the index
        says. Empty says nothing.
        """

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Return some of what the candidate requires, with its facts: as far as that is told without working out more."""

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether the candidate requires nothing by facts about these subjects, nor by definition.

        Told without working out what it requires; False where that cannot be.
        """


class TableUniverse(Struct, frozen=True):
    """A universe written out in full: node -> key (most wanted first) -> requirements."""

    table: Mapping[str, Mapping[str, tuple[Requirement, ...]]]

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        return tuple(self.table.get(node, ()))

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate requires."""
        return self.table[node][key]

    def foretold(self, node: str, key: str) -> Told:
        """Return the first requirement on another node."""
        others = (each for each in self.table[node][key] if each.node != node)
        return tuple((each.node, each.allowed) for each in islice(others, 1))

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Return the first requirement."""
        return self.table[node][key][:1]

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether the candidate requires nothing by facts about these subjects."""
        return not any(subjects.hold(one.fact) for one in self.table[node][key])


class Problem(Struct, frozen=True):
    """A universe, what is asked of it (root requirements), and the order in which newness counts."""

    universe: Universe
    roots: tuple[Requirement, ...]
    order: tuple[str, ...] = ()
