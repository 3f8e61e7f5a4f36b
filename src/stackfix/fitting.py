"""Whether a lock fits a machine: its pins are asked of the rules that choose sets, on the machine as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from stackfix.asking import GPU_PACKAGES
from stackfix.facts.database import Database
from stackfix.facts.sources import source_names
from stackfix.model.evidence import Known, Source
from stackfix.model.lock import Lock, LockedFile
from stackfix.model.machine import Machine
from stackfix.model.problem import Fact
from stackfix.model.request import MAIN, Request, Root
from stackfix.model.resolution import Explanation, Option, Resolution
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import needed_glibc
from stackfix.solve.resolve import resolve
from stackfix.versions import PythonVersion

LOCK = "the lock"


def misfit(lock: Lock, machine: Machine, facts: Database) -> Explanation | None:
    """Return why a lock cannot work on a machine, None where no rule speaks against it.

    A release that the facts do not know is not judged, nor is a reading that is not known.
    """
    wrong = tuple(_of_another_machine(lock, machine))
    changes: list[Option] = []
    if not wrong:
        answer = _asked_again(lock, machine, facts)
        if not isinstance(answer, Explanation):
            return None
        wrong = answer.conflict
        pins = {(package.name, package.version) for package in lock.packages}
        changes = [
            replace(one, text=f"{one.text}: the lock then fits", packages=(), cuda="", python="")
            for one in answer.options
            if pins >= set(one.packages)
        ]
    anew = f"lock anew for this machine: `stackfix lock {lock.recipe or 'TARGET'}`"
    rules = broken_rules(wrong)
    named = f"; it breaks the rule{'' if len(rules) == 1 else 's'} {', '.join(rules)}" if rules else ""
    return Explanation(
        device=lock.device or "cpu",
        machine=machine,
        python=machine.pythons[0],
        outcome=f"the lock does not fit this machine{named}",
        conflict=wrong,
        options=(*changes, Option(text=anew, packages=(), kind="lock")),
    )


def broken_rules(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return the rules that a lock breaks, by name; what was asked and what was read are none."""
    return tuple(dict.fromkeys(fact.rule for fact in facts if fact.rule not in ("request", "machine")))


def _of_another_machine(lock: Lock, machine: Machine) -> Iterator[Fact]:
    """Yield what can be told without the facts: another platform or Python, an older glibc."""
    here = machine.platform.label
    if lock.platform != here:
        yield _fact(f"the lock is for {lock.platform}, this machine is {here}", "platform")
        return
    python = PythonVersion.parse(lock.python)
    found = machine.pythons[0].version
    if (found.major, found.minor) != (python.major, python.minor):
        yield _fact(f"the lock is for Python {lock.python}, `--python` names {found}", "python")
    glibc = machine.glibc
    if not isinstance(glibc, Known):
        return
    needs = [(need, package.file.name) for package in lock.packages if (need := _glibc(package.file))]
    newest, file = max(needs, default=((0, 0), ""))
    if newest > glibc.value:
        yield _fact(
            f"{file} needs glibc {newest[0]}.{newest[1]} or newer; "
            f"this machine has {glibc.value[0]}.{glibc.value[1]}",
            "glibc",
        )


def _glibc(file: LockedFile) -> tuple[int, int] | None:
    return needed_glibc(WheelFile(name=file.name, size=file.size, sha256=file.sha256))


def _fact(text: str, rule: str) -> Fact:
    return Fact(text=text, rule=rule, source=Source(method="read", where=LOCK))


def _asked_again(lock: Lock, machine: Machine, facts: Database) -> Resolution | Explanation | None:
    """Solve for exactly the pins of the lock that the facts know; None where they know none of them."""
    pins = [
        (package.name, package.version)
        for package in lock.packages
        if any(each.key == package.version for each in facts.listed(package.name, lock.platform))
    ]
    if not pins:
        return None
    names = tuple(name for name, _ in pins)
    request = Request(
        device=lock.device or "cpu",
        roots=tuple(Root(requirement=f"{name}=={version}", asked_by=LOCK) for name, version in pins),
        newest=(*names, "python"),
        features={
            name: GPU_PACKAGES[name] for name in names if lock.device == "gpu" and name in GPU_PACKAGES
        },
        sources=frozenset({MAIN, *source_names(facts.root)}),
    )
    return resolve(replace(machine, pythons=machine.pythons[:1]), facts, request, reasons="none")
