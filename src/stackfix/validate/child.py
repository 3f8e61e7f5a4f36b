"""One question to the worker in the target interpreter: a child process that may crash, hang or print rubbish."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from stackfix.telemetry import without_telemetry
from stackfix.validate.journal import Following, Journal, plain, read
from stackfix.validate.scratch import scratch

WORKER = Path(__file__).resolve().parent / "worker.py"
HEARD = "heard"
_TAIL = 4000
_LOOKED_AT = 200_000
# onnxruntime says it of every convolution where the search of cuDNN is left out, as inside.sessions has it
_EXPECTED = "running in Fallback mode"
# a library that prints without end would fill the disk long before the time limit
_PRINTED = 64_000_000
_ROOM = 65536
_LOOK_SECONDS = 0.5
Heard: TypeAlias = Callable[[str], None]
_REMOVED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the worker wrote, how it ended wrongly ("" if it ended well), and the last of what it printed."""

    journal: Journal
    ended: str
    printed: str

    @property
    def whole(self) -> bool:
        """Whether the worker came to its end."""
        return not self.ended and self.journal.ended


def ask(
    python: Path,
    request: Mapping[str, Any],
    variables: Mapping[str, str],
    timeout: float,
    heard: Heard | None = None,
    bytecode: Path | None = None,
) -> Answer:
    """Return the worker's answer to one request; it works in a folder of its own that is removed after.

    `heard` is told, twice a second while the worker runs, what it does. `bytecode` is a folder in which one child finds
    what another has compiled; without it each compiles for itself, and in no case is anything written beside a module.
    """
    with scratch() as own:
        folder = Path(str(request.get("scratch") or own))
        result = own / "result.jsonl"
        text = json.dumps({**request, "scratch": str(folder), "result": str(result)})
        stages = Following(result)

        def looked() -> None:
            if heard is not None:
                heard(stages.stage())

        kept = ["-B"] if bytecode is None else ["-X", f"pycache_prefix={bytecode}"]
        command = [str(python), "-I", *kept, str(WORKER)]
        ended, printed = _child(command, text, _clean(variables), folder, timeout, looked)
        try:
            journal = read(result.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            journal = read("")
        # the worker itself can't say so: its words would go to the same disk
        if (ended or not journal.ended) and shutil.disk_usage(folder).free < _ROOM:
            ended = f"{ended or 'it wrote no complete answer'} (No space left on device: {folder.parent})"
    return Answer(journal=journal, ended=ended, printed=printed)


def _clean(variables: Mapping[str, str]) -> dict[str, str]:
    return without_telemetry({name: value for name, value in variables.items() if name not in _REMOVED})


def _child(
    command: Sequence[str],
    request: str,
    variables: Mapping[str, str],
    folder: Path,
    timeout: float,
    looked: Callable[[], None],
) -> tuple[str, str]:
    """Return how the child ended wrongly ("" if it ended well), and the last of what it printed."""
    output = folder / "printed"
    with output.open("wb") as sink:
        try:
            # a session of its own, so that what a library starts ends with it
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(variables),
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            return f"the interpreter can't be started: {error.strerror or error}", ""
        with child:
            try:
                ended = _waited(child, request, folder, timeout, looked)
            finally:
                _end(child)
    return ended, "\n".join(filter(None, (_tail(output), _tail(folder / HEARD))))


def _waited(
    child: subprocess.Popen[bytes], request: str, folder: Path, timeout: float, looked: Callable[[], None]
) -> str:
    """Give the request, wait, and return how the child ended wrongly, or why it must be ended."""
    ends = time.monotonic() + timeout
    given: bytes | None = request.encode()
    while (left := ends - time.monotonic()) > 0:
        try:
            child.communicate(given, timeout=min(left, _LOOK_SECONDS))
        except subprocess.TimeoutExpired:
            given = None  # what was not taken yet is kept by the Popen
            looked()
        else:
            return _how_it_ended(child.returncode)
        written = sum(path.stat().st_size for path in (folder / "printed", folder / HEARD) if path.is_file())
        if written > _PRINTED:
            return f"it was ended when it had printed {written // 1_000_000} MB"
    return f"it was ended after {timeout:g} s without an answer"


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
        stream.seek(max(0, stream.tell() - _LOOKED_AT))
        lines = stream.read().decode("utf-8", "replace").splitlines(keepends=True)
    return plain("".join(line for line in lines if _EXPECTED not in line)[-_TAIL:])
