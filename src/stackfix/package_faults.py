"""What is wrong with the packages that a run rests on, in the doctor's words, and the verdict that fails by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stackfix.facts.database import Database
from stackfix.judging.remedy import quoted, reinstall
from stackfix.model.environment import Environment
from stackfix.model.machine import Machine
from stackfix.model.report import Finding
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import FAILED, Check, Verdict
from stackfix.probe.surroundings import read_surroundings

if TYPE_CHECKING:  # named in an annotation alone; what examines an environment costs 30 ms
    from stackfix.model.report import Report

TOO_OLD = "driver_too_old"
# What a run says of packages that don't go together: a failed import nothing of its cause, a session what came last
# of it, and half a driver that it is too old. What no driver would mend comes before what another one would. Where a
# run names a cause that the doctor finds too, the doctor knows the smaller repair.
FOLLOWS = frozenset(
    ("", "package_broken", "wrong_python_environment", "cuda_runtime_missing", "cudnn_broken", "dwpose_cpu_fallback", "driver_missing", "validator_crashed", TOO_OLD,
     "both_ort_packages", "ort_cpu_only", "cuda_major_mismatch", "cudnn_missing", "cudnn_major_mismatch", "nvrtc_missing")
)  # fmt: skip
# What is no matter of the packages, or what a run with a GPU tells better than any reading.
_NOT_OF_PACKAGES = frozenset(
    ("driver_missing", TOO_OLD, "driver_too_new", "driver_broken_state", "nvml_mismatch", "container_without_gpu", "wsl2", "import_order_preload")
)  # fmt: skip


def examined(
    environment: Environment, facts: Database, machine: Machine, around: Surroundings | None = None
) -> Report:
    """Return what the doctor says of an environment on this machine; `around` as a proof takes it."""
    from stackfix.judging.examine import Patient, examine  # noqa: PLC0415 - only where something is wrong

    surroundings = read_surroundings() if around is None else around
    return examine(Patient(environment=environment, machine=machine, surroundings=surroundings), facts)


# What may go wrong on a GPU and fails nothing where there is none, and the check that says it.
_WARNED = {"shadowed_libraries": "shadowed libraries", "import_order_preload": "import order"}


def warned(report: Report) -> tuple[Check, ...]:
    """Return what may stand in the way of a GPU: libraries before the environment's, and those that nothing loads."""
    return tuple(
        Check(name=_WARNED[one.code], ok=None, text="\n".join((one.text, *one.because)), fix=one.fix)
        for one in report.findings
        if one.code in _WARNED
    )


def wrong_packages(environment: Environment, report: Report) -> Iterator[Finding]:
    """Yield what is wrong with the packages by which they can't run on any GPU, the cause first."""
    build = environment.builds.get("onnxruntime")
    on_top = build is not None and build.package == "onnxruntime-gpu"
    for one in report.findings:
        # what lies under the GPU's build does no harm now, what that has lost does
        harmless = on_top and one.code == "both_ort_packages" and one.about != ("onnxruntime-gpu",)
        if (
            one.severity == "error"
            and one.rule != "metadata"
            and one.code not in _NOT_OF_PACKAGES
            and not harmless
        ):
            yield one


def no_provider(environment: Environment) -> Finding:
    """Return what is wrong with an environment that a GPU is asked of and that has no CUDA provider."""
    build = environment.builds.get("onnxruntime")
    named = f"{build.package} {build.version}" if build is not None else "the onnxruntime of this environment"
    return Finding(
        code="ort_cpu_only",
        severity="error",
        text=f"{named} is the build without CUDA: it runs on no GPU",
        because=("no package brings onnxruntime's CUDA provider [read: RECORD]",),
        consequence="every session runs on the CPU",
        fix="there is no NVIDIA GPU with a driver here, so `stackfix install` would make the same again: prove this one "
        f"with `stackfix validate --venv {quoted(environment.path, environment)} --device cpu`; for a GPU run `stackfix install dwpose` on "
        "the machine that has one (here, once `stackfix machine` finds its driver)",
        rule="environment",
    )


def failed_by(wrong: Finding, verdict: Verdict) -> Verdict:
    """Return a verdict that fails by what is wrong with the packages, which no GPU would mend."""
    told = {"code": wrong.code, "fix": wrong.fix}
    if verdict.state == FAILED:
        return replace(verdict, reason=wrong.text, **told)
    found = Check(name="packages", ok=False, text=wrong.text, **told)
    return replace(verdict, state=FAILED, reason=wrong.text, checks=(*verdict.checks, found), **told)


def of_package(verdict: Verdict, environment: Environment) -> Verdict:
    """Return the verdict on an import that failed by the one package in whose file it did, and how to have that anew."""
    failed = next((check for check in verdict.checks if check.ok is False), None)
    if failed is None or verdict.code != "package_broken" or not failed.name.startswith("import "):
        return verdict
    folder = failed.name.partition(" ")[2]
    said, _, place = failed.text.partition("\nraised in ")
    file = re.split(r"-packages[/\\]", place)[-1].replace("\\", "/") or f"{folder}/__init__.py"
    owners = [each for each in environment.distributions if file in each.files]
    if len(owners) != 1:
        return verdict
    owner = owners[0]
    first = said.partition("\n")[0]
    reason = f"`import {folder}` fails in {owner.name} {owner.version}, `{file}`: {first}"
    fix = reinstall(environment, owner.name, owner.version, fresh=True)
    checks = tuple(replace(one, fix=fix) if one is failed else one for one in verdict.checks)
    return replace(verdict, reason=reason, fix=fix, checks=checks)
