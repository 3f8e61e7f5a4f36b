"""The entry point: verbs that load only what they use, and errors with their exit codes.

`stackfix --help` loads click and nothing else: each verb's module is imported when the verb is run.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

from stackfix.cli.verbs import VERBS

HELP = """\
Usage: stackfix VERB [OPTIONS] [TARGET...]

  Find, install and prove the newest CUDA stack that really works on this machine.

Verbs:
{verbs}

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit; `stackfix VERB --help` shows a verb's.

Exit: 0 yes, 1 no, 2 the question could not be read, 3 it could not be answered."""


def help_text() -> str:
    """Return what `stackfix --help` prints: 15 ms without click, 60 ms with it."""
    width = max(len(verb) for verb in VERBS)
    return HELP.format(verbs="\n".join(f"  {verb:<{width}}  {says}" for verb, (_, says) in VERBS.items()))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 yes, 1 no, 2 unreadable question, 3 no answer, 130 interrupted."""
    try:
        from stackfix.cli import streams  # noqa: PLC0415 - here, where an interruption while it loads is said

        if not streams.open_all():
            streams.say(f"error: {streams.CLOSED}\nhint: send it to a file, or to /dev/null")
            sys.exit(streams.settled(3))
        sys.exit(streams.settled(_run(sys.argv[1:] if arguments is None else arguments)))
    except (
        KeyboardInterrupt
    ):  # before a verb runs, while its modules are imported; from then on `run` says it
        with suppress(OSError, AttributeError):  # stderr is full, or closed
            sys.stderr.write("error: interrupted; nothing was begun\n")
        sys.exit(130)


def _run(words: list[str]) -> int:
    gc.disable()  # importing and solving make no cycles worth looking for: a tenth of a resolve's time
    if words in ([], ["--help"], ["-h"]):
        from stackfix.cli import streams  # noqa: PLC0415 - loaded by then

        return streams.answer(f"{help_text()}\n")
    from stackfix.cli.group import run  # noqa: PLC0415 - click costs 45 ms, which help does not need

    return run(words)
