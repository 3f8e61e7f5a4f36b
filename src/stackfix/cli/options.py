"""Flags that several verbs share: the machine, the sources, JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click
from msgspec import Struct

from stackfix.asking import MachineQuestion

F = TypeVar("F", bound=Callable[..., Any])


class SourceFlags(Struct, frozen=True, kw_only=True):
    """Which indexes may be used, whether the network may, and how new releases may be."""

    source: tuple[str, ...] = ()
    offline: bool = False
    newest_before: str = ""
    constraints: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


_MACHINE = (
    click.option("--driver", default="", metavar="RELEASE", help="NVIDIA driver, e.g. 535.104.05."),
    click.option(
        "--gpu", "gpus", multiple=True, metavar="GPU", help='GPU: "RTX 4090", sm_89 or none; repeatable.'
    ),
    click.option("--gpu-index", type=click.IntRange(0), default=None, help="Serve only this GPU of several."),
    click.option("--python", default="", metavar="VERSION", help="Python version, or a path to one."),
    click.option("--platform", default="", metavar="TAG", help="linux_x86_64, linux_aarch64 or win_amd64."),
    click.option("--glibc", default="", metavar="VERSION", help="glibc, e.g. 2.35."),
    click.option(
        "--machine",
        multiple=True,
        metavar="FILE",
        help="What `stackfix machine --json` printed; - is stdin. Several: what serves all of them.",
    ),
)

_SOURCE = (
    click.option(
        "--source",
        multiple=True,
        metavar="NAME",
        help="Use only this index (pypi, or one of `facts sources`); repeatable.",
    ),
    click.option("--offline", is_flag=True, help="Do not use the network."),
    click.option(
        "--newest-before",
        default="",
        metavar="DATE",
        help="Only files uploaded before this date; helper packages such as pip and filelock may be newer.",
    ),
    click.option(
        "-c",
        "constraints",
        multiple=True,
        metavar="FILE",
        help="Constraints: they hold for what is in the set, and bring nothing into it.",
    ),
    click.option(
        "--stand-in",
        "stand_ins",
        multiple=True,
        metavar="NAME",
        help="Let this package stand in for others of whose folder it has everything, such as "
        "opencv-contrib-python for opencv-python; those are then left out.",
    ),
)


def _gather(options: tuple[Callable[[F], F], ...], kind: type[Struct], into: str) -> Callable[[F], F]:
    """Return a decorator that adds options and passes them to the command as one value."""

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def gathered(**values: Any) -> Any:
            named = {name: values.pop(name) for name in kind.__struct_fields__}
            return command(**values, **{into: kind(**named)})

        wrapped: Any = gathered
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[no-any-return] # the same callable with click's parameters attached

    return decorate


machine_flags = _gather(_MACHINE, MachineQuestion, "flags")
source_flags = _gather(_SOURCE, SourceFlags, "sources")
requirement_files = click.option(
    "-r",
    "files",
    multiple=True,
    metavar="FILE",
    help="A requirements.txt, or a pyproject.toml's dependencies.",
)
builds = click.option(
    "--build-from-source",
    "builds",
    multiple=True,
    metavar="NAME",
    help="Let this package be built from source, which runs its own code; all others come as wheels.",
)
json_flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
measure_flag = click.option(
    "--measure",
    "measure_new",
    is_flag=True,
    help="Measure what is new on the index first, and what is asked for and has no facts.",
)
check_flag = click.option(
    "--check-index", is_flag=True, help="Name newer releases that the facts lack (on a terminal, always)."
)
redact_flag = click.option(
    "--redact", is_flag=True, help="Leave out user, host, folders and GPU UUIDs, for a text to be pasted."
)
