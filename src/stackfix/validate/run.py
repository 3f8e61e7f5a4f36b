"""A verdict on an environment: DWPose is run by its own interpreter, in a child that may crash or hang."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stackfix.errors import QuestionError, TargetError
from stackfix.model.verdict import FAILED, Check, Verdict
from stackfix.validate import truth
from stackfix.validate.causes import Cause, cause_of
from stackfix.validate.journal import Journal, plain, read
from stackfix.validate.judge import judge
from stackfix.validate.weights import TWIN, Weights

WORKER = Path(__file__).resolve().parent / "worker.py"
_TAIL = 4000
_REMOVED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "__PYVENV_LAUNCHER__")


def run(
    python: Path,
    *,
    device: str,
    weights: Weights,
    image: Path | None = None,
    timeout: float = 300.0,
    repeats: int = 5,
    environment: Mapping[str, str] | None = None,
) -> Verdict:
    """Return what DWPose proves when the interpreter `python` runs it on "gpu" or "cpu".

    Without an image the stand-in scene is taken. A crash, a hang or no answer is a failed verdict, never an
    exception; an exception says that there was nothing to ask: no such interpreter, no such picture.
    """
    if device not in {"gpu", "cpu"}:
        raise QuestionError(f"`{device}` is not a device", hint="use `gpu` or `cpu`")
    if not python.is_file():
        raise TargetError(f"{python}: there is no such Python interpreter")
    if image is not None and not image.is_file():
        raise QuestionError(f"{image}: there is no such picture")
    truths = truth.read(weights.truth) if image is None and weights.truth else None
    with tempfile.TemporaryDirectory(prefix="stackfix-validate-", ignore_cleanup_errors=True) as scratch:
        result = Path(scratch) / "result.jsonl"
        base = Path(scratch) if weights.name == TWIN else Path.cwd()
        request = {
            "detector": str(base / weights.detector),
            "pose": str(base / weights.pose),
            "twin": weights.name == TWIN,
            "image": str((image or weights.scene).resolve()),
            "device": device,
            "repeats": repeats,
            "scratch": scratch,
            "result": str(result),
        }
        variables = dict(os.environ if environment is None else environment)
        ended, printed = _child(python, json.dumps(request), _clean(variables), Path(scratch), timeout)
        try:
            journal = read(result.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            journal = read("")
    extra = _said_of(variables)
    if ended or not journal.ended:
        return _broken_off(journal, ended, printed, weights.name, extra)
    return judge(journal, device, truths=truths, weights=weights.name, extra=extra)


def _clean(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in _REMOVED}


def _said_of(variables: Mapping[str, str]) -> tuple[Check, ...]:
    folders = variables.get("LD_LIBRARY_PATH", "")
    if not folders:
        return ()
    return (Check(name="LD_LIBRARY_PATH", ok=None, text=f"is set, and was kept: {folders}"),)


def _child(
    python: Path, request: str, variables: Mapping[str, str], scratch: Path, timeout: float
) -> tuple[str, str]:
    """Return how the child ended wrongly ("" if it ended well), and the last of what it printed."""
    output = scratch / "printed"
    with output.open("wb") as sink:
        try:
            # a session of its own, so that what a library starts ends with it
            child = subprocess.Popen(
                [str(python), "-I", "-B", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(variables),
                cwd=scratch,
                start_new_session=True,
            )
        except OSError as error:
            return f"the interpreter can't be started: {error.strerror or error}", ""
        with child:
            try:
                child.communicate(request.encode(), timeout=timeout)
                ended = _how_it_ended(child.returncode)
            except subprocess.TimeoutExpired:
                ended = f"it was ended after {timeout:g} s without an answer"
            finally:
                _end(child)
    return ended, "\n".join(filter(None, (_tail(output), _tail(scratch / "heard"))))


def _end(child: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        child.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _how_it_ended(status: int) -> str:
    if status == 0:
        return ""
    if status < 0:
        try:
            return f"it was ended by signal {-status} ({signal.Signals(-status).name})"
        except ValueError:
            return f"it was ended by signal {-status}"
    return f"it ended with status {status}"


def _tail(path: Path) -> str:
    """Return the last of a file as text that any terminal may show."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - _TAIL))
        return plain(stream.read().decode("utf-8", "replace"))


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
    otherwise = Cause(code, f"the run broke off while it was to {journal.stage}: {how}")
    cause = cause_of(
        "\n".join([printed, *(each.text for each in journal.checks if each.ok is False)]),
        journal.values,
        otherwise,
    )
    return Verdict(
        state=FAILED,
        reason=otherwise.reason if cause is otherwise else f"{otherwise.reason}; {cause.reason}",
        code=cause.code,
        fix=cause.fix,
        checks=(*extra, *journal.checks, Check(name="run", ok=False, text=text)),
        provider="",
        weights=weights,
    )
