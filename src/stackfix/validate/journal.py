"""What the worker wrote: stages, checks and values, read as hostile text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackfix.model.verdict import Check

NOT_BEGUN = "start"
_LIMIT = 64_000_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """`stage` is the last thing that was begun; `ended` whether the worker came to its end."""

    stage: str
    checks: tuple[Check, ...]
    values: Mapping[str, Any]
    ended: bool


def read(text: str) -> Journal:
    """Return what a result file says; lines that are no JSON object, a torn last one say, are skipped."""
    stage = NOT_BEGUN
    checks: list[Check] = []
    values: dict[str, Any] = {}
    ended = False
    for line in text[:_LIMIT].splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(entry, dict):
            continue
        if isinstance(entry.get("stage"), str):
            stage = entry["stage"]
        elif isinstance(entry.get("check"), dict):
            checks.append(_check(entry["check"]))
        elif isinstance(entry.get("value"), str):
            values[entry["value"]] = entry.get("is")
        elif entry.get("end") is True:
            ended = True
    return Journal(stage=stage, checks=tuple(checks), values=values, ended=ended)


class Following:
    """The stage of a worker that is still writing; only what is new is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._torn = b""
        self._stage = "start its Python"

    def stage(self) -> str:
        """Return what the worker does now, in one line that any terminal may show."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._read)
                new = stream.read(_LIMIT)
        except OSError:
            new = b""
        self._read += len(new)
        *whole, self._torn = (self._torn + new).split(b"\n")
        said = read(b"\n".join(whole).decode("utf-8", "replace")).stage
        if said != NOT_BEGUN:
            self._stage = " ".join(plain(said).split())
        return self._stage


def plain(text: str) -> str:
    """Return text that any terminal may show: no colours, no control characters."""
    uncoloured = _COLOUR.sub("", text)
    shown = (
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in uncoloured
    )
    return "".join(shown).strip()


def _check(entry: Mapping[str, Any]) -> Check:
    ok = entry.get("ok")
    return Check(
        name=str(entry.get("name", "")),
        ok=ok if isinstance(ok, bool) else None,
        text=plain(str(entry.get("text", ""))),
    )
