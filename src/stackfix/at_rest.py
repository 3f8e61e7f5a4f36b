"""What fails in an environment before anything of it runs: its Python, its files, and the libraries that it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stackfix.facts.database import Database
from stackfix.judging.linkage import absent, close, missing_code, of_known_packages, present_numbers
from stackfix.judging.remedy import anew, mend
from stackfix.model.environment import Environment
from stackfix.model.machine import Machine
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import FAILED, Check, Verdict
from stackfix.package_faults import examined, wrong_packages
from stackfix.probe.surroundings import read_surroundings
from stackfix.rules.closure import Closure

# Causes that say more of a missing library than that it is missing.
_SAYS_MORE = frozenset(
    ("both_ort_packages", "cuda_major_mismatch", "cudnn_major_mismatch", "ort_cpu_only", "torch_cpu_build")
)


def followed(
    environment: Environment, facts: Database, device: str, around: Surroundings | None
) -> tuple[Closure, list[str]]:
    """Return what becomes of every library that a run on a device loads, and the names of those found outside."""
    features = ("cuda",) if device == "gpu" else ()
    alone, there = close(environment, facts, features), (around or read_surroundings()).libraries
    closed = of_known_packages(absent(alone, there, windows=environment.windows), environment, facts)
    return closed, sorted({one.soname for one in alone.missing} & there)


def wrong_at_rest(
    environment: Environment, facts: Database, closed: Closure, machine: Callable[[], Machine]
) -> Verdict | None:
    """Return the verdict on what fails before anything runs: the environment as a whole, then its libraries."""
    if environment.broken:
        reason = f"the environment is broken: {environment.broken[0]}"
        return _told("environment", reason, environment.broken, "broken_environment", anew(environment))
    if not closed.closed:
        return _not_closed(environment, facts, closed, machine)
    if closed.unread:
        return _not_read(environment, facts, closed, machine)
    return None


def _told(name: str, reason: str, lines: Sequence[str], code: str, fix: str) -> Verdict:
    """Return a failed verdict with the one check that says all of it."""
    check = Check(name=name, ok=False, text="; ".join(lines), code=code, fix=fix)
    return Verdict(state=FAILED, reason=reason, code=code, fix=fix, checks=(check,))


def _not_read(
    environment: Environment, facts: Database, closed: Closure, machine: Callable[[], Machine]
) -> Verdict:
    """Return the verdict on libraries that are no whole ones, as the doctor tells it of their package."""
    lines = [f"{one.file_name} cannot be read: {one.unread_because}" for one in closed.unread]
    paths = tuple(f"{one.path}: " for one in closed.unread)
    for one in wrong_packages(environment, examined(environment, facts, machine())):
        if any(line.startswith(paths) for line in one.because):
            return _told("libraries", one.text, lines, one.code, one.fix)
    return _told("libraries", lines[0], lines, "gutted_package", mend(environment))


def _not_closed(
    environment: Environment, facts: Database, closed: Closure, machine: Callable[[], Machine]
) -> Verdict:
    """Return the verdict on libraries that are missing; who should bring them, the doctor knows."""
    present = present_numbers(environment)
    first = closed.missing[0]
    told = next(
        (
            one
            for one in wrong_packages(environment, examined(environment, facts, machine()))
            if one.code in _SAYS_MORE or one.rule == "linkage"
        ),
        None,
    )
    code = told.code if told else missing_code(first.soname, present)
    fix = told.fix if told else mend(environment)
    lines = [f"{one.soname} is missing ({one.needed_by} needs it)" for one in closed.missing]
    reason = told.text if told else f"{first.soname} is missing: {first.needed_by} needs it"
    return _told("libraries", reason, lines, code, fix)


def library_check(closed: Closure, outside: Sequence[str]) -> Check:
    """Return the check of libraries that all find what they need, some of it outside the environment."""
    upto = f", up to the driver's own {' and '.join(closed.from_driver)}" if closed.from_driver else ""
    found = f"{closed.followed} libraries find all they need in the environment"
    beside = f", and outside it {', '.join(outside)}" if outside else ""
    return Check(name="libraries", ok=True, text=found + beside + upto)
