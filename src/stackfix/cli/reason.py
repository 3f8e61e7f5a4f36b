"""`resolve` and `explain`: the newest set, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from stackfix import app
from stackfix.asking import MachineQuestion, Question, with_recipe
from stackfix.cli import output
from stackfix.cli.ask import End, answered, question
from stackfix.cli.newer import (
    documented_fields,
    newer_fields,
    say_documented,
    say_measured,
    say_newer,
)
from stackfix.cli.options import (
    SourceFlags,
    check_flag,
    json_flag,
    machine_flags,
    measure_flag,
    requirement_files,
    source_flags,
)
from stackfix.cli.refusal import say_no
from stackfix.facts.recipes import recipe_names
from stackfix.facts.root import data_root
from stackfix.model.resolution import Explanation, Resolution
from stackfix.render.documents import resolution_document
from stackfix.render.resolution_text import head_lines, note_lines, resolution_lines, why_lines

targets = click.argument("targets", nargs=-1, metavar="TARGET...")


def _roots(answer: app.Answer) -> list[str]:
    return [name for name in answer.request.newest if name != "python"]


def _explained(found: Resolution, answer: app.Answer) -> Iterator[str]:
    yield from head_lines(found, answer.facts_date)
    yield from why_lines(found, _roots(answer))
    yield from note_lines(found)


def _with_recipe(asked: Question) -> Question:
    """Return the question, of which a CUDA alone is answered for the recipe, which is said."""
    whole = with_recipe(asked, data_root())
    if whole is not asked:
        wishes = " ".join(f"`{target}`" for target in asked.targets)
        output.note(f"{wishes} alone names no package; this answers for `{' '.join(whole.targets)}`")
    return whole


def _answer(
    answer: app.Answer,
    schema: str,
    sources: SourceFlags,
    end: End,
    lines: Callable[[Resolution], Iterable[str]],
    *,
    check_index: bool,
    as_json: bool,
) -> None:
    """Print an answer; for people, what is new on the index comes after it, so that nothing waits for the index."""
    result = answer.result
    more = newer_fields(answer, sources, check_index=check_index) if as_json else {}
    more |= documented_fields(answer) if as_json else {}
    if isinstance(result, Explanation):
        say_no(
            result,
            schema,
            answer.facts_date,
            as_json=as_json,
            more=more,
        )
    elif as_json:
        document = resolution_document(result, answer.facts_date)
        output.document({"schema": schema, "conflict": [], "options": [], **document, **more})
    else:
        output.answer(lines(result))
    if not as_json:
        say_documented(answer)
        say_newer(answer, sources, check_index=check_index)
    if isinstance(result, Explanation):
        end(yes=False)


@click.command()
@targets
@requirement_files
@machine_flags
@source_flags
@measure_flag
@check_flag
@json_flag
def resolve(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    measure_new: bool,
    check_index: bool,
    as_json: bool,
) -> None:
    """Print the newest set that works: TARGET is a recipe (dwpose) or a requirement ("torch>=2.4")."""
    schema = "stackfix.resolve/1"
    with answered(schema, as_json=as_json) as end:
        asked = _with_recipe(question(targets, files, flags, sources))
        answer = app.resolve(
            asked,
            folder=Path.cwd(),
            reasons="all" if as_json else "marks",
            measure_new=measure_new,
            say=output.note,
        )
        say_measured(answer, failures_only=as_json)
        _answer(
            answer,
            schema,
            sources,
            end,
            lambda found: resolution_lines(found, _roots(answer), answer.facts_date),
            check_index=check_index,
            as_json=as_json,
        )


@click.command()
@targets
@requirement_files
@machine_flags
@source_flags
@measure_flag
@check_flag
@click.option(
    "--why-not",
    default="",
    metavar="RELEASE",
    help="Why torch==2.15.0 (cuda==13, python==3.14) is not chosen.",
)
@click.option(
    "--error", "error_file", default="", metavar="FILE", help="Say what an error text means; - is stdin."
)
@click.option("--venv", default="", metavar="DIR", help="With --error: the environment that printed it.")
@json_flag
def explain(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    flags: MachineQuestion,
    sources: SourceFlags,
    *,
    measure_new: bool,
    check_index: bool,
    why_not: str,
    error_file: str,
    venv: str,
    as_json: bool,
) -> None:
    """Say why each pin and why not newer, each with its fact; or why there is no set; or what an error text means."""
    from stackfix.cli.doubt import doubted  # noqa: PLC0415 - 3 ms that a resolve does not need
    from stackfix.cli.error import explain_error, refuse_venv_alone  # noqa: PLC0415 - likewise

    schema = "stackfix.explain/1"
    with answered(schema, as_json=as_json) as end:
        refuse_venv_alone(venv, error_file)
        if error_file:
            explain_error(error_file, venv, schema, end, as_json=as_json)
        if why_not and not (targets or files):
            targets = (recipe_names(data_root())[0],)
            output.note(f"no set is named; this answers for `{targets[0]}`")
        asked = _with_recipe(question(targets, files, flags, sources))
        answer = app.resolve(
            asked,
            folder=Path.cwd(),
            reasons="all" if as_json or not why_not else "none",
            measure_new=measure_new,
            say=output.note,
        )
        say_measured(answer, failures_only=as_json)
        if why_not:
            doubted(answer, asked, why_not, schema, end, as_json=as_json)
        _answer(
            answer,
            schema,
            sources,
            end,
            lambda found: _explained(found, answer),
            check_index=check_index,
            as_json=as_json,
        )
