"""A verdict on an environment: DWPose is run by its own interpreter, in a child that may crash or hang."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stackfix.errors import QuestionError, TargetError
from stackfix.model.surroundings import left_out
from stackfix.model.verdict import FAILED, Check, Verdict
from stackfix.validate import truth
from stackfix.validate.causes import Cause, cause_of
from stackfix.validate.child import Answer, Heard, ask
from stackfix.validate.journal import NOT_BEGUN, Journal
from stackfix.validate.judge import judge
from stackfix.validate.scratch import scratch, sweep
from stackfix.validate.tensorrt import TensorRT, beside_tensorrt
from stackfix.validate.torch_orders import beside_torch, told_before
from stackfix.validate.weights import TWIN, Weights

_MORE_TIME = (
    "give it more time: `--timeout SECONDS`; the full-size networks take minutes on a slow CPU, "
    "`--weights standin` takes seconds"
)

# before the worker's own first line only the interpreter runs, and what an environment has it run
_AT_START = (
    "its Python does not come as far as a first line of ours: look into `sitecustomize.py` and the `.pth` files of "
    "the environment, which it runs at every start; make it anew with `stackfix install` if nothing is found"
)

_LIBRARIES_FIRST = ("LD_LIBRARY_PATH", "LD_PRELOAD")

# what is left free where children share what they compile
_ROOMY = 1_000_000_000

# a library that another stands before may end a process while it is mapped, and a limit may end it anywhere
_WITHOUT = (
    "{names} {puts} libraries before the environment's own, and one of them may have ended the process or held it up: "
    "try without, `env {unset} stackfix validate ...`"
)
_LIMITED = "a limit is set on this shell's memory: `ulimit -v unlimited`, then try again"

_KILLED = (
    "a system that runs out of memory ends processes so: `sudo dmesg | grep -i oom` tells; end other programs"
)


def run(
    python: Path,
    *,
    device: str,
    weights: Weights,
    image: Path | None = None,
    save: Path | None = None,
    page: Path | None = None,
    timeout: float = 300.0,
    repeats: int = 5,
    environment: Mapping[str, str] | None = None,
    tensorrt: TensorRT | None = None,
    heard: Heard | None = None,
    earlier: Sequence[Check] = (),
) -> Verdict:
    """Return what DWPose proves when the interpreter `python` runs it on "gpu" or "cpu".

    Without an image the stand-in scene is taken. `save` is where the skeletons are drawn, in the format of its name,
    `page` where once more as PNG; `tensorrt` is asked for too where its libraries are in the environment; `heard` is
    told again and again what is being done; `earlier` are the checks of a run of this very environment, and what it told
    of torch is not asked again. A crash, a hang or no answer is a failed verdict, never an exception; an
    exception says that there was nothing to ask: no such interpreter, no such picture.
    """
    if device not in {"gpu", "cpu"}:
        raise QuestionError(f"`{device}` is not a device", hint="use `gpu` or `cpu`")
    if not python.is_file():
        raise TargetError(f"{python}: there is no such Python interpreter")
    # the child works in a folder of its own; links stay, for a virtual environment is known by its link
    python = python.absolute()
    if image is not None and not image.is_file():
        raise QuestionError(f"{image}: there is no such picture")
    if save is not None and not save.absolute().parent.is_dir():
        raise QuestionError(f"{save}: there is no such folder to draw into")
    truths = truth.read(weights.truth) if image is None and weights.truth else None
    variables = dict(os.environ if environment is None else environment)
    ends = time.monotonic() + timeout
    sweep()
    with contextlib.ExitStack() as stack:
        bytecode = stack.enter_context(scratch()) if _compiles_anew(python) else None
        with scratch() as folder:
            twins = folder if weights.name == TWIN else Path()
            request = {
                "detector": str((twins / weights.detector).absolute()),
                "pose": str((twins / weights.pose).absolute()),
                "twin": weights.name == TWIN,
                "image": str((image or weights.scene).resolve()),
                "device": device,
                "repeats": repeats,
                "scratch": str(folder),
                "save": str(save.absolute()) if save else "",
                "page": str(page.absolute()) if page else "",
            }
            answer = ask(python, request, variables, timeout, heard, bytecode)
        extra = _said_of(variables)
        journal = answer.journal
        if answer.ended or not journal.ended:
            return _broken_off(journal, answer.ended, answer.printed, weights.name, extra)

        def asked(request: Mapping[str, Any]) -> Answer:
            return ask(python, request, variables, max(1.0, ends - time.monotonic()), heard, bytecode)

        if known := told_before(earlier, weights):
            journal = replace(journal, checks=(*journal.checks, *known))
        elif journal.values.get("torch is here") is True and not _numpy_is_broken(journal):
            journal = beside_torch(asked, weights, device, journal)
        if tensorrt is not None:
            journal = beside_tensorrt(asked, weights, tensorrt, journal)
        return judge(journal, device, truths=truths, weights=weights.name, extra=extra)


def _numpy_is_broken(journal: Journal) -> bool:
    """Whether numpy is there and can't be imported; torch does without one, and fails with a broken one."""
    first = next((check for check in journal.checks if check.ok is False), None)
    return first is not None and first.name == "import numpy" and "No module named" not in first.text


def _compiles_anew(python: Path) -> bool:
    """Whether each child would compile torch anew, which uv leaves uncompiled, and there is room to do it once.

    It takes 4 s of CPU of torch 2.15 and 25 MB.
    """
    found = [
        path
        for each in ("lib/python*", "Lib")
        for path in python.parent.parent.glob(f"{each}/site-packages/torch")
    ]
    compiled = any(any(path.glob("__pycache__/__init__.*.pyc")) for path in found)
    return bool(found) and not compiled and shutil.disk_usage(tempfile.gettempdir()).free > _ROOMY


def _said_of(variables: Mapping[str, str]) -> tuple[Check, ...]:
    """Return what puts libraries before the environment's own, which is kept, for the user's programs have it too.

    After it what puts packages there, which is left out.
    """
    kept = [
        (name, f"is set, and was kept: {variables[name]}") for name in _LIBRARIES_FIRST if variables.get(name)
    ]
    return tuple(Check(name=name, ok=None, text=text) for name, text in (*kept, *left_out(variables)))


def _from_without(extra: tuple[Check, ...]) -> str:
    """Return what to do about what this shell hands to every program and may have ended this one, "" if it is nothing."""
    names = [each.name for each in extra if each.name in _LIBRARIES_FIRST]
    if names:
        return _WITHOUT.format(
            names=" and ".join(names),
            puts="put" if len(names) > 1 else "puts",
            unset=" ".join(f"-u {name}" for name in names),
        )
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return ""
    return _LIMITED if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY else ""


def _broken_off(
    journal: Journal, ended: str, printed: str, weights: str, extra: tuple[Check, ...]
) -> Verdict:
    how = ended or "it wrote no complete answer"
    text = f"while it was to {journal.stage}: {how}" + (f"\n{printed}" if printed else "")
    code = (
        "validator_hung"
        if "without an answer" in how
        else "validator_crashed"
        if ended
        else "validator_no_answer"
    )
    fix = _MORE_TIME if code == "validator_hung" else _KILLED if "SIGKILL" in how else ""
    if journal.stage == NOT_BEGUN:
        fix = _AT_START
    outer = _from_without(extra)
    if outer and journal.stage == NOT_BEGUN:
        fix = f"{fix}; {outer}"
    elif journal.stage.startswith("import ") or not fix:
        fix = outer or fix
    otherwise = Cause(code, f"the run broke off while it was to {journal.stage}: {how}", fix)
    cause = cause_of(
        "\n".join([how, printed, *(each.text for each in journal.checks if each.ok is False)]),
        journal.values,
        otherwise,
    )
    return Verdict(
        state=FAILED,
        reason=otherwise.reason if cause is otherwise else f"{otherwise.reason}; {cause.reason}",
        code=cause.code,
        fix=cause.fix,
        checks=(
            *extra,
            *journal.checks,
            Check(name="run", ok=False, text=text, code=cause.code, fix=cause.fix),
        ),
        provider="",
        weights=weights,
    )
