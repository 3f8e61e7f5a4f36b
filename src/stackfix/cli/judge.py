"""`doctor`: an installed environment, judged from outside."""

from __future__ import annotations

from pathlib import Path

import click

from stackfix import app
from stackfix.cli import output
from stackfix.cli.ask import answered
from stackfix.cli.options import json_flag
from stackfix.render.report_text import report_document, report_lines


@click.command()
@click.option("--venv", required=True, metavar="DIR", help="The environment to judge.")
@json_flag
def doctor(venv: str, *, as_json: bool) -> None:
    """Judge an environment without importing anything from it: libraries, collisions, the import hook."""
    schema = "stackfix.doctor/1"
    with answered(schema, as_json=as_json) as end:
        report = app.doctor(Path(venv))
        if as_json:
            output.document({"schema": schema, "ok": report.ok, **report_document(report)})
        else:
            output.answer(report_lines(report))
        end(yes=report.ok)
