"""The entry point: verbs that load only what they use, and errors with their exit codes.

`stackfix --help` loads click and nothing else: each verb's module is imported when the verb is run.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

VERBS = {
    "install": ("build", "Make a fresh environment with the newest set that works, and prove it."),
    "resolve": ("reason", "The newest set that works on this machine, or why there is none."),
    "explain": ("reason", "Why this set, why not newer; or why there is none."),
    "lock": ("build", "Write the set to pylock.toml, every file by address and sha256."),
    "validate": ("build", "Run DWPose in an environment and say where it ran."),
    "doctor": ("judge", "Judge an installed environment without importing it."),
    "machine": ("look", "What this machine is, and how each reading was found."),
    "facts": ("look", "The database: date, coverage, one release, soundness."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run, and listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which people meet them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a verb and return its command; near names are told for an unknown one."""
        if cmd_name not in VERBS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"stackfix.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with their sentences, without importing them."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in VERBS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit: 0 yes, 1 no, 2 the question could not be read, 3 it could not be answered.",
)
@click.version_option(package_name="stackfix-cuda", prog_name="stackfix")
def stackfix() -> None:
    """Find, install and prove the newest CUDA stack that really works on this machine."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 yes, 1 no, 2 unreadable question, 3 no answer, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code: Any = stackfix.main(args=words, prog_name="stackfix", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing was changed that is not said above", err=True)
        code = 130
    except BrokenPipeError:
        code = 141
    sys.exit(code if isinstance(code, int) else 0)
