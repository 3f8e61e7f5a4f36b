"""What is asked beside a lock: held against what the lock has, for a lock is installed as it is or not at all."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from packaging.specifiers import SpecifierSet

from stackfix.asking import MachineQuestion, Question, constraints_of, device_of, request_of
from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.model.evidence import Known, Source
from stackfix.model.lock import Lock
from stackfix.model.machine import Machine, Platform
from stackfix.model.problem import Fact
from stackfix.model.request import Root
from stackfix.model.resolution import Explanation, Option
from stackfix.rules.metadata import Asked, applies, marker_variables, parse_row, parse_wish
from stackfix.rules.shipped_together import CUDA_ITSELF, cuda_wish
from stackfix.versions import canonical_name

RULE = "lock"
DEVICE = "device"
OF_THE_CPU = "the lock is of a set for the CPU"


def refuse_choosing(question: Question) -> None:
    """Refuse what says how a set is chosen: in a lock that is done."""
    for option, given in (("--source", question.sources), ("--newest-before", question.newest_before)):
        if given:
            raise QuestionError(
                f"`{option}` says how a set is chosen, and a lock names each file",
                hint=f"leave it out, or lock anew: `stackfix lock TARGET {option} …`",
            )


def unheld(question: Question, lock: Lock, machine: Machine, facts: Database) -> Explanation | None:
    """Return what of targets, requirement files and constraints a lock does not hold; None where it holds all.

    What an extra asks for is told by the facts, and not judged where they do not know the release.
    """
    asked: tuple[Root, ...] = ()
    hashes: Mapping[str, frozenset[str]] = {}
    if question.targets or question.requirement_files:
        request = request_of(question, machine, facts.root, device=lock.device)
        asked, hashes = request.roots, request.hashes
    held = _Held(lock, machine, facts)
    wrong = [
        *(fact for root in asked for fact in held.breaks(root)),
        *(fact for root in constraints_of(question) for fact in held.breaks(root, constrains=True)),
        *(fact for name, digests in hashes.items() for fact in held.other_file(name, digests)),
    ]
    if not wrong:
        return None
    return _refusal(
        lock,
        machine,
        "the lock does not hold what is asked for beside it",
        tuple(dict.fromkeys(wrong)),
        Option(
            text=f"lock anew what is asked for: `{_locking(question)}`",
            packages=(),
            kind="lock",
        ),
        Option(text="install the lock as it is: ask for nothing beside it", packages=(), kind="wish"),
    )


def describes_gpu(question: MachineQuestion) -> bool:
    """Whether a GPU machine is described, by flags or files, instead of found."""
    return bool(question.driver or question.gpus or question.gpu_index is not None or question.machine_files)


def idle_gpu(lock: Lock, machine: Machine) -> str:
    """Return what says that a lock leaves the machine's GPU unused, "" where it does not."""
    if lock.device != "cpu" or device_of(machine) != "gpu":
        return ""
    return f"{OF_THE_CPU}; this machine has {_gpu(machine)}"


def not_for_gpu(lock: Lock, machine: Machine) -> Explanation:
    """Return why a lock of a CPU set is not what a machine with a GPU is described for."""
    gpus = machine.gpus
    found = gpus if isinstance(gpus, Known) else machine.driver
    via = found.found_via if isinstance(found, Known) else ""
    return _refusal(
        lock,
        machine,
        "the lock does not fit this machine",
        (
            _fact(OF_THE_CPU, DEVICE),
            Fact(
                text=f"the machine has {_gpu(machine)}",
                rule="machine",
                source=Source(method="read", where=via),
            ),
        ),
        Option(
            text=f"lock anew for this machine: `stackfix lock {lock.recipe or 'TARGET'}`",
            packages=(),
            kind="lock",
        ),
        Option(text="install it for the CPU all the same: `--gpu none`", packages=(), kind="gpu"),
    )


class _Held:
    """A lock's packages, of which requirements are asked on its own platform and Python."""

    def __init__(self, lock: Lock, machine: Machine, facts: Database) -> None:
        python = machine.pythons[0].version
        same = python.minor_version == lock.python and python.patch is not None
        full = str(python) if same else f"{lock.python}.0"
        self._variables = marker_variables(Platform.parse(lock.platform), lock.python, full)
        self._lock = lock
        served = ((other, name) for name, others in lock.stands_for.items() for other in others)
        self._versions = {**{other: lock.versions[name] for other, name in served}, **lock.versions}
        self._facts = facts

    def breaks(self, root: Root, *, constrains: bool = False) -> Iterator[Fact]:
        """Yield who asks and what the lock has instead, nothing where it has what is asked for."""
        asked = parse_wish(root.requirement)
        if asked.url:
            raise QuestionError(
                f"`{root.requirement}` names a file, and a lock names its own",
                hint="ask for a release: `torch==2.15.0`",
            )
        if not applies(asked.marker, self._variables, ""):
            return
        name = canonical_name(asked.name)
        if constrains and name not in self._versions:
            return
        verb = "constrains" if constrains else ("ask for" if root.asked_by == "you" else "asks for")
        why = Fact(
            text=f"{root.asked_by} {verb} {root.requirement}",
            rule="request",
            source=Source(method="asked", where=root.asked_by),
            relaxable=root.relaxable,
        )
        if lacking := self._lacking(name, asked):
            yield from (why, _fact(lacking, RULE))
            return
        for extra in sorted(asked.extras):
            for text in self._of_extra(name, extra):
                yield from (why, _fact(text, RULE))

    def other_file(self, name: str, digests: frozenset[str]) -> Iterator[Fact]:
        """Yield that the lock's file of a package is none of those with these sha256."""
        for package in self._lock.packages:
            if package.name == name and package.file.sha256 not in digests:
                yield _fact(
                    f"{package.file.name} of the lock has none of the hashes that are asked for", RULE
                )

    def _lacking(self, name: str, asked: Asked) -> str:
        """Return what the lock has instead of what is asked for, "" where it has that."""
        if name == CUDA_ITSELF:
            cuda = self._lock.cuda
            if not cuda:
                return "the lock has no CUDA"
            return (
                "" if cuda_wish(SpecifierSet(asked.specifier)).contains(cuda) else f"the lock has CUDA {cuda}"
            )
        version = self._versions.get(name, "")
        if not version:
            return f"the lock has no {name}"
        fits = SpecifierSet(asked.specifier).contains(version, prereleases=True)
        return "" if fits else f"the lock has {name} {version}"

    def _of_extra(self, name: str, extra: str) -> Iterator[str]:
        """Yield what an extra of a locked release asks for and the lock has not."""
        rows = self._facts.listed(name, self._lock.platform)
        row = next((each for each in rows if each.key == self._versions[name]), None)
        for text in row.read().requires_dist if row is not None else ():
            wanted = parse_row(text)
            if applies(wanted.marker, self._variables, "") or not applies(
                wanted.marker, self._variables, extra
            ):
                continue
            of = canonical_name(wanted.name)
            if lacking := self._lacking(of, wanted):
                yield f"{name}[{extra}] requires {of}{wanted.specifier}, and {lacking}"


def _locking(question: Question) -> str:
    """Return the command that locks what is asked for."""
    files = [word for file in question.requirement_files for word in ("-r", file)]
    constraints = [word for file in question.constraint_files for word in ("-c", file)]
    targets = question.targets or (() if files else ("TARGET",))
    return shlex.join(["stackfix", "lock", *targets, *files, *constraints])


def _gpu(machine: Machine) -> str:
    if isinstance(machine.gpus, Known):
        return f"a GPU ({', '.join(gpu.name for gpu in machine.gpus.value)})"
    return "an NVIDIA driver"


def _fact(text: str, rule: str) -> Fact:
    return Fact(text=text, rule=rule, source=Source(method="read", where="the lock"))


def _refusal(
    lock: Lock, machine: Machine, outcome: str, wrong: tuple[Fact, ...], *options: Option
) -> Explanation:
    return Explanation(
        outcome=outcome,
        device=lock.device or device_of(machine),
        machine=machine,
        python=machine.pythons[0],
        conflict=wrong,
        options=options,
    )
