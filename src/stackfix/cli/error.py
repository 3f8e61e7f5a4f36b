"""`explain --error`: what an error text means."""

from __future__ import annotations

from pathlib import Path

from stackfix import app
from stackfix.cli import output
from stackfix.cli.ask import End
from stackfix.render.causes_text import causes_document, causes_lines


def explain_error(file: str, venv: str, schema: str, end: End, *, as_json: bool) -> None:
    """Print the causes of a text, joined with what the doctor finds where an environment is named."""
    told = app.explain_error(app.error_blocks(file), venv=Path(venv) if venv else None)
    if as_json:
        document = causes_document(told.causes, told.report)
        output.document({"schema": schema, "ok": bool(told.causes), **document})
    else:
        output.answer(causes_lines(told.causes, told.report))
    end(yes=bool(told.causes))
