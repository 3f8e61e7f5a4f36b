"""`install`, `lock` and `validate`: make an environment, write it down, prove it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import click

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import answered, question, without
from stackfix.cli.options import (
    SourceFlags,
    builds,
    json_flag,
    machine_flags,
    redact_flag,
    requirement_files,
    source_flags,
)
from stackfix.cli.progress import TerminalProgress
from stackfix.cli.refusal import refuse
from stackfix.errors import DiskError, QuestionError
from stackfix.installing import InstallWish
from stackfix.model.resolution import Explanation
from stackfix.render.comparison_text import comparison_document, comparison_lines, provider_lines
from stackfix.render.growth_text import compared_document
from stackfix.render.redaction import redacted, same
from stackfix.render.units import counted
from stackfix.render.verdict_document import verdict_document
from stackfix.render.verdict_text import verdict_lines

_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")

targets = click.argument("targets", nargs=-1, metavar="TARGET...")
weights = click.option(
    "--weights",
    default="auto",
    metavar="auto|real|standin|twin|DIR",
    help="Networks: DWPose's own (351 MB, once), small stand-ins, full-size twins with random weights, a folder's; "
    "auto: its own if they can be had.",
)


@click.command()
@targets
@requirement_files
@builds
@click.option("--venv", default="", metavar="DIR", help="Where the environment goes (default: ./TARGET-env).")
@click.option("--lock", "lock_file", default="", metavar="FILE", help="Install exactly this pylock.toml.")
@click.option("--installer", type=click.Choice(["auto", "uv", "pip"]), default="auto", help="What installs.")
@click.option("--replace", is_flag=True, help="Replace an environment that stackfix did not make.")
@click.option("--no-validate", is_flag=True, help="Do not run the model; libraries are checked all the same.")
@weights
@machine_flags
@source_flags
@json_flag
def install(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    builds: tuple[str, ...],
    venv: str,
    lock_file: str,
    installer: Literal["auto", "uv", "pip"],
    weights: str,
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    replace: bool,
    no_validate: bool,
    as_json: bool,
) -> None:
    """Make a fresh environment with the newest set that works on this machine, and prove it."""
    schema = "stackfix.install/1"
    with answered(schema, as_json=as_json) as end:
        wish = InstallWish(
            question=question(targets, files, flags, sources, builds),
            target=Path(venv or f"{targets[0] if targets else 'stackfix'}-env"),
            lock_file=lock_file,
            installer=installer,
            replace=replace,
            validate=not no_validate,
            weights=weights,
        )
        done = app.install(wish, TerminalProgress(as_json=as_json))
        if isinstance(done, Explanation):
            refuse(done, schema, app.database().date, end, as_json=as_json)
            return
        if as_json:
            output.document(
                {
                    "schema": schema,
                    "ok": not done.verdict.failed,
                    "venv": done.path or None,
                    "packages": done.lock.versions,
                    "cuda": done.lock.cuda or None,
                    "python": done.lock.python,
                    **verdict_document(done.verdict),
                    **compared_document(done.compared),
                    **({"notes": list(done.notes)} if done.notes else {}),
                }
            )
        else:
            where = f"environment {done.path}" if done.path else f"nothing was changed at `{wish.target}`"
            output.answer([where, *verdict_lines(done.verdict)])
        end(yes=not done.verdict.failed)


@click.command()
@targets
@requirement_files
@builds
@click.option(
    "-o", "--output", "path", default="pylock.toml", metavar="FILE", help="Where the lock is written."
)
@machine_flags
@source_flags
@json_flag
def lock(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    builds: tuple[str, ...],
    path: str,
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    as_json: bool,
) -> None:
    """Write the newest set that works to a pylock.toml (PEP 751): every file by address, size and sha256."""
    schema = "stackfix.lock/1"
    with answered(schema, as_json=as_json) as end:
        found = app.lock(question(targets, files, flags, sources, builds), folder=Path.cwd(), say=output.note)
        if isinstance(found, Explanation):
            refuse(found, schema, app.database().date, end, as_json=as_json)
            return
        if path == "-":
            output.answer([app.lock_text(found).rstrip("\n")])
            return
        app.write_lock(found, Path(path))
        if not _PYLOCK.fullmatch(Path(path).name):
            output.note(
                f"note: uv and pip read a lock only from `pylock.toml` or `pylock.NAME.toml`, not `{Path(path).name}`"
            )
        if as_json:
            output.document(
                {
                    "schema": schema,
                    "ok": True,
                    "path": path,
                    "packages": found.versions,
                    "bytes": found.download_bytes,
                }
            )
        else:
            output.answer([f"{path}: {counted(len(found.packages), 'package')}"])


@click.command()
@click.option("--venv", required=True, metavar="DIR", help="The environment to prove.")
@click.option("--image", default="", metavar="FILE", help="A picture of people (default: a made one).")
@click.option(
    "--save", default="", metavar="OUT.png", help="Draw the skeletons over the picture into this file."
)
@click.option(
    "--html",
    default="",
    metavar="OUT.html",
    help="Write a report, one file with the picture in it; - is stdout.",
)
@redact_flag
@click.option("--compare", is_flag=True, help="Time options of a session side by side, with their memory.")
@click.option("--providers", is_flag=True, help="Print the providers that are best here, as code to paste.")
@click.option(
    "--device", type=click.Choice(["auto", "gpu", "cpu"]), default="auto", help="Where it must run."
)
@click.option("--timeout", type=click.IntRange(10), default=600, metavar="SECONDS", help="Longest run.")
@click.option("--offline", is_flag=True, help="Do not use the network.")
@weights
@json_flag
def validate(
    venv: str,
    image: str,
    save: str,
    html: str,
    device: str,
    timeout: int,
    weights: str,
    *,
    offline: bool,
    redact: bool,
    compare: bool,
    providers: bool,
    as_json: bool,
) -> None:
    """Run DWPose in an environment, with its own interpreter, and say where it ran and whether it is right."""
    schema = "stackfix.validate/1"
    with answered(schema, as_json=as_json) as end:
        piped = html == "-"
        if piped and (as_json or compare or providers):
            raise QuestionError(
                "`--html -` and the answer would both be on stdout", hint="name a file: `--html FILE`"
            )
        progress = TerminalProgress(as_json=as_json)
        hide = app.redaction(Path(venv), (save, image, html, weights)) if redact else same
        with without(hide):
            verdict = app.validate(
                Path(venv),
                weights=weights,
                image=image,
                save=save,
                html=_page if piped else html,
                hide=hide,
                device=device,
                timeout=timeout,
                offline=offline,
                progress=progress,
            )
            asked = (compare or providers) and not verdict.failed
            found = (
                app.compare_options(
                    Path(venv), weights=weights, device=device, timeout=timeout, progress=progress
                )
                if asked
                else None
            )
        unwritten = [one for one in verdict.checks if one.ok is None and one.name in ("drawing", "report")]
        if as_json:
            measured = comparison_document(found) if found else {}
            document = {
                "schema": schema,
                "ok": not (unwritten or verdict.failed),
                **verdict_document(verdict),
                **measured,
            }
            output.document(redacted(document, hide))
        elif piped:
            for line in verdict_lines(verdict):
                output.note(hide(line))
        else:
            output.answer(map(hide, verdict_lines(verdict)))
            if found and compare:
                output.answer(map(hide, ["", *comparison_lines(found)]))
            if found and providers:
                output.answer(map(hide, ["", *provider_lines(found)]))
        for one in unwritten:
            output.failure(DiskError(hide(one.text)), schema, as_json=False)
        if unwritten and not verdict.failed:
            raise click.exceptions.Exit(DiskError.exit_code)
        end(yes=not verdict.failed)


def _page(text: str) -> None:
    """Write a report to stdout; a full disk behind it must not lose the verdict."""
    try:
        output.whole(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DiskError(f"{error.filename}: can't be written: {error.strerror}") from error


@click.command()
@click.option("--venv", required=True, metavar="DIR", help="The environment to put back.")
@json_flag
def undo(venv: str, *, as_json: bool) -> None:
    """Put back the environment that was there before the last install or fix; once more brings the change back."""
    schema = "stackfix.undo/1"
    with answered(schema, as_json=as_json):
        done = app.undo(Path(venv), TerminalProgress())
        if as_json:
            output.document({"schema": schema, "ok": True, "venv": venv, "did": done})
        else:
            output.answer([undone_line(venv, done)])


def undone_line(venv: str, done: str) -> str:
    """Return what an undo did, and what another one would do."""
    return {
        "taken back": f"took back the last change: `{venv}` is what it was before; once more brings the change back",
        "brought back": f"brought back the change that was taken back: `{venv}` has it again; once more takes it back",
        "restored": f"`{venv}` was gone; what was kept of it is there again",
    }[done]
