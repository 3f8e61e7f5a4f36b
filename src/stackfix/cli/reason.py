"""`resolve` and `explain`: the newest set, and why."""

from __future__ import annotations

from pathlib import Path

import click

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import answered, question
from stackfix.cli.options import SourceFlags, json_flag, machine_flags, source_flags
from stackfix.cli.refusal import refuse
from stackfix.model.resolution import Explanation
from stackfix.render.documents import resolution_document
from stackfix.render.resolution_text import resolution_lines, why_lines

targets = click.argument("targets", nargs=-1, metavar="TARGET...")
files = click.option("-r", "files", multiple=True, metavar="FILE", help="Requirements, one a line.")


def _roots(answer: app.Answer) -> list[str]:
    return [name for name in answer.request.newest if name != "python"]


@click.command()
@targets
@files
@machine_flags
@source_flags
@json_flag
def resolve(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    as_json: bool,
) -> None:
    """Print the newest set that works: TARGET is a recipe (dwpose) or a requirement ("torch>=2.4")."""
    schema = "stackfix.resolve/1"
    with answered(schema, as_json=as_json) as end:
        asked = question(targets, files, flags, sources)
        answer = app.resolve(asked, folder=Path.cwd(), reasons="all" if as_json else "asked")
        if isinstance(answer.result, Explanation):
            refuse(answer.result, schema, answer.facts_date, end, as_json=as_json)
        elif as_json:
            output.document({"schema": schema, **resolution_document(answer.result, answer.facts_date)})
        else:
            output.answer(resolution_lines(answer.result, _roots(answer), answer.facts_date))


@click.command()
@targets
@files
@machine_flags
@source_flags
@json_flag
def explain(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    as_json: bool,
) -> None:
    """Say why each pin and why not newer, each with its fact; or why there is no set, and the ways out."""
    schema = "stackfix.explain/1"
    with answered(schema, as_json=as_json) as end:
        answer = app.resolve(question(targets, files, flags, sources), folder=Path.cwd())
        if isinstance(answer.result, Explanation):
            refuse(answer.result, schema, answer.facts_date, end, as_json=as_json)
        elif as_json:
            document = resolution_document(answer.result, answer.facts_date)
            output.document({"schema": schema, "conflict": [], "options": [], **document})
        else:
            output.answer(why_lines(answer.result, _roots(answer)))
