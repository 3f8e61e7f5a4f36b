"""stdout and stderr: the only place that touches either.

stdout is the answer and can be piped; stderr is everything else. Colour only on a terminal, and never the only
sign of anything.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click
import msgspec

from stackfix.errors import StackfixError


def answer(lines: Iterable[str]) -> None:
    """Write the answer for people to stdout."""
    for line in lines:
        _answer(line)


def whole(text: str) -> None:
    """Write a file that was asked for on stdout, which holds its last line break."""
    _answer(text, nl=False)


def document(data: Mapping[str, Any]) -> None:
    """Write the answer as one JSON object to stdout."""
    try:
        text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    except UnicodeEncodeError:
        import json  # noqa: PLC0415 - 5 ms, and few answers name a file that is no UTF-8

        text = json.dumps(data, indent=2, ensure_ascii=False)
    # a file name that is no UTF-8 holds lone surrogates; their replacement is what JSON itself writes for them
    _answer(text.encode("utf-8", "backslashreplace").decode())


def _answer(text: str, *, nl: bool = True) -> None:
    """Write to stdout; what the system says against it names the place."""
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "stdout") from error


def note(text: str) -> None:
    """Write one line to stderr."""
    _told(text)


def failure(error: StackfixError, schema: str, *, as_json: bool) -> None:
    """Write what went wrong and what to do: to stderr, and to stdout as well when JSON is asked for."""
    if as_json:
        body = {"message": error.message, "hint": error.hint}
        document({"schema": schema, "ok": False, "error": body})
    _told(click.style("error: ", fg="red", bold=True) + error.message)
    if error.hint:
        _told(click.style("hint: ", fg="cyan", bold=True) + error.hint)


def _told(text: str) -> None:
    """Write one line to stderr; one that is full or gone is no reason to lose an answer, or to end an install."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def for_a_person() -> bool:
    """Whether stdout is a terminal: then somebody reads the answer."""
    return sys.stdout.isatty()


def is_terminal() -> bool:
    """Whether stderr is a terminal: then progress may be drawn."""
    return sys.stderr.isatty()
