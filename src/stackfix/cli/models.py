"""`models`: the networks in the cache; listed, fetched, brought."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from stackfix import app
from stackfix.cli import output
from stackfix.cli.ask import answered
from stackfix.cli.options import json_flag
from stackfix.cli.progress import TerminalProgress
from stackfix.model.kept import KeptModel
from stackfix.render.models_text import models_document, models_lines

_INTERRUPTED = 130


def _answer(schema: str, found: Sequence[KeptModel], *, as_json: bool) -> None:
    if as_json:
        output.document({"schema": schema, "ok": True, "models": models_document(found)})
    else:
        output.answer(models_lines(found))


def _list(*, as_json: bool) -> None:
    schema = "stackfix.models/1"
    with answered(schema, as_json=as_json):
        _answer(schema, app.models(), as_json=as_json)


@click.group(invoke_without_command=True)
@json_flag
@click.pass_context
def models(context: click.Context, *, as_json: bool) -> None:
    """Say which of DWPose's networks lie in the cache of all environments (STACKFIX_MODELS); fetch or import them."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@models.command("list")
@json_flag
def listing(*, as_json: bool) -> None:
    """List every model and its state (here, missing, partial, damaged); every byte that is there is checked."""
    _list(as_json=as_json)


@models.command()
@click.argument("wished", nargs=-1, metavar="[RECIPE|FILE]...")
@click.option("--optional", is_flag=True, help="Also those that nothing needs, as torch's pose network.")
@click.option("--offline", is_flag=True, help="Do not use the network: fail if one is missing.")
@json_flag
def fetch(wished: tuple[str, ...], *, optional: bool, offline: bool, as_json: bool) -> None:
    """Fetch the models of a recipe, or one by its file name; what is here is not fetched again.

    An interrupted fetch goes on where it stopped. Mirrors are tried in order: HF_ENDPOINT, then the recipe's.
    """
    schema = "stackfix.models.fetch/1"
    with answered(schema, as_json=as_json):
        try:
            found = app.fetch_models(
                wished, TerminalProgress(as_json=as_json), optional=optional, offline=offline
            )
        except KeyboardInterrupt as interrupt:  # what came is kept, not undone, and that has been said
            raise click.exceptions.Exit(_INTERRUPTED) from interrupt
        _answer(schema, found, as_json=as_json)


@models.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_flag
def bring(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Copy model files that you have into the cache, whatever their names; each is checked by size and sha256."""
    schema = "stackfix.models.import/1"
    with answered(schema, as_json=as_json):
        _answer(schema, app.import_models(files, TerminalProgress(as_json=as_json)), as_json=as_json)
