"""Examination: everything that is wrong and right with an environment, the cause first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from stackfix.facts.database import Database
from stackfix.judging import remedy
from stackfix.judging.agreeing import agreed
from stackfix.judging.breaches import breach_findings
from stackfix.judging.broken import broken_findings, copied, cut_off
from stackfix.judging.generated import outdated_protobuf
from stackfix.judging.linkage import absent, close, loader_order, missing_libraries
from stackfix.judging.live import joined, live_view
from stackfix.judging.lost import altered_files, lost_files
from stackfix.judging.machine import machine_findings
from stackfix.judging.models import model_findings
from stackfix.judging.on_cpu import with_numbers
from stackfix.judging.one_fix import one_fix
from stackfix.judging.packages import (
    collisions,
    duplicate_records,
    foreign_builds,
    mixed_builds,
    shared_files,
)
from stackfix.judging.primary import ordered
from stackfix.judging.readings import no_set, with_the_driver
from stackfix.judging.requires import unmet_requirements
from stackfix.judging.runtime import RULE as NO_RUNTIME
from stackfix.judging.runtime import without_runtime
from stackfix.judging.shadows import shadowed
from stackfix.judging.symbols import missing_symbols
from stackfix.judging.torch_symbols import torch_symbols
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.live import LiveRun
from stackfix.model.machine import Interpreter, Machine, Platform
from stackfix.model.problem import DRIVER
from stackfix.model.report import Finding, Report
from stackfix.model.request import MAIN
from stackfix.model.surroundings import Surroundings
from stackfix.rules import kernels
from stackfix.rules.apart import mixing_nothing
from stackfix.rules.architectures import Translated, service
from stackfix.rules.closure import Closure
from stackfix.rules.installed import Breach, Held, Judged, held_releases, judge
from stackfix.rules.scene import Scene

_FOREIGN = "the environment is for"
_ADDED = ("requirement_unmet", "python_protobuf")
_OUTSIDE = ("loader order", "driver", "model format", "torch symbols", NO_RUNTIME)
_WATCHED = ("torch", "torchvision", "torchaudio", "onnxruntime-gpu", "onnxruntime")


class Patient(Struct, frozen=True, kw_only=True):
    """An environment on its machine, with what surrounds it, the models that it is to read, and what it said itself."""

    environment: Environment
    machine: Machine
    surroundings: Surroundings = field(default_factory=Surroundings)
    models: tuple[Path, ...] = ()
    live: tuple[LiveRun, ...] = ()


def scene_of(environment: Environment, machine: Machine, facts: Database) -> Scene:
    """Return the scene of an environment: its own Python and system, on this machine.

    Nothing is known of the driver and GPUs for an environment that was made for another system than this machine's,
    but for what the user says of them.
    """
    if environment.windows != (machine.platform.os == "windows"):
        label = "win_amd64" if environment.windows else "linux_x86_64"
        here = Unknown((f"{_FOREIGN} {label}, this machine is {machine.platform.label}",))
        machine = replace(
            machine,
            platform=Platform.parse(label),
            glibc=here,
            driver=machine.driver if _is_described(machine.driver) else here,
            gpus=machine.gpus if _is_described(machine.gpus) else here,
            cuda=here,
            troubles=(),
            driver_breaks="",
        )
    certainly_none = isinstance(machine.gpus, Known) and not machine.gpus.value
    scene = Scene(
        facts=facts,
        machine=machine,
        python=Interpreter(version=environment.python, path=environment.executable, found_via=environment.path),
        device="cpu" if certainly_none else "gpu",
        features={"onnxruntime-gpu": frozenset({"cuda"})},
        sources=frozenset({MAIN, *facts.overlaid_sources()}),
    )  # fmt: skip
    return replace(scene, apart=mixing_nothing(environment, scene))


def _is_described(reading: Reading[Any]) -> bool:
    return isinstance(reading, Known) and reading.found_via.startswith("--")


def examine(patient: Patient, facts: Database) -> Report:
    """Return what is wrong with an environment and what is right, by the rules that judge plans too."""
    environment = patient.environment
    scene = scene_of(environment, patient.machine, facts)
    whole = replace(environment, distributions=(*environment.distributions, *environment.outside))
    held = held_releases(whole, scene)
    judged = judge(held, scene, others=whole.packages)
    features = ("cuda",) if "onnxruntime-gpu" in environment.packages else ()
    elsewhere = _elsewhere(patient)
    alone = close(environment, facts, features)
    closed = absent(alone, elsewhere, windows=environment.windows)
    lent = sorted({one.soname for one in alone.missing} & elsewhere & patient.surroundings.of_this_shell)
    shared = list(shared_files(environment))
    models = list(model_findings(patient.models, held, environment, scene))
    breaches = list(breach_findings(judged.breaches, whole, scene))
    unmet = list(unmet_requirements(environment, scene))
    missing = list(missing_libraries(environment, closed, held, scene))
    lost = list(lost_files(environment, shared))
    suspects = set(scene.apart) | {
        name for one in (*breaches, *unmet) for name in one.about if name.startswith("nvidia-")
    }
    findings = [
        *broken_findings(environment, missing),
        *cut_off(environment, unmet),
        *copied(environment),
        *collisions(environment, facts, shared),
        *lost,
        *altered_files(environment, facts, lost),
        *duplicate_records(environment),
        *mixed_builds(environment, scene, gpu_here=_has_gpu(scene.machine)),
        *breaches,
        *missing_symbols(environment, suspects),
        *torch_symbols(environment, scene, unmet),
        *missing,
        *foreign_builds(environment, scene),
        *outdated_protobuf(environment),
        *unmet,
        *shadowed(environment, patient.surroundings),
        *loader_order(environment, closed, windows=environment.windows),
        *(one for one in models if isinstance(one, Finding)),
        *machine_findings(environment, scene.machine),
        *without_runtime(environment, patient.surroundings),
    ]
    live = live_view(patient.live, environment, scene.machine)
    findings = one_fix(joined(findings, live.findings), environment)
    findings = agreed(findings, environment, held, scene)
    ours = remedy.mend(environment)
    impossible = no_set(environment, scene) if any(one.fix == ours for one in findings) else None
    findings = [with_the_driver(one, impossible, ours) for one in findings]
    known = {each.wheel.package for each in held}
    return Report(
        path=environment.path,
        findings=with_numbers(ordered(_once(findings)), facts),
        good=(*_good(environment, closed, lent, judged, held, scene), *(one for one in models if isinstance(one, str)), *live.good),
        unknown=(*_unknown(environment, closed, judged, known, scene, bare=any(one.rule == NO_RUNTIME for one in findings)), *live.unknown),
        mend="" if impossible is not None else _mend(environment, findings, facts),
    )  # fmt: skip


def _elsewhere(patient: Patient) -> frozenset[str]:
    """Return the libraries that the loader finds outside the environment, where that is this machine's own."""
    if patient.environment.windows != (patient.machine.platform.os == "windows"):
        return frozenset()
    return patient.surroundings.libraries


def _mend(environment: Environment, findings: Sequence[Finding], facts: Database) -> str:
    wrong = [one for one in findings if one.severity == "error"]
    ours = remedy.mend(environment)
    if environment.broken or all(
        (one.code in _ADDED and not all(map(facts.knows, one.about)))
        or (one.rule in _OUTSIDE and one.fix != ours)
        for one in wrong
    ):
        return ""  # what the facts know nothing of an installer adds, what is outside a shell: the finding's own command
    return ours


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings without what METADATA says once more of a package that a rule has already judged so."""
    said = {(one.code, name) for one in findings if one.rule != "metadata" for name in one.about}
    return [one for one in findings if one.rule != "metadata" or (one.code, one.about[0]) not in said]


def _has_gpu(machine: Machine) -> bool:
    if isinstance(machine.gpus, Known):
        return bool(machine.gpus.value)
    return isinstance(machine.driver, Known)


def _good(
    environment: Environment,
    closed: Closure,
    lent: Sequence[str],
    judged: Judged,
    held: Sequence[Held],
    scene: Scene,
) -> Iterator[str]:
    packages = environment.packages
    there = [f"{name} {packages[name]}" for name in _WATCHED if name in packages]
    if there:
        cuda = (
            f", CUDA {judged.told_cuda}"
            if judged.cuda and not any(b.against for b in judged.breaches)
            else ""
        )
        yield f"there is Python {environment.python}, {', '.join(there)}{cuda}"
    if closed.closed and closed.followed and not closed.unread:
        upto = f", up to the driver's {' and '.join(closed.from_driver)}" if closed.from_driver else ""
        shell = f"; {', '.join(lent)} by variables of this shell alone" if lent else ""
        yield f"{closed.followed} libraries that a process loads find all they need{upto}{shell}"
    broken = {breach.requirement.node for breach in judged.breaches}
    if not any(_of_device_code(breach) for breach in judged.breaches):
        yield from _served(held, scene)
    if judged.cuda and isinstance(scene.machine.driver, Known) and "machine:driver" not in broken:
        yield f"driver {scene.machine.driver.value} runs CUDA {judged.told_cuda}"
    if environment.hook:
        yield (
            "stackfix's import hook is installed (stackfix_libraries.pth): it loads the CUDA libraries before "
            "onnxruntime; `STACKFIX_HOOK=off` switches it off"
        )


def _of_device_code(breach: Breach) -> bool:
    """Whether a breach tells that the installed code doesn't run on a GPU, or only under another driver."""
    node, rule = breach.requirement.node, breach.requirement.fact.rule
    return node.startswith("machine:gpu") or (node == DRIVER and rule == kernels.NAME)


def _served(held: Sequence[Held], scene: Scene) -> Iterator[str]:
    """Yield that the installed builds have code for the GPUs, and of which that is PTX alone."""
    gpus = scene.machine.gpus
    if not (scene.capabilities() and isinstance(gpus, Known) and any(each.wheel.code for each in held)):
        return
    names = {gpu.index: gpu.name for gpu in gpus.value}
    translated = [
        f"{each.wheel.package} {each.wheel.key} as PTX alone{f' for {names[index]}' if len(names) > 1 else ''}"
        for index, capability in scene.capabilities()
        for each in held
        if isinstance(service(each.wheel.code, capability), Translated)
    ]
    which = f" ({', '.join(dict.fromkeys(translated))})" if translated else ""
    yield f"the installed builds have code for {', '.join(names.values())}{which}"


def _unknown(
    environment: Environment, closed: Closure, judged: Judged, known: set[str], scene: Scene, *, bare: bool
) -> Iterator[str]:
    other = environment.builds.get("onnxruntime")
    if other is not None and other.package not in _WATCHED and other.package in environment.packages:
        yield (
            f"onnxruntime is here as {other.package} {other.version}, which is no build for CUDA: "
            "whether DWPose runs on the GPU through it was not judged"
        )
    elif not any(name in environment.packages for name in _WATCHED):
        if not bare:
            yield "neither torch nor onnxruntime is installed in it"
    elif not closed.followed:
        yield "it holds no library to judge"
    if closed.unread:
        names = [library.file_name for library in closed.unread]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"whether all that is needed is there, for not all could be read: {', '.join(names[:3])}{more}"
    if judged.unknown and isinstance(scene.machine.driver, Unknown):
        tried = scene.machine.driver.tried
        foreign = bool(tried) and tried[0].startswith(_FOREIGN)
        why = tried[0] if foreign else "no NVIDIA driver was found here"
        yield f"{why}, so what asks for a driver is not judged: {judged.unknown[0]}"
    for name in _WATCHED:
        version = environment.packages.get(name, "")
        if version and name not in known:
            yield f"there are no facts about {name} {version}: its kernels and its CUDA were judged from the disk alone"
    if environment.includes_system or environment.outside:
        shown = [f"{each.name} {each.version}" for each in environment.outside if each.name in _WATCHED]
        named = f" ({', '.join(shown)} among them)" if shown else ""
        why = " (include-system-site-packages)" if environment.includes_system else ""
        yield f"packages outside this environment can be imported too{why}{named}: they count as there"
