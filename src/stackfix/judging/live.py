"""What the live probe saw, as findings, as what is right, and as what could not be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stackfix.judging import remedy
from stackfix.judging.linkage import missing_code, present_numbers
from stackfix.judging.on_cpu import ON_CPU
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.live import LiveRun, LiveStep
from stackfix.model.machine import Machine
from stackfix.model.report import Finding

_MISSING = re.compile(r"(lib[\w.+-]+?\.so[.\d]*): cannot open shared object file")
_RULE = "live"
_HUNG = "did not answer"
# What the errors of imports and of torch.cuda say, in the order in which they are looked for.
_CODES = (
    (re.compile(r"NumPy 1\.x|numpy\.core\.multiarray|_ARRAY_API|numpy\.dtype size changed", re.IGNORECASE), "numpy2_abi"),
    (re.compile(r"GLIBC(XX)?_[\d.]+' not found"), "missing_wheel"),
    (re.compile(r"\bError 803\b|system has unsupported display driver"), "driver_803_combination"),
    (re.compile(r"\bError 804\b|forward compatibility was attempted"), "driver_forward_compat"),
    (re.compile(r"Found no NVIDIA driver"), "driver_missing"),
    (re.compile(r"NVIDIA driver on your system is too old"), "driver_too_old"),
    (re.compile(r"this build of torch has no CUDA|not compiled with CUDA enabled"), "torch_cpu_build"),
    (re.compile(r"\bError (802|999)\b|CUDA unknown error"), "driver_broken_state"),
    (re.compile(r"No module named"), "requirement_unmet"),
)  # fmt: skip


_NO_DRIVER = "without a driver stackfix's hook loads nothing, so whether the CUDA provider finds its libraries was not seen live"


class LiveView(Struct, frozen=True, kw_only=True):
    """What came of the live probe: findings, what is right, what could not be told."""

    findings: tuple[Finding, ...] = ()
    good: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def live_view(runs: Sequence[LiveRun], environment: Environment, machine: Machine) -> LiveView:
    """Return what the runs say; what only one order of imports gives is a matter of that order."""
    findings: list[Finding] = []
    good: list[str] = []
    unknown: list[str] = []
    for run in runs:
        if _as_the_driver_does(run, machine):
            unknown.append(
                f"{run.during or 'the end'} {run.broken}, {_in_order(run)}, as what asks the driver alone does"
            )
        else:
            findings += _ended(run, environment)
        unknown += run.left_out
        for step in run.steps:
            if step.name == "torch.cuda":
                _torch_cuda(step, environment, machine, findings, good, unknown)
            elif step.name == "provider library":
                if not step.ok and environment.hook and not isinstance(machine.driver, Known):
                    unknown.append(_NO_DRIVER)
                else:
                    findings += _provider(step, run, runs, environment)
            elif not step.ok:
                findings.append(_failed(step, run, environment))
            elif step.name == "providers":
                good.append(f"onnxruntime offers {step.text}")
            else:
                good.append(f"`{step.name}` works: {step.text}")
    opened = [run.step("provider library") for run in runs]
    if opened and all(step is not None and step.ok and step.text for step in opened):
        good.append("all that onnxruntime's CUDA provider needs loads, whichever is imported first")
    return LiveView(
        findings=tuple(dict.fromkeys(findings)),
        good=tuple(dict.fromkeys(good)),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def joined(findings: Sequence[Finding], live: Sequence[Finding]) -> list[Finding]:
    """Return findings from the files with what was seen live: a finding that both have rests on both."""
    result = list(findings)
    for one in live:
        for place, other in enumerate(result):
            if other.code == one.code and (not other.about or set(one.about) & set(other.about)):
                lines = dict.fromkeys((*other.because, *one.because))
                result[place] = replace(other, because=tuple(lines))
                break
        else:
            result.append(one)
    return result


def _in_order(run: LiveRun) -> str:
    return f"in a process that imports {' and then '.join(run.order)}"


def _as_the_driver_does(run: LiveRun, machine: Machine) -> bool:
    """Whether a process broke off in the same way as one that only asks the driver, which is a finding of its own."""
    hung = _HUNG in machine.driver_breaks
    return bool(run.broken and machine.driver_breaks) and (_HUNG in run.broken) == hung


def _ended(run: LiveRun, environment: Environment) -> Iterator[Finding]:
    if not run.broken:
        return
    hung = _HUNG in run.broken
    seen = [f"{step.name}: {step.text}" for step in run.steps][-3:]
    yield Finding(
        code="import_hangs" if hung else "import_crashes",
        severity="error",
        text=f"{run.during or 'the end'} {run.broken}, {_in_order(run)}",
        because=tuple(f"before it: {line} [seen: live]" for line in seen)
        or ("nothing was said before it [seen: live]",),
        consequence="every program that does the same ends or stands still there",
        fix=remedy.mend(environment),
        rule=_RULE,
        about=tuple(name for name in run.order if name in run.during),
    )


def _failed(step: LiveStep, run: LiveRun, environment: Environment) -> Finding:
    package = step.name.partition(" ")[2] or "onnxruntime"
    code = code_of_text(step.text, environment, "")
    said = step.text
    if not code and (code := code_of_text(run.printed, environment, "")):
        said = next(line for line in run.printed.splitlines() if code_of_text(line, environment, ""))
    return Finding(
        code=code or "import_fails",
        severity="error",
        text=f"`{step.name}` fails: {_short(said)}",
        because=(f"{_short(said)} ({_in_order(run)}) [seen: live]",),
        consequence=f"no program that needs {package} runs in this environment",
        fix=remedy.mend(environment),
        rule=_RULE,
        about=(_installed(package, environment),),
    )


def _provider(
    step: LiveStep, run: LiveRun, runs: Sequence[LiveRun], environment: Environment
) -> Iterator[Finding]:
    if step.ok:
        return
    others = [
        each for each in (other.step(step.name) for other in runs if other is not run) if each is not None
    ]
    elsewhere = any(other.ok for other in others)
    yield Finding(
        code="import_order_preload" if elsewhere else code_of_text(step.text, environment, "library_missing"),
        severity="warning" if elsewhere else "error",
        text=(
            f"onnxruntime's CUDA provider does not find its libraries {_in_order(run)}, and does the other way round"
            if elsewhere
            else f"onnxruntime's CUDA provider does not load: {_short(step.text)}"
        ),
        because=(f"{_short(step.text)} ({_in_order(run)}) [seen: live]",),
        consequence=ON_CPU,
        fix=remedy.mend(environment),
        rule=_RULE,
        about=("onnxruntime-gpu",),
    )


def _torch_cuda(
    step: LiveStep,
    environment: Environment,
    machine: Machine,
    findings: list[Finding],
    good: list[str],
    unknown: list[str],
) -> None:
    """Add what torch says of the GPU: a finding only where this very machine is known to have one."""
    if step.ok:
        good.append(f"torch.cuda.is_available() is True: {step.text}")
        return
    here = isinstance(machine.gpus, Known) and machine.gpus.value and machine.gpus.found_via != "--gpu"
    if not here:
        unknown.append(f"torch finds no GPU here, where none is known to be: {_short(step.text)}")
        return
    findings.append(
        Finding(
            code=code_of_text(step.text, environment, "driver_broken_state"),
            severity="error",
            text=f"torch.cuda.is_available() is False: {_short(step.text)}",
            because=(f"{_short(step.text)} [seen: live]",),
            consequence="everything in torch runs on the CPU",
            fix=remedy.mend(environment),
            rule=_RULE,
            about=("torch",),
        )
    )


def code_of_text(text: str, environment: Environment, otherwise: str) -> str:
    """Return the cause code of an error of an import; `otherwise` where its words tell none."""
    missing = _MISSING.search(text)
    if missing:
        if missing[1].startswith(("libcuda.so", "libnvidia-")):
            return "driver_missing"
        return missing_code(missing[1], present_numbers(environment))
    return next((code for pattern, code in _CODES if pattern.search(text)), otherwise)


def _installed(package: str, environment: Environment) -> str:
    gpu = f"{package}-gpu"
    return gpu if gpu in environment.packages else package


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]} …"
