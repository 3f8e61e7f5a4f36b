"""The proof of an environment: its libraries close, and DWPose runs in it; what may be said of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.judging.linkage import absent, close, missing_code, of_known_packages, present_numbers
from stackfix.judging.remedy import anew, mend, reinstall
from stackfix.meter import Listener, Watch, watching
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.report import Finding
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import FAILED, NOT_PROVED, PROVED_ON_CPU, Check, Verdict
from stackfix.probe.surroundings import read_surroundings
from stackfix.rules.closure import Closure
from stackfix.versions import canonical_name

if (
    TYPE_CHECKING
):  # named in annotations alone; what runs a network costs 20 ms, what examines an environment 30 ms
    from stackfix.model.report import Report
    from stackfix.model.trial import Comparison
    from stackfix.validate.tensorrt import TensorRT
    from stackfix.validate.weights import Weights


class Pictures(Struct, frozen=True, kw_only=True):
    """The picture that DWPose is shown, where the skeletons are drawn, and where once more as PNG."""

    image: Path | None = None
    save: Path | None = None
    page: Path | None = None


def device_of(environment: Environment, word: str) -> str:
    """Return "gpu" or "cpu" for `--device`: "auto" is what the installed onnxruntime is made for."""
    if word != "auto":
        return word
    installed = {canonical_name(name) for name in environment.packages}
    return "gpu" if "onnxruntime-gpu" in installed else "cpu"


def compared(
    environment: Environment, device: str, weights: str, timeout: float, progress: Listener | None = None
) -> Comparison:
    """Return what the options of a session cost; on the CPU where there is no GPU to ask.

    The small stand-ins tell nothing of speed, so without a folder of networks the full-size twins are timed.
    """
    from stackfix.validate.compare import compare  # noqa: PLC0415 - few verbs compare
    from stackfix.validate.tensorrt import tensorrt_in  # noqa: PLC0415 - likewise
    from stackfix.validate.weights import STANDIN, TWIN, from_folder, twins  # noqa: PLC0415 - likewise

    small = weights in ("auto", "real", STANDIN, TWIN)
    chosen = twins(data_root()) if small else from_folder(Path(weights), data_root())
    here = "gpu" if device == "gpu" and _has_gpu() else "cpu"
    interpreter = Path(environment.executable)
    found = tensorrt_in(environment)
    with watching(progress, "comparing options") as watch:
        return compare(
            interpreter, device=here, weights=chosen, timeout=timeout, tensorrt=found, heard=watch.at
        )


def proof(
    environment: Environment,
    interpreter: Path,
    facts: Database,
    device: str,
    weights: Weights | Callable[[], Weights] | None,
    *,
    image: Path | None = None,
    save: Path | None = None,
    page: Path | None = None,
    timeout: int = 600,
    around: Surroundings | None = None,
    progress: Listener | None = None,
) -> Verdict:
    """Return the verdict on an environment for a device; without weights no network is run.

    `around` is what counts of what surrounds it, else all that does here: variables are no matter of a repair. On the
    terminal of `progress` one line says what is being done, and for how long.

    Weights that have to be fetched are named by a function: nobody should wait for them to hear of a missing library.

    For a GPU set on a machine without a driver nothing can run on a GPU: then the libraries are followed,
    DWPose is run on the CPU, and the verdict says what is not proved.
    """
    pictures = Pictures(image=image, save=save, page=page)
    with watching(progress, "proving") as watch:
        return _proof(environment, interpreter, facts, device, weights, pictures, timeout, around, watch)


def _proof(
    environment: Environment,
    interpreter: Path,
    facts: Database,
    device: str,
    weights: Weights | Callable[[], Weights] | None,
    pictures: Pictures,
    timeout: int,
    around: Surroundings | None,
    watch: Watch,
) -> Verdict:
    watch.at("follow the libraries")
    features = ("cuda",) if device == "gpu" else ()
    alone, there = close(environment, facts, features), (around or read_surroundings()).libraries
    closed = of_known_packages(absent(alone, there, windows=environment.windows), environment, facts)
    outside = sorted({one.soname for one in alone.missing} & there)
    if (wrong_at_rest := _at_rest(environment, facts, closed)) is not None:
        return wrong_at_rest
    library_check = _library_check(closed, outside)
    if weights is None:
        return Verdict(
            state=NOT_PROVED, reason="every library closes; no model was run", checks=(library_check,)
        )
    here = device == "cpu" or _has_gpu()
    where = "gpu" if here and device == "gpu" else "cpu"
    watch.clear()  # what is fetched draws its own line
    chosen = weights() if callable(weights) else weights
    verdict = _run_known_first(
        interpreter,
        where,
        chosen,
        pictures,
        timeout,
        _tensorrt(environment) if device == "gpu" else None,
        watch,
    )
    verdict = replace(verdict, checks=(library_check, *verdict.checks))
    if where == "gpu" and verdict.code in _BROKEN_OFF:
        verdict = _where_the_driver_does(verdict)
    wished_for_gpu = device == "gpu" and verdict.state == (NOT_PROVED if here else PROVED_ON_CPU)
    if wished_for_gpu or (verdict.state == FAILED and verdict.code in _FOLLOWS):
        watch.at("examine the environment")
        report = _examined(environment, facts, around)
        wrong = next(_wrong_packages(environment, report), None)
        # a driver that really is too old would be so for packages that go together
        if wrong is not None and not any(one.code == verdict.code == _TOO_OLD for one in report.findings):
            return _failed_by(wrong, verdict)
        verdict = of_package(replace(verdict, checks=(*verdict.checks, *_warned(report))), environment)
    if wished_for_gpu and not here:
        # the provider's other half, which builds without CUDA have too, is not named after it
        plugins = {name for name in facts.libraries.plugins(("cuda",)) if "cuda" in name}
        if not any(one.file_name in plugins for one in environment.libraries):
            return _failed_by(_no_provider(environment), verdict)
        upto = " and ".join(closed.from_driver) or "libcuda.so.1"
        reason = (
            f"there is no NVIDIA GPU with a driver here: every library closes, up to the driver's own {upto}, "
            "and DWPose gave the right answer on the CPU"
        )
        return replace(verdict, state=NOT_PROVED, reason=reason)
    return verdict


def _where_the_driver_does(verdict: Verdict) -> Verdict:
    """Return the verdict on a run that broke off by its cause, if the driver alone breaks off too."""
    from stackfix.probe.libcuda import libcuda_breaks  # noqa: PLC0415 - only where a run broke off
    from stackfix.validate.causes import driver_alone  # noqa: PLC0415 - likewise
    from stackfix.validate.inside.libraries import device_files  # noqa: PLC0415 - likewise

    how = libcuda_breaks()
    if not how:
        return verdict
    cause = driver_alone(how, half=device_files() == [])
    said = Check(
        name="driver", ok=False, text=f"the process that asked it alone {how}", code=cause.code, fix=cause.fix
    )
    reason = f"{cause.reason}; {verdict.reason}"
    return replace(verdict, reason=reason, code=cause.code, fix=cause.fix, checks=(*verdict.checks, said))


def _tensorrt(environment: Environment) -> TensorRT | None:
    from stackfix.validate.tensorrt import tensorrt_in  # noqa: PLC0415 - only where a network is run

    return tensorrt_in(environment)


def _no_provider(environment: Environment) -> Finding:
    build = environment.builds.get("onnxruntime")
    named = f"{build.package} {build.version}" if build is not None else "the onnxruntime of this environment"
    return Finding(
        code="ort_cpu_only",
        severity="error",
        text=f"{named} is the build without CUDA: it runs on no GPU",
        because=("no package brings onnxruntime's CUDA provider [read: RECORD]",),
        consequence="every session runs on the CPU",
        fix="there is no NVIDIA GPU with a driver here, so `stackfix install` would make the same again: prove this one "
        f"with `stackfix validate --venv {environment.path} --device cpu`; for a GPU run `stackfix install dwpose` on "
        "the machine that has one (here, once `stackfix machine` finds its driver)",
        rule="environment",
    )


def _failed_by(wrong: Finding, verdict: Verdict) -> Verdict:
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


# Causes that say more of a missing library than that it is missing.
_SAYS_MORE = frozenset(
    ("both_ort_packages", "cuda_major_mismatch", "cudnn_major_mismatch", "ort_cpu_only", "torch_cpu_build")
)
_TOO_OLD = "driver_too_old"
# What a run says of packages that don't go together: a failed import nothing of its cause, a session what came last
# of it, and half a driver that it is too old. What no driver would mend comes before what another one would. Where a
# run names a cause that the doctor finds too, the doctor knows the smaller repair.
_FOLLOWS = frozenset(
    ("", "package_broken", "wrong_python_environment", "cuda_runtime_missing", "cudnn_broken", "dwpose_cpu_fallback", "driver_missing", "validator_crashed", _TOO_OLD,
     "both_ort_packages", "ort_cpu_only", "cuda_major_mismatch", "cudnn_missing", "cudnn_major_mismatch", "nvrtc_missing")
)  # fmt: skip
# A run that ended before its end; a driver that does the same whoever starts it is the cause of that.
_BROKEN_OFF = frozenset(("validator_crashed", "validator_hung", "validator_no_answer"))
# What is no matter of the packages, or what a run with a GPU tells better than any reading.
_NOT_OF_PACKAGES = frozenset(
    ("driver_missing", _TOO_OLD, "driver_too_new", "driver_broken_state", "nvml_mismatch", "container_without_gpu", "wsl2", "import_order_preload")
)  # fmt: skip


def _examined(environment: Environment, facts: Database, around: Surroundings | None = None) -> Report:
    from stackfix.judging.examine import Patient, examine  # noqa: PLC0415 - only where something is wrong
    from stackfix.probe.machine import read_machine  # noqa: PLC0415 - likewise

    machine = read_machine(Path(), pythons=tuple)
    patient = Patient(environment=environment, machine=machine, surroundings=around or read_surroundings())
    return examine(patient, facts)


# What may go wrong on a GPU and fails nothing where there is none, and the check that says it.
_WARNED = {"shadowed_libraries": "shadowed libraries", "import_order_preload": "import order"}


def _warned(report: Report) -> tuple[Check, ...]:
    """Return what may stand in the way of a GPU: libraries before the environment's, and those that nothing loads."""
    return tuple(
        Check(name=_WARNED[one.code], ok=None, text="\n".join((one.text, *one.because)), fix=one.fix)
        for one in report.findings
        if one.code in _WARNED
    )


def _wrong_packages(environment: Environment, report: Report) -> Iterator[Finding]:
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


def _at_rest(environment: Environment, facts: Database, closed: Closure) -> Verdict | None:
    """Return the verdict on what fails before anything runs: the environment as a whole, then its libraries."""
    if environment.broken:
        reason = f"the environment is broken: {environment.broken[0]}"
        return _told("environment", reason, environment.broken, "broken_environment", anew(environment))
    if not closed.closed:
        return _not_closed(environment, facts, closed)
    if closed.unread:
        return _not_read(environment, facts, closed)
    return None


def _told(name: str, reason: str, lines: Sequence[str], code: str, fix: str) -> Verdict:
    """Return a failed verdict with the one check that says all of it."""
    check = Check(name=name, ok=False, text="; ".join(lines), code=code, fix=fix)
    return Verdict(state=FAILED, reason=reason, code=code, fix=fix, checks=(check,))


def _not_read(environment: Environment, facts: Database, closed: Closure) -> Verdict:
    """Return the verdict on libraries that are no whole ones, as the doctor tells it of their package."""
    lines = [f"{one.file_name} cannot be read: {one.unread_because}" for one in closed.unread]
    paths = tuple(f"{one.path}: " for one in closed.unread)
    for one in _wrong_packages(environment, _examined(environment, facts)):
        if any(line.startswith(paths) for line in one.because):
            return _told("libraries", one.text, lines, one.code, one.fix)
    return _told("libraries", lines[0], lines, "gutted_package", mend(environment))


def _not_closed(environment: Environment, facts: Database, closed: Closure) -> Verdict:
    """Return the verdict on libraries that are missing; who should bring them, the doctor knows."""
    present = present_numbers(environment)
    first = closed.missing[0]
    told = next(
        (
            one
            for one in _wrong_packages(environment, _examined(environment, facts))
            if one.code in _SAYS_MORE or one.rule == "linkage"
        ),
        None,
    )
    code = told.code if told else missing_code(first.soname, present)
    fix = told.fix if told else mend(environment)
    lines = [f"{one.soname} is missing ({one.needed_by} needs it)" for one in closed.missing]
    reason = told.text if told else f"{first.soname} is missing: {first.needed_by} needs it"
    return _told("libraries", reason, lines, code, fix)


def _run_known_first(
    interpreter: Path,
    where: str,
    weights: Weights,
    pictures: Pictures,
    timeout: int,
    tensorrt: TensorRT | None,
    watch: Watch,
) -> Verdict:
    """Return the verdict of a run, before the real networks with those whose answer to a picture is known.

    A picture of the user's that can't be read says nothing of the environment: QuestionError.
    """
    from stackfix.validate.judge import PICTURE_UNREADABLE  # noqa: PLC0415 - only where a network is run
    from stackfix.validate.run import run  # noqa: PLC0415 - likewise
    from stackfix.validate.weights import REAL, standins  # noqa: PLC0415 - likewise

    known: tuple[Check, ...] = ()
    earlier: tuple[Check, ...] = ()
    if weights.name == REAL:
        before = run(
            interpreter, device=where, weights=standins(data_root()), timeout=timeout, heard=watch.at
        )
        if not before.ok:
            return replace(before, weights_note="stand-ins, with which it begins; DWPose's own were not run")
        earlier = before.checks
        known = tuple(
            replace(check, text=f"{check.text}; with the stand-ins, whose answer is known")
            for check in earlier
            if check.name in {"boxes", "keypoints"}
        )
    verdict = run(
        interpreter,
        device=where,
        weights=weights,
        timeout=timeout,
        image=pictures.image,
        save=pictures.save,
        page=pictures.page,
        tensorrt=tensorrt,
        heard=watch.at,
        earlier=earlier,
    )
    if pictures.image is not None and verdict.code == PICTURE_UNREADABLE:
        said = next(check.text for check in verdict.checks if check.name == "picture")
        raise QuestionError(said, hint="name a picture that OpenCV reads, as JPEG or PNG")
    return replace(verdict, weights_note=weights.note, checks=(*known, *verdict.checks))


def _has_gpu() -> bool:
    """Whether a GPU can be asked here, or something that answers as a driver does: a stub, or half of one."""
    from stackfix.probe.machine import read_machine  # noqa: PLC0415 - only where a network is run

    machine = read_machine(Path(), pythons=tuple)
    answers = isinstance(machine.driver, Known) or isinstance(machine.cuda, Known)
    return answers and not (isinstance(machine.gpus, Known) and not machine.gpus.value)


def _library_check(closed: Closure, outside: Sequence[str]) -> Check:
    upto = f", up to the driver's own {' and '.join(closed.from_driver)}" if closed.from_driver else ""
    found = f"{closed.followed} libraries find all they need in the environment"
    beside = f", and outside it {', '.join(outside)}" if outside else ""
    return Check(name="libraries", ok=True, text=found + beside + upto)
