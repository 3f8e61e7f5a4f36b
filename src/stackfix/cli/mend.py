"""`fix` and `undo`: mend an environment, and take it back."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Literal

import click

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import End, answered
from stackfix.cli.build import undone_line, weights
from stackfix.cli.judge import environment_meant
from stackfix.cli.options import json_flag, machine_flags
from stackfix.cli.progress import TerminalProgress
from stackfix.cli.refusal import refuse
from stackfix.errors import QuestionError
from stackfix.model.resolution import Explanation
from stackfix.render.repair_text import repair_document, repair_lines
from stackfix.render.report_text import report_document, report_lines
from stackfix.render.verdict_document import verdict_document
from stackfix.render.verdict_text import verdict_lines
from stackfix.repairing import Fixed, FixWish
from stackfix.versions import canonical_name

SCHEMA = "stackfix.fix/1"


@click.command()
@click.option("--venv", default="", metavar="DIR", help="The environment to mend.")
@click.option("--keep", multiple=True, metavar="NAME", help="A package that must stay as it is; repeatable.")
@click.option(
    "--device", type=click.Choice(["auto", "gpu", "cpu"]), default="auto", help="What it must serve."
)
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--undo", "take_back", is_flag=True, help="Put back what was there before the last fix.")
@click.option(
    "--constraints", default="", metavar="FILE", help="Also write the constraints that keep it; - is stdout."
)
@click.option(
    "--protect", is_flag=True, help="Let this environment's own pip obey the constraints from now on."
)
@click.option("--installer", type=click.Choice(["auto", "uv", "pip"]), default="auto", help="What installs.")
@weights
@click.option("--no-validate", is_flag=True, help="Run no model; the rules are checked all the same.")
@click.option("--offline", is_flag=True, help="Do not use the network.")
@machine_flags
@json_flag
def fix(
    venv: str,
    keep: tuple[str, ...],
    device: Literal["auto", "gpu", "cpu"],
    constraints: str,
    installer: Literal["auto", "uv", "pip"],
    weights: str,
    flags: MachineQuestion,
    *,
    dry_run: bool,
    take_back: bool,
    protect: bool,
    no_validate: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Mend an environment by the smallest change after which every rule holds, and prove it.

    Without `--venv` (or `--python EXE`) it is the active one, or the one in this folder, as `doctor` takes it.

    The change is made in a copy that takes the environment's place only when it is proved; `--undo` puts the old one
    back.
    """
    with answered(SCHEMA, as_json=as_json) as end:
        folder = environment_meant(venv, flags.python)
        if take_back:
            _put_back(folder, as_json=as_json)
            return
        wish = FixWish(
            keep=keep,
            device=device,
            machine=flags,
            dry_run=dry_run,
            protect=protect,
            validate=not no_validate,
            offline=offline,
            installer=installer,
            weights=weights,
        )
        fixed = app.fix(folder, wish, TerminalProgress(as_json=as_json))
        if isinstance(fixed, Explanation):
            refuse(fixed, SCHEMA, app.database().date, end, as_json=as_json)
            return
        _write_constraints(fixed, constraints)
        _say(fixed, end, keep, dry_run=dry_run, as_json=as_json)


def _put_back(folder: Path, *, as_json: bool) -> None:
    done = app.undo(folder, TerminalProgress())
    if as_json:
        document = {
            "schema": SCHEMA,
            "ok": True,
            "venv": str(folder),
            "plan": [],
            "undone": True,
            "did": done,
        }
        output.document(document)
    else:
        output.answer([undone_line(str(folder), done)])


def _write_constraints(fixed: Fixed, path: str) -> None:
    if path == "-":
        sys.stdout.write(fixed.constraints)
    elif path:
        try:
            Path(path).write_text(fixed.constraints, encoding="utf-8")
        except OSError as error:
            raise QuestionError(f"{path}: cannot be written: {error.strerror or error}") from error


def _say(fixed: Fixed, end: End, keep: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    nothing = not fixed.repair.changes
    verdict = fixed.verdict
    right = fixed.applied or (fixed.before.ok if nothing else dry_run)
    if as_json:
        report = fixed.after or fixed.before
        output.document(
            {
                "schema": SCHEMA,
                "ok": right,
                "venv": fixed.before.path,
                "applied": fixed.applied,
                **repair_document(fixed.repair),
                "verdict": verdict_document(verdict)["verdict"] if verdict is not None else "",
                "proof": verdict_document(verdict) if verdict is not None else {},
                "findings": report_document(report)["findings"],
                "constraints": fixed.constraints,
                "commands": list(fixed.commands),
            }
        )
        end(yes=right)
        return
    if not fixed.applied and not (nothing and not fixed.before.ok):
        output.answer(repair_lines(fixed.repair))
    if fixed.commands and not nothing:
        output.answer(
            [
                "by hand, one after the other, with what runs in it closed:",
                *(f"  {one}" for one in fixed.commands),
            ]
        )
    if verdict is not None:
        output.answer(verdict_lines(verdict))
    if fixed.applied:
        output.answer(
            [
                f"mended   {fixed.before.path}; `stackfix fix --undo --venv {shlex.quote(fixed.before.path)}` takes it back",
                *(
                    f"left     {one.text}: {one.fix}"
                    for one in (fixed.after.findings if fixed.after is not None else ())
                    if one.severity == "error"
                ),
            ]
        )
    elif fixed.after is not None:
        anew = f"stackfix install dwpose --venv {shlex.quote(f'{fixed.before.path}-new')}"
        output.answer(
            [
                "the mended copy did not pass, so nothing was changed:",
                *report_lines(fixed.after),
                f"what is left is one made anew beside it (`-r FILE` adds what else you need): {anew}",
            ]
        )
    elif nothing and not fixed.before.ok:
        wrong = {name for one in fixed.before.findings if one.severity == "error" for name in one.about}
        kept = [name for name in keep if canonical_name(name) in wrong]
        them = "it" if len(kept) == 1 else "them"
        said = (
            f"{' and '.join(kept)} would have to change, and you ask to keep {them}"
            if kept
            else "nothing is changed: the facts know nothing of what is wrong, and the command beside it mends it"
            if any(one.severity == "error" and one.rule == "metadata" for one in fixed.before.findings)
            else "nothing is changed: no change of its packages mends this"
        )
        output.answer([f"{said}:", *report_lines(fixed.before)])
    end(yes=right)
