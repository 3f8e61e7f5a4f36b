"""Repairing: from what is wrong with an environment to the smallest change, carried out and proved."""

from __future__ import annotations

import shlex
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from stackfix.asking import MachineQuestion, machine_of
from stackfix.errors import QuestionError, TargetError
from stackfix.facts.database import Database
from stackfix.install.mend import CONSTRAINTS, Change, mend, write_constraints
from stackfix.install.progress import Progress
from stackfix.install.staging import NotProvedError
from stackfix.install.target import resolved
from stackfix.judging import remedy
from stackfix.judging.examine import Patient, examine, scene_of
from stackfix.judging.linkage import without_a_desktop
from stackfix.judging.runtime import RULE as NO_RUNTIME
from stackfix.locking import lock_of_files
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Machine
from stackfix.model.repair import Put, Repair, TakenOut
from stackfix.model.report import Finding, Report
from stackfix.model.resolution import Explanation, Option, Resolution
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import Verdict
from stackfix.networks import OFFLINE, networks
from stackfix.probe.environment import read_environment
from stackfix.probe.surroundings import read_surroundings
from stackfix.proving import proof
from stackfix.reaching import installer_variables
from stackfix.render.repair_text import constraint_lines, repair_lines
from stackfix.solve.repair import PILLARS, Wish, repair
from stackfix.solve.shared import apart, with_outside
from stackfix.versions import DriverVersion, canonical_name

_GPU = ("onnxruntime-gpu", "tensorrt")
_TOLD_AFTERWARDS = "torch symbols"  # no METADATA tells for which torch a package was compiled


class FixWish(Struct, frozen=True, kw_only=True):
    """What `fix` is asked: what must stay, for which device and machine, and how it is carried out."""

    keep: tuple[str, ...] = ()
    device: Literal["auto", "gpu", "cpu"] = "auto"
    machine: MachineQuestion = field(default_factory=MachineQuestion)
    dry_run: bool = False
    protect: bool = False
    validate: bool = True
    offline: bool = False
    weights: str = "auto"
    installer: Literal["auto", "uv", "pip"] = "auto"


class Fixed(Struct, frozen=True, kw_only=True):
    """What came of it: the report before and after (None where nothing was done), the repair and the verdict.

    `commands` carry out by hand what can only be planned; none where `fix` does it itself.
    """

    before: Report
    repair: Repair
    constraints: str
    after: Report | None = None
    verdict: Verdict | None = None
    applied: bool = False
    commands: tuple[str, ...] = ()


def mended(venv: Path, wish: FixWish, facts: Database, progress: Progress) -> Fixed | Explanation:
    """Mend an environment, unless only the plan is asked for; nothing is changed that is not proved."""
    environment = read_environment(venv)
    if environment.broken:
        raise TargetError(
            f"`{environment.path}` cannot be mended: {environment.broken[0]}",
            hint=remedy.anew(environment),
        )
    machine = machine_of(replace(wish.machine, python=""), facts, venv, pythons=False)
    if wish.device == "cpu":
        machine = _without_gpus(machine)
    around = read_surroundings()
    patient = Patient(environment=environment, machine=machine, surroundings=around)
    before = examine(patient, facts)
    keep = frozenset(canonical_name(name) for name in wish.keep)
    _refuse_absent(keep, environment)
    gpu = wants_gpu(environment, machine, wish.device)
    scene = scene_of(environment, machine, facts)
    whole, elsewhere = with_outside(environment, PILLARS)
    wanted = Wish(gpu=gpu, keep=keep, outside=elsewhere, instead=without_a_desktop(before.findings))
    worked_out = repair(whole, scene, wanted)
    found = worked_out if isinstance(worked_out, Explanation) else apart(worked_out, environment)
    if found is None or (elsewhere and isinstance(found, Explanation)):
        raise _shared(environment, elsewhere)
    if isinstance(found, Explanation):
        return replace(found, options=tuple(_ways_out(patient, facts, wanted)))
    found = replace(found, strained=(*found.strained, *_stays_on_the_cpu(environment, found, gpu=gpu)))
    if environment.hook and not any(_touches_libraries(step) for step in found.steps):
        found = replace(found, hook=False)
    constraints = "\n".join(constraint_lines(environment, found, gpu=gpu)) + "\n"
    planned = Fixed(
        before=before, repair=found, constraints=constraints, commands=tuple(_by_hand(environment, found))
    )
    if wish.protect and not wish.dry_run and not found.changes:
        write_constraints(Path(environment.path), Path(environment.path), constraints, protect=True)
        progress.stage(f"its pip obeys `{Path(environment.path) / CONSTRAINTS}` from now on")
    if wish.dry_run or not found.changes:
        return planned
    _refuse_what_stays(environment)
    for line in repair_lines(found):
        progress.stage(line)
    return _carried_out(planned, patient, wish, facts, progress, gpu=gpu)


def _without_gpus(machine: Machine) -> Machine:
    """Return a machine of which only the CPU is to be served."""
    return replace(machine, gpus=Known((), "--device cpu"), troubles=(), driver_breaks="")


def _ways_out(patient: Patient, facts: Database, wish: Wish) -> list[Option]:
    """Return what could be asked less of a repair, so that there is one; the smallest download first."""
    environment, machine = patient.environment, patient.machine
    less = [
        (f"let {name} change: leave out `--keep {name}`", replace(wish, keep=wish.keep - {name}))
        for name in sorted(wish.keep)
    ]
    solved = [(text, repair(environment, scene_of(environment, machine, facts), one)) for text, one in less]
    found = sorted(
        ((text, one) for text, one in solved if isinstance(one, Repair)),
        key=lambda each: each[1].download_bytes,
    )
    options = [
        Option(text=text, packages=tuple(_pillars_after(environment, one)), kind="wish")
        for text, one in found
    ]
    options += _other_driver(patient, facts, wish)
    if wish.gpu:  # what is given up by it is more than any download
        alone = repair(
            environment, scene_of(environment, _without_gpus(machine), facts), replace(wish, gpu=False)
        )
        if isinstance(alone, Repair):
            packages = tuple(_pillars_after(environment, alone))
            options.append(Option(text="serve the CPU alone: `--device cpu`", packages=packages, kind="wish"))
    return options


def _stays_on_the_cpu(environment: Environment, found: Repair, *, gpu: bool) -> Iterator[str]:
    """Yield that torch stays a build without CUDA, where a GPU's is wanted and none is to be had."""
    build = environment.builds.get("torch")
    changed = {step.name if isinstance(step, TakenOut) else step.pin.name for step in found.steps}
    if gpu and build is not None and build.cuda == "" and "torch" not in changed:
        yield f"torch {build.version} is a build without CUDA and stays so: {remedy.OTHER_INDEX}"


def _other_driver(patient: Patient, facts: Database, wish: Wish) -> Iterator[Option]:
    """Yield the oldest newer driver under which there is a repair: between it and the newest, by bisection."""
    machine, driver = patient.machine, patient.machine.driver
    if not isinstance(driver, Known):
        return
    steps = facts.hardware.driver_steps(machine.platform.os, wsl=machine.wsl)
    newer = [step for step in steps if step > driver.value]

    def under(step: DriverVersion) -> Repair | Explanation:
        there = replace(machine, driver=Known(step, "--driver"), cuda=Unknown(("another driver",)))
        return repair(patient.environment, scene_of(patient.environment, there, facts), wish)

    first = bisect_left(newer, 1, key=lambda step: int(isinstance(under(step), Repair)))
    found = under(newer[first]) if first < len(newer) else None
    if isinstance(found, Repair):
        yield Option(
            text=f"install NVIDIA driver {newer[first]} or newer",
            packages=tuple(_pillars_after(patient.environment, found)),
            kind="driver",
        )


def _pillars_after(environment: Environment, found: Repair) -> Iterator[tuple[str, str]]:
    """Yield the packages that count, with their releases after a repair."""
    put = {step.pin.name: step.pin.version for step in found.steps if isinstance(step, Put)}
    gone = {step.name for step in found.steps if isinstance(step, TakenOut)}
    for name in PILLARS:
        if (name in put or name in environment.packages) and name not in gone:
            yield name, put.get(name) or environment.packages[name]


def wants_gpu(environment: Environment, machine: Machine, device: str) -> bool:
    """Return whether the GPU builds are wanted: as asked, else where the environment or the machine has a GPU's."""
    if device != "auto":
        return device == "gpu"
    left = {
        environment.builds[folder].package for folder in environment.ownerless if folder in environment.builds
    }
    left |= set(environment.set_aside)
    if any(name in environment.packages or name in left for name in _GPU):
        return True
    if isinstance(machine.gpus, Known):
        return bool(machine.gpus.value)
    return isinstance(machine.driver, Known)


def _refuse_absent(keep: frozenset[str], environment: Environment) -> None:
    absent = sorted(keep - set(environment.packages))
    if absent:
        raise QuestionError(
            f"`--keep {absent[0]}`: it is not installed in `{environment.path}`",
            hint="`--keep` takes the names of installed packages",
        )


def _shared(environment: Environment, elsewhere: frozenset[str]) -> TargetError:
    """Return why an environment can't be mended of which a half lies outside, and that half would have to change."""
    names = sorted(elsewhere) or [each.name for each in environment.outside]
    place = shlex.quote(environment.path)
    return TargetError(
        f"{names[0]} of `{environment.path}` lies outside it, and what goes with it can't be had in the environment alone",
        hint="mend the Python that it comes from, or make one that stands alone: "
        f"`stackfix install dwpose --venv {place} --replace`",
    )


def _refuse_what_stays(environment: Environment) -> None:
    """Refuse an environment whose repair can only be planned, before anything is fetched."""
    if why := _why_only_planned(environment):
        raise TargetError(why, hint="see the plan with `--dry-run`, and run its commands")


def _why_only_planned(environment: Environment) -> str:
    """Return why a repair can be planned but not carried out, by the environment's kind or by its name; "" where it can."""
    only = "stackfix can plan {} repair but not carry it out"
    if environment.windows or environment.kind not in ("venv", "conda", "system"):
        return f"`{environment.path}` is a {environment.kind} environment: {only.format('its')}"
    for folder in environment.site_packages:
        if not Path(folder).is_relative_to(environment.path):
            return f"packages of `{environment.path}` lie in `{folder}`: {only.format('their')}"
    try:
        resolved(Path(environment.path))
    except TargetError as error:
        return error.message
    return ""


def _by_hand(environment: Environment, found: Repair) -> Iterator[str]:
    """Yield the commands that carry out by hand what can only be planned."""
    if _why_only_planned(environment):
        pins = [f"{step.pin.name}=={step.pin.version}" for step in found.steps if isinstance(step, Put)]
        yield from remedy.by_hand(environment, found.leaving, pins, (*found.leftovers, *found.strays))


def _touches_libraries(step: Put | TakenOut) -> bool:
    name = step.name if isinstance(step, TakenOut) else step.pin.name
    return name.startswith(("nvidia-", "onnxruntime"))


def _carried_out(
    planned: Fixed,
    patient: Patient,
    wish: FixWish,
    facts: Database,
    progress: Progress,
    *,
    gpu: bool,
) -> Fixed:
    environment, machine = patient.environment, patient.machine
    fetching = wish.weights != "auto" and not wish.offline  # a repair proves on the networks that are here
    unfetched = OFFLINE if wish.offline else "a repair fetches none unless `--weights real` asks for them"
    weights = (
        networks(wish.weights, progress, offline=not fetching, unfetched=unfetched) if wish.validate else None
    )
    pins = tuple(step.pin for step in planned.repair.steps if isinstance(step, Put))
    scene = scene_of(environment, machine, facts)
    resolution = Resolution(
        device="gpu" if gpu else "cpu", machine=machine, python=scene.python, cuda="", pins=pins
    )
    lock = lock_of_files(resolution, facts_date=facts.date, offline=wish.offline)
    system = Surroundings(
        system_libraries=patient.surroundings.system_libraries
    )  # variables are not its matter
    state: list[tuple[Report, Verdict]] = []

    def prove(python: Path) -> bool:
        copy = read_environment(_root_of(python, environment))
        report = examine(Patient(environment=copy, machine=machine, surroundings=system), facts)
        report = _in_place(report, copy.path, environment.path)
        found = weights if _can_run(copy) else None
        verdict = proof(
            copy,
            python,
            facts,
            "gpu" if gpu else "cpu",
            found,
            around=system,
            driver_breaks=machine.driver_breaks,
            progress=progress,
        )
        state.append((report, _said_in_place(verdict, copy.path, environment.path)))
        return not _worse(report, planned.before) and not verdict.failed

    change = Change(
        leaving=planned.repair.leaving,
        lock=lock,
        hook=planned.repair.hook,
        constraints=planned.constraints,
        leftovers=planned.repair.leftovers,
        strays=planned.repair.strays,
        protect=wish.protect,
    )
    try:
        there = mend(
            environment,
            change,
            read=read_environment,
            prove=prove,
            progress=progress,
            installer=wish.installer,
            variables=installer_variables(offline=wish.offline),
        )
    except NotProvedError:
        if not state:
            raise
        after, verdict = state[-1]
        return replace(planned, after=replace(after, mend=""), verdict=verdict)
    after = examine(replace(patient, environment=there), facts)  # with what only a shell can mend
    return replace(planned, after=after, verdict=state[-1][1], applied=True)


def _in_place(report: Report, copy: str, place: str) -> Report:
    """Return the report on a copy as one on the environment whose place it takes."""
    findings = tuple(
        replace(
            one,
            text=one.text.replace(copy, place),
            fix=one.fix.replace(copy, place),
            because=tuple(line.replace(copy, place) for line in one.because),
        )
        for one in report.findings
        if one.code != "copied_environment"  # a copy is what it is until it takes the place
    )
    return replace(report, path=place, findings=findings, mend=report.mend.replace(copy, place))


def _said_in_place(verdict: Verdict, copy: str, place: str) -> Verdict:
    """Return the verdict on a copy as one on the environment whose place it takes."""
    checks = tuple(
        replace(one, text=one.text.replace(copy, place), fix=one.fix.replace(copy, place))
        for one in verdict.checks
    )
    reason, fix = (text.replace(copy, place) for text in (verdict.reason, verdict.fix))
    return replace(verdict, reason=reason, fix=fix, checks=checks)


def _worse(after: Report, before: Report) -> list[Finding]:
    """Return the errors that a repair brought: what was wrong before and is no matter of the facts may stay."""
    nothing = {
        one.rule for one in before.findings if one.rule == NO_RUNTIME
    }  # for something else, or half made
    known = {(one.code, name) for one in before.findings if one.rule == "metadata" for name in one.about[:1]}
    return [
        one
        for one in after.findings
        if one.severity == "error"
        and one.rule not in {_TOLD_AFTERWARDS, *nothing}
        and not (one.rule == "metadata" and (one.code, *one.about[:1]) in known)
    ]


def _root_of(python: Path, environment: Environment) -> Path:
    """Return the folder of a copy, from its interpreter's path."""
    depth = len(Path(environment.executable).relative_to(environment.path).parts)
    return python.parents[depth - 1]


def _can_run(environment: Environment) -> bool:
    """Whether DWPose's own packages are there; of an environment for something else libraries alone are judged."""
    packages = environment.packages
    has_runtime = "onnxruntime-gpu" in packages or "onnxruntime" in packages
    return has_runtime and "numpy" in packages and any(name.startswith("opencv-") for name in packages)
