"""The report on an environment: its verdict, machine and picture as one HTML file, redacted if that is wanted."""

from __future__ import annotations

import contextlib
import getpass
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from stackfix.errors import DiskError, QuestionError
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.verdict import Verdict
from stackfix.probe.machine import read_machine
from stackfix.render.machine_text import machine_lines
from stackfix.render.report_html import verdict_html


def reported(
    path: Path,
    environment: Environment,
    proved: Callable[[Path | None], Verdict],
    drawing: Path | None,
    *,
    redact: bool,
) -> Verdict:
    """Return the verdict that `proved` gives when it draws into a file, after writing the report on it."""
    if not path.absolute().parent.is_dir():
        raise QuestionError(f"{path}: there is no such folder to write a report into")
    with tempfile.TemporaryDirectory(prefix="stackfix-report-") as own:
        target = drawing or Path(own, "picture.png")
        verdict = proved(target)
        picture = target.read_bytes() if target.is_file() and target.suffix == ".png" else b""
    machine = read_machine(Path())
    text = verdict_html(
        verdict,
        driver=str(machine.driver.value) if isinstance(machine.driver, Known) else "",
        packages=environment.packages,
        machine=machine_lines(machine),
        picture=picture,
        hidden=_hidden(environment) if redact else {},
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DiskError(f"{path}: can't be written: {error.strerror or error}") from error
    return verdict


def _hidden(environment: Environment) -> dict[str, str]:
    """Return what tells who and where, and the word that stands for each."""
    hidden = {
        environment.path: "ENVIRONMENT",
        str(Path(environment.path).absolute()): "ENVIRONMENT",
        str(Path.cwd()): "FOLDER",
        str(Path.home()): "HOME",
        platform.node(): "HOST",
    }
    with contextlib.suppress(OSError, KeyError, ImportError):
        hidden[getpass.getuser()] = "USER"
    # a folder of one letter, the root say, would take letters out of words
    return {word: stand for word, stand in hidden.items() if len(word) > 1}
