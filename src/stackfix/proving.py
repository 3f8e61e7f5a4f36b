"""The proof of an environment: its libraries close, and DWPose runs in it; what may be said of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stackfix.at_rest import followed, library_check, wrong_at_rest
from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.meter import Listener, Watch, watching
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.machine import Machine
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import FAILED, NOT_PROVED, PROVED_ON_CPU, Check, Verdict
from stackfix.package_faults import (
    FOLLOWS,
    TOO_OLD,
    examined,
    failed_by,
    no_provider,
    of_package,
    warned,
    wrong_packages,
)
from stackfix.versions import canonical_name

if (
    TYPE_CHECKING
):  # named in annotations alone; what runs a network costs 20 ms, what examines an environment 30 ms
    from stackfix.model.trial import Comparison
    from stackfix.validate.tensorrt import TensorRT
    from stackfix.validate.weights import Weights


# A run that ended before its end; a driver that does the same whoever starts it is the cause of that.
_BROKEN_OFF = frozenset(("validator_crashed", "validator_hung", "validator_no_answer"))


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
    here = "gpu" if device == "gpu" and _has_gpu(_this_machine()) else "cpu"
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
    driver_breaks: str = "",
    progress: Listener | None = None,
) -> Verdict:
    """Return the verdict on an environment for a device; without weights no network is run.

    `around` is what counts of what surrounds it, else all that does here: variables are no matter of a repair. On the
    terminal of `progress` one line says what is being done, and for how long. `driver_breaks` is what an earlier reading
    of this machine says under that name: a driver that hangs is not waited for again.

    Weights that have to be fetched are named by a function: nobody should wait for them to hear of a missing library.

    For a GPU set on a machine without a driver nothing can run on a GPU: then the libraries are followed,
    DWPose is run on the CPU, and the verdict says what is not proved.
    """
    pictures = Pictures(image=image, save=save, page=page)
    with watching(progress, "proving") as watch:
        return _proof(
            environment,
            interpreter,
            facts,
            device,
            weights,
            pictures,
            timeout,
            around,
            watch,
            _reading(driver_breaks, begun=device == "gpu" and weights is not None),
        )


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
    machine: Callable[[], Machine],
) -> Verdict:
    watch.at("follow the libraries")
    closed, outside = followed(environment, facts, device, around)
    if (failed := wrong_at_rest(environment, facts, closed, machine)) is not None:
        return failed
    libraries = library_check(closed, outside)
    if weights is None:
        return Verdict(state=NOT_PROVED, reason="every library closes; no model was run", checks=(libraries,))
    if device == "gpu":
        watch.at("start the driver")
    here = device == "cpu" or _has_gpu(machine())
    if device == "gpu" and machine().driver_breaks:
        verdict = _not_started(machine().driver_breaks)
    else:
        watch.clear()  # what is fetched draws its own line
        verdict = _run_known_first(
            interpreter,
            "gpu" if here and device == "gpu" else "cpu",
            weights() if callable(weights) else weights,
            pictures,
            timeout,
            _tensorrt(environment) if device == "gpu" else None,
            watch,
        )
        if verdict.code in _BROKEN_OFF:
            verdict = _where_the_driver_does(verdict)
    verdict = replace(verdict, checks=(libraries, *verdict.checks))
    wished_for_gpu = device == "gpu" and verdict.state == (NOT_PROVED if here else PROVED_ON_CPU)
    if wished_for_gpu or (verdict.state == FAILED and verdict.code in FOLLOWS):
        watch.at("examine the environment")
        report = examined(environment, facts, machine(), around)
        wrong = next(wrong_packages(environment, report), None)
        # a driver that really is too old would be so for packages that go together
        if wrong is not None and not any(one.code == verdict.code == TOO_OLD for one in report.findings):
            return failed_by(wrong, verdict)
        verdict = of_package(replace(verdict, checks=(*verdict.checks, *warned(report))), environment)
    if wished_for_gpu and not here:
        # the provider's other half, which builds without CUDA have too, is not named after it
        plugins = {name for name in facts.libraries.plugins(("cuda",)) if "cuda" in name}
        if not any(one.file_name in plugins for one in environment.libraries):
            return failed_by(no_provider(environment), verdict)
        upto = " and ".join(closed.from_driver) or "libcuda.so.1"
        reason = (
            f"there is no NVIDIA GPU with a driver here: every library closes, up to the driver's own {upto}, "
            "and DWPose gave the right answer on the CPU"
        )
        return replace(verdict, state=NOT_PROVED, reason=reason)
    return verdict


def _where_the_driver_does(verdict: Verdict) -> Verdict:
    """Return the verdict on a run that broke off by its cause, if the driver alone breaks off too."""
    from stackfix.probe.libcuda import Libcuda  # noqa: PLC0415 - only where a run broke off

    how = Libcuda().breaks()
    if not how:
        return verdict
    alone = _not_started(how)
    return replace(alone, reason=f"{alone.reason}; {verdict.reason}", checks=(*verdict.checks, *alone.checks))


def _not_started(how: str) -> Verdict:
    """Return the verdict where a process that does nothing but start the driver breaks off."""
    from stackfix.validate.causes import driver_alone  # noqa: PLC0415 - only where a driver breaks off
    from stackfix.validate.inside.libraries import device_files  # noqa: PLC0415 - likewise

    cause = driver_alone(how, half=device_files() == [])
    said = Check(
        name="driver", ok=False, text=f"the process that asked it alone {how}", code=cause.code, fix=cause.fix
    )
    return Verdict(state=FAILED, reason=cause.reason, code=cause.code, fix=cause.fix, checks=(said,))


def _tensorrt(environment: Environment) -> TensorRT | None:
    from stackfix.validate.tensorrt import tensorrt_in  # noqa: PLC0415 - only where a network is run

    return tensorrt_in(environment)


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


def _reading(driver_breaks: str, *, begun: bool) -> Callable[[], Machine]:
    """Return what reads this machine once, with the driver started, and waits for that only where it is asked for."""
    from stackfix.probe.meanwhile import Meanwhile  # noqa: PLC0415 - as below

    return Meanwhile(lambda: _this_machine(driver_breaks)).result if begun else cache(_this_machine)


def _this_machine(driver_breaks: str = "") -> Machine:
    from stackfix.probe.libcuda import Libcuda  # noqa: PLC0415 - only where a network is run, or something is wrong
    from stackfix.probe.machine import read_machine  # noqa: PLC0415 - likewise

    libcuda = Libcuda(broke=driver_breaks)
    machine = read_machine(Path(), pythons=tuple, libcuda=libcuda)
    return replace(machine, driver_breaks=libcuda.breaks())


def _has_gpu(machine: Machine) -> bool:
    """Whether a GPU can be asked on a machine, or something that answers as a driver does: a stub, or half of one."""
    answers = isinstance(machine.driver, Known) or isinstance(machine.cuda, Known)
    return answers and not (isinstance(machine.gpus, Known) and not machine.gpus.value)
