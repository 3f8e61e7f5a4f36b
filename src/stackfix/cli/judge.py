"""`doctor`: an installed environment, judged from outside."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import answered, without
from stackfix.cli.options import json_flag, machine_flags, redact_flag
from stackfix.errors import QuestionError
from stackfix.render.causes_text import causes_document, causes_lines, elsewhere_lines
from stackfix.render.redaction import redacted, same
from stackfix.render.report_text import report_document, report_lines

FOLDERS = (".venv", "venv", "env", "python_embeded", "dwpose-env")


@click.command()
@click.option(
    "--venv",
    default="",
    metavar="DIR",
    help="The environment to judge: a venv, a conda prefix, a portable Python.",
)
@click.option(
    "--model", "models", multiple=True, metavar="FILE", help="An ONNX model that it must read; repeatable."
)
@click.option(
    "--live",
    is_flag=True,
    help="Also import torch and onnxruntime in children of its interpreter, and tell what they say.",
)
@click.option(
    "--error",
    "error_file",
    default="",
    metavar="FILE",
    help="What it printed (- is stdin): joined with the findings.",
)
@redact_flag
@machine_flags
@json_flag
def doctor(
    venv: str,
    models: tuple[str, ...],
    error_file: str,
    flags: MachineQuestion,
    *,
    live: bool,
    redact: bool,
    as_json: bool,
) -> None:
    """Judge an environment without importing anything from it, by the rules that judge plans.

    Without `--venv` (or `--python EXE`) it is the active one, or the one in this folder.
    """
    schema = "stackfix.doctor/1"
    with answered(schema, as_json=as_json) as end:
        meant = environment_meant(venv, flags.python)
        hide = app.redaction(meant, models) if redact else same
        with without(hide):
            report = app.doctor(meant, flags, models=readable(models), live=live)
            causes = (
                app.explain_error(app.error_blocks(error_file), report=report).causes if error_file else ()
            )
        if as_json:
            told = causes_document(causes) if error_file else {}
            document = {"schema": schema, "ok": report.ok, **report_document(report), **told}
            output.document(redacted(document, hide))
        else:
            if error_file:
                output.answer(map(hide, [*causes_lines(causes), ""]))
            output.answer(map(hide, report_lines(report)))
            output.answer(map(hide, elsewhere_lines(causes, report)))
        end(yes=report.ok)


def readable(names: Sequence[str]) -> list[Path]:
    """Return files as they are named; QuestionError for one that is not there: no finding about what it holds."""
    files = [Path(name) for name in names]
    for file in files:
        try:
            wrong = "a folder, and a model is one file" if stat.S_ISDIR(file.stat().st_mode) else ""
            if not wrong and not os.access(file, os.R_OK):
                wrong = "a file that this user cannot read"
        except OSError as error:
            raise QuestionError(f"{file}: there is no such model file: {error.strerror or error}") from error
        if wrong:
            raise QuestionError(f"{file}: is {wrong}")
    return files


def environment_meant(venv: str, python: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return the environment that the flags name, else the active one, else one of the usual names in this folder."""
    if venv:
        return Path(venv)
    if python:
        if "/" not in python and "\\" not in python:
            raise QuestionError(
                f"`--python {python}` names a version, not an interpreter",
                hint="name its path, or the environment's folder with `--venv`",
            )
        return Path(python)
    variables = os.environ if environ is None else environ
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if variables.get(name):
            return Path(variables[name])
    for folder in FOLDERS:
        if Path(folder).is_dir():
            return Path(folder)
    raise QuestionError(
        f"no environment is active, and none of {', '.join(FOLDERS)} is in this folder",
        hint="name one: `--venv DIR`",
    )
