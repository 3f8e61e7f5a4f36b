"""The scripts of an environment: whose Python they start. Those of a copied or moved one start another's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_HEAD = 512
_MOST = 400
# `#!/path/python`, or sh's way round spaces and long paths: `'''exec' '/path/python' "$0" "$@"`
_STARTS = re.compile(rb"\A#!(?:/bin/sh\n'''exec' )?[\"']?(/[^\n\"']*?/python[0-9.]*)[\"']?(?:[ \n]|\Z)")


def strange_scripts(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the scripts in a venv's `bin` that start the Python of another folder, each with that folder."""
    own = os.path.realpath(folder / "bin")
    found: list[tuple[str, str]] = []
    for name, interpreter in _interpreters(folder / "bin"):
        beside, parent = os.path.split(interpreter)[0], os.path.dirname(os.path.dirname(interpreter))  # noqa: PTH120 - text
        if os.path.basename(beside) != "bin" or os.path.realpath(beside) == own:  # noqa: PTH119 - text
            continue
        gone, venv = not os.path.exists(parent), os.path.isfile(os.path.join(parent, "pyvenv.cfg"))  # noqa: PTH110, PTH113, PTH118 - no error where nothing may be read
        if gone or venv:  # a script for the system's Python is where it belongs
            found.append((name, parent))
    return tuple(found)


def _interpreters(scripts: Path) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(scripts))[:_MOST]  # noqa: PTH208 - no error where nothing may be read
    except OSError:
        return
    for name in names:
        path = scripts / name
        if path.is_symlink() or name.startswith(("python", "activate", "Activate")):
            continue
        try:
            with path.open("rb") as stream:
                head = stream.read(_HEAD)
        except OSError:
            continue
        said = _STARTS.match(head)
        if said:
            yield name, os.fsdecode(said[1])
