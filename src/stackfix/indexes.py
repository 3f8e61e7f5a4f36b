"""The indexes beside the main one: which are configured here, whether they answer, what they are said to hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stackfix.errors import NetworkError, QuestionError
from stackfix.facts.root import data_root
from stackfix.facts.sources import read_sources, source_names, source_of
from stackfix.index.config import extra_indexes
from stackfix.index.network import open_transport
from stackfix.index.simple import project
from stackfix.model.request import Request
from stackfix.web import public


def held(source: str, request: Request) -> list[str]:
    """Return the packages of a request that an index beside the main one is said to hold."""
    names = {name for row in read_sources(data_root()).source if row.name == source for name in row.packages}
    return [name for name in request.newest if name in names]


def configured() -> dict[str, str]:
    """Return source -> address of the further indexes that the user's configuration names."""
    found: dict[str, str] = {}
    for each in extra_indexes():
        name = source_of(each.name, each.address, data_root())
        if name:
            found.setdefault(name, each.address)
    return found


def address_of(source: str) -> str:
    """Return the address that is configured for a source; QuestionError where it is unknown or none is configured."""
    if source not in source_names(data_root()):
        raise QuestionError(
            f"there is no source `{source}`", hint=f"sources: {', '.join(sorted(source_names(data_root())))}"
        )
    address = configured().get(source, "")
    if not address:
        variable = f"STACKFIX_SOURCE_{source.upper().replace('-', '_')}"
        raise QuestionError(
            f"no index is configured for the source `{source}`",
            hint=f"name its address in {variable}, or as an extra index of pip or uv",
        )
    return address


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one document says that an index holds; `pythons` is null where it does not say for which."""

    package: str
    minors: tuple[str, ...]
    platforms: tuple[str, ...]
    pythons: str | None
    method: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """An index beside the main one: what it is said to hold, where it is, and whether it answers.

    `state` is "answers", "not configured", "not asked", or why it does not answer. `documented` names what the
    statements are of.
    """

    name: str
    packages: tuple[str, ...]
    cuda: str
    address: str
    state: str
    documented: tuple[str, ...]
    statements: tuple[Statement, ...]


def states(*, offline: bool = False) -> list[SourceState]:
    """Return every further index that the facts know of; those that are configured are asked whether they answer."""
    rows = read_sources(data_root())
    here = configured()
    found: list[SourceState] = []
    for each in rows.source:
        address = here.get(each.name, "")
        state = (
            "not configured" if not address else "not asked" if offline else _answers(address, each.packages)
        )
        said = [row for row in rows.documented if each.name in row.sources]
        found.append(
            SourceState(
                name=each.name,
                packages=each.packages,
                cuda=each.cuda,
                address=public(address) if address else "",
                state=state,
                documented=tuple(
                    dict.fromkeys(f"{row.package} {minor}" for row in said for minor in row.minors)
                ),
                statements=tuple(
                    Statement(
                        package=row.package,
                        minors=row.minors,
                        platforms=row.platforms,
                        pythons=row.pythons or None,
                        method=row.method,
                        source=row.source,
                    )
                    for row in said
                ),
            )
        )
    return found


def _answers(address: str, packages: Sequence[str]) -> str:
    transport = open_transport(tries=1)
    try:
        files = project(transport, address, packages[0])
    except NetworkError as error:
        return f"does not answer: {error.message}"
    return "answers" if files else f"answers, and does not know {packages[0]}"
