"""`explain --error`: what an error text means."""

from __future__ import annotations

import shlex
from pathlib import Path

from stackfix import app
from stackfix.cli import output
from stackfix.cli.ask import End
from stackfix.errors import QuestionError
from stackfix.render.causes_text import causes_document, causes_lines


def refuse_venv_alone(venv: str, file: str) -> None:
    """Raise QuestionError for an environment without a text that it has printed."""
    if venv and not file:
        raise QuestionError(
            "`--venv` goes with `--error`",
            hint=f"`stackfix doctor --venv {shlex.quote(venv)}` judges the environment",
        )


def explain_error(file: str, venv: str, schema: str, end: End, *, as_json: bool) -> None:
    """Print the causes of a text, joined with what the doctor finds where an environment is named."""
    told = app.explain_error(app.error_blocks(file), venv=Path(venv) if venv else None)
    if as_json:
        document = causes_document(told.causes, told.report)
        output.document({"schema": schema, "ok": bool(told.causes), **document})
    else:
        output.answer(causes_lines(told.causes, told.report))
    end(yes=bool(told.causes))
