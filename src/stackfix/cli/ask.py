"""From flags to a question, and from an error to its exit code: what every verb does first and last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from stackfix.answering import left_out
from stackfix.asking import MachineQuestion, Question
from stackfix.cli import output
from stackfix.cli.options import SourceFlags
from stackfix.errors import StackfixError


def question(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    flags: MachineQuestion,
    sources: SourceFlags,
    builds: tuple[str, ...] = (),
) -> Question:
    """Return targets and flags as a question."""
    return Question(
        targets=targets,
        requirement_files=files,
        constraint_files=sources.constraints,
        machine=flags,
        sources=sources.source,
        newest_before=sources.newest_before,
        offline=sources.offline,
        builds=builds,
        stand_ins=sources.stand_ins,
    )


class End(Protocol):
    """Ends a command with its exit code."""

    def __call__(self, *, yes: bool) -> None:
        """Exit 0 for yes, 1 for no."""


@contextmanager
def answered(schema: str, *, as_json: bool) -> Iterator[End]:
    """Run a verb; a StackfixError becomes its message and exit code. What facts are left out is said first, once.

    Yields a function that ends the command: exit 0 for true, 1 for false.
    """

    def end(*, yes: bool) -> None:
        raise click.exceptions.Exit(0 if yes else 1)

    if note := left_out():
        output.note(note)
    try:
        yield end
    except StackfixError as error:
        output.failure(error, schema, as_json=as_json)
        raise click.exceptions.Exit(error.exit_code) from error


@contextmanager
def without(hide: Callable[[str], str]) -> Iterator[None]:
    """Let what goes wrong be said as `hide` leaves it, with its hint."""
    try:
        yield
    except StackfixError as error:
        error.message, error.hint = hide(error.message), hide(error.hint)
        raise
