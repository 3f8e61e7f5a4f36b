"""The proof of an environment: its libraries close, and DWPose runs in it; what may be said of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.judging.examine import Patient, examine
from stackfix.judging.linkage import absent, close, of_known_packages
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.report import Finding
from stackfix.model.surroundings import Surroundings
from stackfix.model.trial import Comparison
from stackfix.model.verdict import FAILED, NOT_PROVED, PROVED_ON_CPU, Check, Verdict
from stackfix.probe.machine import read_machine
from stackfix.probe.surroundings import read_surroundings
from stackfix.rules.closure import Closure
from stackfix.validate.compare import compare
from stackfix.validate.judge import PICTURE_UNREADABLE
from stackfix.validate.run import run
from stackfix.validate.weights import REAL, STANDIN, TWIN, Weights, from_folder, standins, twins
from stackfix.versions import canonical_name


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


def compared(interpreter: Path, device: str, weights: str, timeout: float) -> Comparison:
    """Return what the options of a session cost; on the CPU where there is no GPU to ask.

    The small stand-ins tell nothing of speed, so without a folder of networks the full-size twins are timed.
    """
    small = weights in ("auto", "real", STANDIN, TWIN)
    chosen = twins(data_root()) if small else from_folder(Path(weights), data_root())
    here = "gpu" if device == "gpu" and _has_gpu() else "cpu"
    return compare(interpreter, device=here, weights=chosen, timeout=timeout)


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
) -> Verdict:
    """Return the verdict on an environment for a device; without weights no network is run.

    Weights that have to be fetched are named by a function: nobody should wait for them to hear of a missing library.

    For a GPU set on a machine without a driver nothing can run on a GPU: then the libraries are followed,
    DWPose is run on the CPU, and the verdict says what is not proved.
    """
    system = read_surroundings().system_libraries or frozenset()
    features = ("cuda",) if device == "gpu" else ()
    closed = absent(close(environment, facts, features), system, windows=environment.windows)
    closed = of_known_packages(closed, environment, facts)
    library_check = _library_check(closed)
    if not closed.closed:
        first = closed.missing[0]
        wrong = _wrong_packages(environment, facts)
        if wrong is not None and wrong.code not in _SAYS_MORE:
            wrong = None
        return Verdict(
            state=FAILED,
            reason=wrong.text
            if wrong is not None
            else f"{first.soname} is missing: {first.needed_by} needs it",
            code=wrong.code if wrong is not None else library_check.code,
            fix=wrong.fix if wrong is not None else library_check.fix,
            checks=(library_check,),
        )
    if weights is None:
        return Verdict(
            state=NOT_PROVED, reason="every library closes; no model was run", checks=(library_check,)
        )
    here = device == "cpu" or _has_gpu()
    where = "gpu" if here and device == "gpu" else "cpu"
    chosen = weights() if callable(weights) else weights
    verdict = _run_known_first(
        interpreter, where, chosen, Pictures(image=image, save=save, page=page), timeout
    )
    checks = (library_check, *verdict.checks)
    if device == "gpu" and not here and verdict.state == PROVED_ON_CPU:
        wrong = _wrong_packages(environment, facts)
        if wrong is not None:  # what no GPU would mend
            found = Check(name="packages", ok=False, text=wrong.text, code=wrong.code, fix=wrong.fix)
            return replace(
                verdict,
                state=FAILED,
                reason=wrong.text,
                code=wrong.code,
                fix=wrong.fix,
                checks=(*checks, found),
            )
        upto = " and ".join(closed.from_driver) or "libcuda.so.1"
        reason = (
            f"there is no NVIDIA GPU with a driver here: every library closes, up to the driver's own {upto}, "
            "and DWPose gave the right answer on the CPU"
        )
        return replace(verdict, state=NOT_PROVED, reason=reason, checks=checks)
    if verdict.state == FAILED and verdict.code in _VAGUE and (wrong := _wrong_packages(environment, facts)):
        return replace(verdict, reason=wrong.text, code=wrong.code, fix=wrong.fix, checks=checks)
    return replace(verdict, checks=checks)


# Causes that say more of a missing library than that it is missing.
_SAYS_MORE = frozenset(
    ("both_ort_packages", "cuda_major_mismatch", "cudnn_major_mismatch", "ort_cpu_only", "torch_cpu_build")
)
_VAGUE = ("", "package_broken", "wrong_python_environment")  # what a failed import says of its cause
# What is no matter of the packages, or what a run with a GPU tells better than any reading.
_NOT_OF_PACKAGES = frozenset(
    ("driver_missing", "driver_too_old", "driver_too_new", "driver_broken_state", "nvml_mismatch", "container_without_gpu", "wsl2", "import_order_preload", "shadowed_libraries")
)  # fmt: skip


def _wrong_packages(environment: Environment, facts: Database) -> Finding | None:
    """Return the first thing wrong with the packages by which they can't run on any GPU, None where there is none."""
    around = Surroundings(system_libraries=read_surroundings().system_libraries)
    machine = read_machine(Path(), pythons=tuple)
    report = examine(Patient(environment=environment, machine=machine, surroundings=around), facts)
    build = environment.builds.get("onnxruntime")
    for one in report.findings:
        on_top = one.code == "both_ort_packages" and build is not None and build.package == "onnxruntime-gpu"
        if (
            one.severity == "error"
            and one.rule != "metadata"
            and one.code not in _NOT_OF_PACKAGES
            and not on_top
        ):
            return one
    return None


def _run_known_first(
    interpreter: Path, where: str, weights: Weights, pictures: Pictures, timeout: int
) -> Verdict:
    """Return the verdict of a run, before the real networks with those whose answer to a picture is known.

    A picture of the user's that can't be read says nothing of the environment: QuestionError.
    """
    known: tuple[Check, ...] = ()
    if weights.name == REAL:
        before = run(interpreter, device=where, weights=standins(data_root()), timeout=timeout)
        if not before.ok:
            return replace(before, weights_note="stand-ins, with which it begins; DWPose's own were not run")
        known = tuple(
            replace(check, text=f"{check.text}; with the stand-ins, whose answer is known")
            for check in before.checks
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
    )
    if pictures.image is not None and verdict.code == PICTURE_UNREADABLE:
        said = next(check.text for check in verdict.checks if check.name == "picture")
        raise QuestionError(said, hint="name a picture that OpenCV reads, as JPEG or PNG")
    return replace(verdict, weights_note=weights.note, checks=(*known, *verdict.checks))


def _has_gpu() -> bool:
    machine = read_machine(Path(), pythons=tuple)
    return isinstance(machine.driver, Known) and not (
        isinstance(machine.gpus, Known) and not machine.gpus.value
    )


def _library_check(closed: Closure) -> Check:
    if closed.closed:
        upto = f", up to the driver's own {' and '.join(closed.from_driver)}" if closed.from_driver else ""
        text = f"{closed.followed} libraries find all they need in the environment{upto}"
        return Check(name="libraries", ok=True, text=text)
    cudnn = closed.missing[0].soname.startswith("libcudnn")
    return Check(
        name="libraries",
        ok=False,
        text="; ".join(f"{one.soname} is missing ({one.needed_by} needs it)" for one in closed.missing),
        code="cudnn_missing" if cudnn else "cuda_runtime_missing",
        fix="`stackfix doctor` says what provides it",
    )
