"""`matrix`: what goes with what, on this machine or a described one."""

from __future__ import annotations

from pathlib import Path

import click

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.cli import output
from stackfix.cli.ask import answered
from stackfix.cli.options import SourceFlags, json_flag, machine_flags, source_flags
from stackfix.render.matrix_text import matrix_document, matrix_lines


@click.command()
@machine_flags
@source_flags
@json_flag
def matrix(flags: MachineQuestion, sources: SourceFlags, *, as_json: bool) -> None:
    """Print what goes with what: for each torch the newest torchvision, CUDA, cuDNN, onnxruntime and Pythons.

    The newest set is marked; where something is refused, the reason stands in its place.
    """
    schema = "stackfix.matrix/1"
    with answered(schema, as_json=as_json) as end:
        asked = Question(
            targets=(),
            machine=flags,
            sources=sources.source,
            newest_before=sources.newest_before,
            offline=sources.offline,
        )
        found, facts_date = app.matrix(asked, folder=Path.cwd())
        if as_json:
            output.document({"schema": schema, **matrix_document(found, facts_date)})
        else:
            output.answer(matrix_lines(found, facts_date))
        end(yes=any(row.python and not row.refused for row in found.rows))
