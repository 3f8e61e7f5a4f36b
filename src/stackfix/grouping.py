"""Which machine splits a group: each is left out in turn, and what the others then get is worked out."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from stackfix.asking import Question, machine_of
from stackfix.facts.database import Database
from stackfix.model.resolution import Explanation, Option, Resolution
from stackfix.solve.resolve import resolve
from stackfix.standing import requested


def with_splitters(found: Explanation, question: Question, facts: Database, folder: Path) -> Explanation:
    """Return why no set serves all machines, and before other ways out each machine without which there is one."""
    files = question.machine.machine_files
    ways: list[Option] = []
    for left_out in files:
        rest = replace(question.machine, machine=tuple(name for name in files if name != left_out))
        here = machine_of(rest, facts, folder)
        request = requested(question, here, facts)
        answer = resolve(here, facts, request, reasons="none")
        if isinstance(answer, Resolution):
            chosen = tuple(
                (name, answer.packages[name]) for name in request.newest if name in answer.packages
            )
            ways.append(
                Option(text=f"leave out {left_out}, which splits the group", packages=chosen, kind="machine")
            )
    return replace(found, options=(*ways, *found.options))
