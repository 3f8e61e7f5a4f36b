"""`bundle`: all that an install without a network needs, in one folder."""

from __future__ import annotations

from pathlib import Path

import click

from stackfix import app, bundling
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import answered, question
from stackfix.cli.options import SourceFlags, json_flag, machine_flags, requirement_files, source_flags
from stackfix.cli.progress import TerminalProgress
from stackfix.cli.refusal import refuse
from stackfix.model.resolution import Explanation
from stackfix.render.units import size


@click.command()
@click.argument("targets", nargs=-1, metavar="TARGET...")
@requirement_files
@click.option("-o", "--output", "folder", required=True, metavar="FOLDER", help="Where the bundle goes.")
@click.option(
    "--models",
    default="auto",
    metavar="auto|standin|DIR",
    help="Model files: those of the cache, none, or DIR's.",
)
@machine_flags
@source_flags
@json_flag
def bundle(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    folder: str,
    models: str,
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    as_json: bool,
) -> None:
    """Put stackfix, the wheels of the newest set that works, its models and its lock into one folder."""
    schema = "stackfix.bundle/1"
    with answered(schema, as_json=as_json) as end:
        asked = question(targets, files, flags, sources)
        done = bundling.bundle(asked, Path(folder), TerminalProgress(as_json=as_json), models=models)
        if isinstance(done, Explanation):
            refuse(done, schema, app.database().date, end, as_json=as_json)
            return
        made = done.bundle
        script = "install.ps1" if made.lock.platform.startswith("win_") else "install.sh"
        if as_json:
            output.document(
                {
                    "schema": schema,
                    "ok": True,
                    "path": folder,
                    "bytes": made.bytes,
                    "files": len(made.files),
                    "models": made.models,
                    "packages": made.lock.versions,
                    "python": made.lock.python,
                    "platform": made.lock.platform,
                    "sha256": done.sha256,
                }
            )
        else:
            networks = "its own models" if made.models == "own" else "stand-ins for its models"
            output.answer(
                [
                    f"{folder}: {len(made.files)} files, {size(made.bytes)}, with {networks}",
                    f"for {made.lock.platform} with Python {made.lock.python}",
                    f"there: {'sh ' if script == 'install.sh' else ''}{script} --expect {done.sha256}",
                ]
            )
