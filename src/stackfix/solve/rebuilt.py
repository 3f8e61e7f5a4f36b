"""Another index as a way out: what documents say that it holds, and the set that would then exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stackfix.model.growth import Documented
from stackfix.model.problem import CUDA, Fact, Problem, Requirement, Subjects, Told, Universe
from stackfix.model.resolution import Option
from stackfix.solve.case import Case, newest, number
from stackfix.versions import CudaVersion

OF_THE_BUILD = frozenset({"one CUDA", "linkage", "shipped together"})


def sources(case: Case) -> Iterator[Option]:
    """Yield what documents say that other indexes hold and that would let a set exist."""
    offered: set[str] = set()
    for one in _documented(case):
        if one.package in offered or _is_measured_so(case, one):
            continue
        taken = frozenset(case.facts.held_by(one.index))
        rebuilt = Rebuilt(case.problem.universe, taken, one.package, one.minor)
        pins = newest(Problem(rebuilt, (*case.problem.roots, _of_cuda(case, one)), case.problem.order))
        if pins is None:
            continue
        offered.add(one.package)
        named = [name for name in case.problem.order if name in taken & pins.keys()]
        what = " and ".join(f"{name} {_minor(pins[name])}" for name in named)
        hint = (
            f"{one.evidence.method}, not measured, {_pythons(one)}: that build is taken to need, and to have code for, what its release "
            "on the main index does; "
            f"`stackfix facts measure --source {one.index} '{one.package}=={one.minor}.*'` measures it"
        )
        shown = {**pins, **{name: _minor(pins[name]) for name in named}}
        text = f"take {what} for CUDA {one.cuda} from {one.index}"
        option = case.option(shown, "source", text, hint=hint)
        yield replace(option, verified=False, evidence=str(one.evidence))


class Rebuilt(Struct, frozen=True):
    """A universe in which some packages are built with another CUDA: what their builds ask of CUDA is not known.

    `package` is of the minor that a document names. What its metadata asks of other packages stays as it is, and so
    does the code that it has for GPUs: that another build has more is for measuring to say.
    """

    universe: Universe
    taken: frozenset[str]
    package: str
    minor: str

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        keys = self.universe.keys(node)
        return [key for key in keys if _minor(key) == self.minor] if node == self.package else keys

    def requires(self, node: str, key: str) -> Iterable[Requirement]:
        """What the candidate requires, but for what its CUDA brings with it."""
        requires = self.universe.requires(node, key)
        if node not in self.taken:
            return requires
        return [one for one in requires if one.fact.rule not in OF_THE_BUILD and not _of_nvidia(one.node)]

    def foretold(self, node: str, key: str) -> Told:
        """Say nothing: what a rebuilt release brings is not told at once."""
        del node, key
        return ()

    def at_once(self, node: str, key: str) -> Iterable[Requirement]:
        """Say nothing, likewise."""
        del node, key
        return ()

    def is_silent(self, node: str, key: str, subjects: Subjects) -> bool:
        """Whether the candidate requires nothing by facts about these subjects."""
        return self.universe.is_silent(node, key, subjects)


def _pythons(one: Documented) -> str:
    return f"for Python {one.pythons}" if one.pythons else "and for which Pythons is not said"


def _of_nvidia(node: str) -> bool:
    return node.startswith(("nvidia-", "cuda-"))


def _minor(version: str) -> str:
    """Return the first two numbers of a release: 2.7 of 2.7.1."""
    return ".".join(version.partition("+")[0].split(".")[:2])


def _of_cuda(case: Case, one: Documented) -> Requirement:
    """Return the requirement to keep to the CUDA of a documented build."""
    fact = Fact(text=f"{one.package} is of CUDA {one.cuda}", rule="wish", source=one.evidence)
    return Requirement(CUDA, frozenset(_served(case, one)), fact)


def _served(case: Case, one: Documented) -> list[str]:
    """Return the CUDA minors that a documented build goes with."""
    if not case.facts.serves_any_minor(one.index):
        return [one.cuda]
    major = CudaVersion.parse(one.cuda).major
    return [key for key in case.problem.universe.keys(CUDA) if CudaVersion.parse(key).major == major]


def _is_measured_so(case: Case, one: Documented) -> bool:
    """Whether a release on the main index is built with that CUDA already: then another build is no way out."""
    universe = case.problem.universe
    return any(
        requirement.node == CUDA and one.cuda in requirement.allowed
        for key in universe.keys(one.package)
        if _minor(key) == one.minor
        for requirement in universe.requires(one.package, key)
    )


def _documented(case: Case) -> Iterator[Documented]:
    """Yield what is documented and wished for, newest first, but for what has no build for this Python."""
    python = case.python.version.minor_version
    wanted = {root.node for root in case.problem.roots}
    in_conflict = {fact.package for fact in case.conflict} | {root.node for root in case.roots}
    for package in case.problem.order:
        if package not in in_conflict & wanted:
            continue
        listed = case.facts.documented(package, case.machine.platform.label)
        admitted = {
            _minor(key)
            for key in case.problem.universe.keys(package)
            if all(key in root.allowed for root in case.problem.roots if root.node == package)
        }
        fitting = [one for one in listed if one.minor in admitted and not one.excludes(python)]
        yield from sorted(fitting, key=lambda one: (number(one.minor), number(one.cuda)), reverse=True)
