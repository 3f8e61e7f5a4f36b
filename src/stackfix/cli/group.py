"""Verbs as click knows them: each verb's module is imported when the verb is run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from stackfix.cli import output
from stackfix.cli.verbs import VERBS
from stackfix.errors import QuestionError, StackfixError
from stackfix.install.interruption import no_more_interruptions, termination_is_an_exit

SCHEMA = "stackfix.error/1"

GONE = 141  # 128 + SIGPIPE: what a shell says of a program whose reader has gone


@contextmanager
def _told_while_read() -> Iterator[None]:
    """Let a reader that has gone end the command by a code of its own: click would exit 1, which is a verdict here."""
    try:
        yield
    except BrokenPipeError as error:
        raise click.exceptions.Exit(GONE) from error


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run, and listed without being imported."""

    def make_context(self, *words: Any, **settings: Any) -> click.Context:
        """Read the words, as click does; a flag such as `--version` is answered here."""
        with _told_while_read():
            return super().make_context(*words, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb, as click does."""
        with _told_while_read():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which people meet them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a verb and return its command; an unknown verb is answered with near ones."""
        if cmd_name not in VERBS:
            import difflib  # noqa: PLC0415 - 5 ms that an answer does not need

            near = difflib.get_close_matches(cmd_name, VERBS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"verbs: {', '.join(VERBS)}"
            ctx.fail(f"there is no verb `{cmd_name}`; {hint}")
        module = importlib.import_module(f"stackfix.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="stackfix-cuda", prog_name="stackfix")
def stackfix() -> None:
    """Find, install and prove the newest CUDA stack that really works on this machine."""


def _empty(words: list[str]) -> str:
    """Return the flag (or the word) with nothing in it, as a script with an unset variable writes it; "" for none."""
    for place, word in enumerate(words):
        if word.startswith("--") and word.endswith("="):
            return word.removesuffix("=")
        if not word.strip():
            before = words[place - 1] if place else ""
            return before if before.startswith("-") and "=" not in before else "TARGET"
    return ""


def run(words: list[str]) -> int:
    """Run a verb and return the exit code; a usage error is JSON too where JSON was asked for."""
    as_json = "--json" in words
    if empty := _empty(words):
        output.failure(
            QuestionError(f"`{empty}` is given an empty value", hint="leave it out, or name one"),
            SCHEMA,
            as_json=as_json,
        )
        return 2
    try:
        with termination_is_an_exit():
            code: Any = stackfix.main(args=words, prog_name="stackfix", standalone_mode=False)
    except click.ClickException as error:
        if as_json:
            output.failure(QuestionError(error.format_message()), SCHEMA, as_json=True)
        else:
            error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        no_more_interruptions()
        message = "interrupted; nothing is left half done"
        output.failure(StackfixError(message), SCHEMA, as_json=as_json)
        return 130
    except BrokenPipeError:
        return GONE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        message = f"{where}{error.strerror or error}"
        # where stdout itself is what fails, no object can be printed on it
        output.failure(StackfixError(message), SCHEMA, as_json=as_json and error.filename != "stdout")
        return 3
    return code if isinstance(code, int) else 0
