"""`export`: the newest set in the form of another tool."""

from __future__ import annotations

from pathlib import Path

import click

from stackfix import app, exporting
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import answered, question
from stackfix.cli.options import (
    SourceFlags,
    builds,
    json_flag,
    machine_flags,
    requirement_files,
    source_flags,
)
from stackfix.cli.refusal import refuse
from stackfix.model.resolution import Explanation
from stackfix.render.export.formats import FORMATS
from stackfix.render.units import counted


@click.command()
@click.argument("targets", nargs=-1, metavar="TARGET...")
@requirement_files
@builds
@click.option(
    "--format", "format_name", type=click.Choice(list(FORMATS)), required=True, help="For which tool it is."
)
@click.option("-o", "--output", "path", default="", metavar="FILE", help="Where it goes; - is stdout.")
@machine_flags
@source_flags
@json_flag
def export(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    builds: tuple[str, ...],
    format_name: str,
    path: str,
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    as_json: bool,
) -> None:
    """Write the newest set that works as a file of another tool, every file by its sha256."""
    schema = "stackfix.export/1"
    with answered(schema, as_json=as_json) as end:
        found = exporting.export(question(targets, files, flags, sources, builds), format_name, Path.cwd())
        if isinstance(found, Explanation):
            refuse(found, schema, app.database().date, end, as_json=as_json)
            return
        place = path or found.file
        if place != "-":
            exporting.write(found, Path(place), chosen_by_user=bool(path))
        if as_json:
            document = {
                "schema": schema,
                "ok": True,
                "path": place,
                "format": format_name,
                "packages": found.lock.versions,
                "bytes": found.lock.download_bytes,
            }
            output.document({**document, "text": found.text} if place == "-" else document)
        elif place == "-":
            output.answer([found.text.removesuffix("\n")])
        else:
            output.answer([f"{place}: {counted(len(found.lock.packages), 'package')}"])
