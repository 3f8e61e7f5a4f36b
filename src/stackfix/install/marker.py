"""`stackfix.json` inside an environment: that stackfix made it, which build it is, and from which lock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from stackfix.install.record import replace_bytes

NAME = "stackfix.json"
SCHEMA = "stackfix.environment/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """`build` is unique to one install, `lock` the text of its pylock.toml, `added` our own files in it."""

    build: str
    installer: str
    lock: str
    added: tuple[str, ...] = ()


def write_marker(environment: Path, marker: Marker) -> None:
    """Write the marker into an environment."""
    document = {
        "schema": SCHEMA,
        "build": marker.build,
        "installer": marker.installer,
        "added": list(marker.added),
        "lock": marker.lock,
    }
    replace_bytes(environment / NAME, (json.dumps(document, indent=2) + "\n").encode())


def read_marker(environment: Path) -> Marker | None:
    """Return the marker of an environment; None where there is none, or none that can be read."""
    try:
        document = json.loads((environment / NAME).read_text(encoding="utf-8"))
        if document["schema"].partition("/")[0] != SCHEMA.partition("/")[0]:
            return None
        return Marker(
            build=str(document["build"]),
            installer=str(document["installer"]),
            lock=str(document["lock"]),
            added=tuple(str(path) for path in document["added"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
