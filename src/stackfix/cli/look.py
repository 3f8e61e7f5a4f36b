"""`machine` and `facts`: what is here, and what is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.cli import output
from stackfix.cli.ask import answered
from stackfix.cli.options import json_flag, machine_flags
from stackfix.model.growth import NotMeasured
from stackfix.model.request import MAIN
from stackfix.probe.document import to_document
from stackfix.render.facts_text import wrapped
from stackfix.render.growth_text import outcome_document, outcomes_lines, python_words
from stackfix.render.machine_text import machine_lines
from stackfix.render.units import counted
from stackfix.render.wheel_text import wheel_document, wheel_lines

if TYPE_CHECKING:
    from stackfix.indexes import SourceState


@click.command()
@machine_flags
@json_flag
def machine(flags: MachineQuestion, *, as_json: bool) -> None:
    """Say what this machine is: driver, CUDA, GPUs, Pythons; how each was found, or what was tried."""
    schema = "stackfix.machine/1"
    with answered(schema, as_json=as_json):
        found = app.machine(flags, Path.cwd())
        if as_json:
            output.document(to_document(found))
        else:
            output.answer(machine_lines(found))


def source_lines(state: SourceState) -> Iterator[str]:
    """Yield what is known of one index."""
    yield f"{state.name}  CUDA {state.cuda}, {', '.join(state.packages)}: {state.state}"
    if state.address:
        yield f"  {state.address}"
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for said in state.statements:
        key = (said.method, said.package, ", ".join(said.platforms), python_words(said.pythons or ""))
        alike.setdefault(key, []).extend(said.minors)
    for (method, package, platforms, pythons), minors in alike.items():
        what = f"{package} {', '.join(minors)} for {platforms}; {pythons}"
        yield from wrapped(f"{method}, not measured: {what}", indent=2, hang=2)


def _span(oldest: str, newest: str) -> str:
    """Return the first and the last of something in order, once where they are one."""
    return oldest if oldest == newest else f"{oldest} to {newest}"


@click.group(invoke_without_command=True)
@json_flag
@click.pass_context
def facts(context: click.Context, *, as_json: bool) -> None:
    """Say how old the facts are and what they cover; show, measure or check them."""
    if context.invoked_subcommand is not None:
        return
    schema = "stackfix.facts/1"
    with answered(schema, as_json=as_json):
        found = app.coverage()
        if as_json:
            packages = {one.name: dataclasses.asdict(one) for one in found.packages}
            sources = sorted({source for one in found.packages for source in one.sources})
            output.document(
                {
                    "schema": schema,
                    "ok": True,
                    "date": found.date,
                    "rows": found.rows,
                    "coverage": packages,
                    "sources": sources,
                }
            )
            return
        output.answer([f"facts of {found.date}: {found.rows} rows of {len(found.packages)} packages", ""])
        width = max(len(one.name) for one in found.packages)
        output.answer(
            f"  {one.name:<{width}}  {counted(one.releases, 'release'):>12}, {_span(one.oldest, one.newest)}"
            for one in found.packages
        )


@facts.command()
@click.argument("release", metavar="PACKAGE==VERSION")
@click.option("--platform", default="", metavar="TAG", help="Only this platform, e.g. linux_x86_64.")
@json_flag
def show(release: str, platform: str, *, as_json: bool) -> None:
    """Print all that is known of one release: needs, opens, provides, device code, tags, requirements."""
    schema = "stackfix.facts.show/1"
    with answered(schema, as_json=as_json) as end:
        rows = app.show(release, platform)
        if as_json:
            output.document(
                {"schema": schema, "ok": bool(rows), "rows": [wheel_document(row) for row in rows]}
            )
        elif rows:
            for row in rows:
                output.answer(wheel_lines(row))
        else:
            output.answer([f"no row for {release}" + (f" on {platform}" if platform else "")])
        end(yes=bool(rows))


@facts.command()
@click.argument("requirements", nargs=-1, required=True, metavar="REQUIREMENT...")
@click.option("--platform", default="", metavar="TAG", help="For this platform (default: this machine's).")
@click.option("--source", default=MAIN, metavar="NAME", help="On this index (`stackfix facts sources`).")
@json_flag
def measure(requirements: tuple[str, ...], platform: str, source: str, *, as_json: bool) -> None:
    """Measure releases on the index, read in parts, and keep their rows: `facts measure torch==2.15.0`.

    Of each REQUIREMENT the newest release that it admits is measured, then what it requires and the facts lack.
    """
    schema = "stackfix.facts.measure/1"
    with answered(schema, as_json=as_json) as end:
        outcomes = app.measure(requirements, platform, source, say=output.note)
        complete = not any(isinstance(each, NotMeasured) for each in outcomes)
        if as_json:
            measured = [outcome_document(each) for each in outcomes]
            output.document({"schema": schema, "ok": complete, "measured": measured})
        else:
            output.answer(outcomes_lines(outcomes))
        end(yes=complete)


@facts.command()
@click.option("--offline", is_flag=True, help="Do not use the network.")
@json_flag
def sources(*, offline: bool, as_json: bool) -> None:
    """List the indexes beside the main one: what documents say they hold, and whether they answer here."""
    schema = "stackfix.facts.sources/1"
    with answered(schema, as_json=as_json):
        found = app.sources(offline=offline)
        if as_json:
            listed = [dataclasses.asdict(each) for each in found]
            output.document({"schema": schema, "ok": True, "sources": listed})
        else:
            output.answer(line for each in found for line in source_lines(each))


@facts.command()
@json_flag
def check(*, as_json: bool) -> None:
    """Check that every row is sound: sources, digests, providers of what is needed, prepared files."""
    schema = "stackfix.facts.check/1"
    with answered(schema, as_json=as_json) as end:
        problems = app.check_facts()
        if as_json:
            output.document({"schema": schema, "ok": not problems, "problems": problems})
        else:
            output.answer(problems or ["every fact is sound"])
        end(yes=not problems)
