"""What error texts mean: `data/causes/*.toml`, read when a text is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from stackfix.errors import DataError
from stackfix.facts.prepared import read_toml
from stackfix.model.cause import CauseWords, Clue, Knowledge, LibraryKind, OwnWords, Pattern, Triggers

FOLDER = "causes"
_COMMON = "common.toml"
_PLACE = re.compile(r"\{([a-z_]+)\}")

_Weight: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Alone: TypeAlias = Literal["missing", "mismatch"]


class _CauseRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    consequence: str
    fix: str
    after: tuple[str, ...] = ()


class _PatternRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    description: str
    words: tuple[str, ...]
    regex: str
    examples: tuple[str, ...]
    code: str = ""
    weight: _Weight = 0.9
    unless: str = ""
    library: bool = False
    counter_examples: tuple[str, ...] = ()
    gives: str = ""
    alone: _Alone | Literal[""] = ""
    needs: str = ""
    without: str = ""
    warns: bool = False
    consequence: str = ""
    fix: str = ""
    says: dict[str, OwnWords] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    summary: str
    cause: tuple[_CauseRow, ...] = ()
    pattern: tuple[_PatternRow, ...] = ()


class _ClueRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    says: str
    words: tuple[str, ...]
    regex: str
    examples: tuple[str, ...]
    value: str = ""


class _LibraryRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    regex: str
    code: str = ""
    cuda: dict[str, tuple[int, ...]] = {}
    alone: dict[str, _Alone] = {}
    wheel: str = ""


class _Common(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    summary: str
    telling: tuple[str, ...]
    triggers: tuple[str, ...]
    phrase: dict[str, tuple[str, ...]]
    library: tuple[_LibraryRow, ...]
    clue: tuple[_ClueRow, ...]
    newer_since: dict[str, dict[str, str]]
    source_line: dict[str, dict[str, tuple[str, ...]]]


def load_causes(root: Path) -> Knowledge:
    """Return all that is known of error texts; DataError with file and place for a broken file."""
    folder = root / FOLDER
    common = read_toml(folder / _COMMON, _Common)
    words: dict[str, CauseWords] = {}
    patterns: list[Pattern] = []
    for path in sorted(folder.glob("*.toml")):
        if path.name == _COMMON:
            continue
        rows = read_toml(path, _File)
        for each in rows.cause:
            if each.code in words:
                raise DataError(path.name, each.code, "another file has the words of this code too")
            words[each.code] = CauseWords(
                code=each.code, consequence=each.consequence, fix=each.fix, after=frozenset(each.after)
            )
        patterns.extend(_pattern(row, path, common.phrase) for row in rows.pattern)
    for pattern in patterns:
        if unknown := pattern.says.keys() - words.keys():
            raise DataError(pattern.name, "says", f"there is no cause `{min(unknown)}`")
    return Knowledge(
        words=words,
        patterns=tuple(patterns),
        clues=tuple(_clue(row, common.phrase) for row in common.clue),
        libraries=tuple(_library(row) for row in common.library),
        newer_since=common.newer_since,
        source_lines=common.source_line,
        triggers=Triggers(common.telling, common.triggers),
    )


def _pattern(row: _PatternRow, path: Path, phrases: Mapping[str, tuple[str, ...]]) -> Pattern:
    if bool(row.code) == row.library:
        raise DataError(path.name, row.name, "a pattern has either a code or `library = true`")
    if not row.words or not row.examples:
        raise DataError(path.name, row.name, "a pattern has words and examples")
    if bool(row.consequence) != bool(row.fix) or (row.library and row.fix):
        raise DataError(path.name, row.name, "a pattern with a code has a consequence and a fix, or neither")
    if row.says and not row.library:
        raise DataError(
            path.name, row.name, "only a pattern of libraries, which may mean several codes, `says` by code"
        )
    try:
        return Pattern(
            name=f"{path.stem}/{row.name}",
            code=row.code,
            weight=row.weight,
            words=tuple(_words(row.words, phrases)),
            regex=_expand(row.regex, phrases),
            unless=row.unless,
            library=row.library,
            description=row.description,
            examples=row.examples,
            counter_examples=row.counter_examples,
            gives=row.gives or row.code,
            alone=row.alone,
            needs=row.needs,
            without=row.without,
            warns=row.warns,
            says=row.says
            or ({row.code: OwnWords(consequence=row.consequence, fix=row.fix)} if row.fix else {}),
        )
    except KeyError as error:
        raise DataError(path.name, row.name, f"there is no phrase {error}") from error


def _library(row: _LibraryRow) -> LibraryKind:
    return LibraryKind(
        kind=row.kind, regex=row.regex, code=row.code, cuda=row.cuda, alone=row.alone, wheel=row.wheel
    )


def _clue(row: _ClueRow, phrases: Mapping[str, tuple[str, ...]]) -> Clue:
    return Clue(
        says=row.says,
        words=tuple(_words(row.words, phrases)),
        regex=_expand(row.regex, phrases),
        value=row.value,
        examples=row.examples,
    )


def _words(words: Iterable[str], phrases: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the words in lower case; `{name}` stands for all phrases of a name."""
    for word in words:
        place = _PLACE.fullmatch(word)
        yield from (each.lower() for each in (phrases[place[1]] if place else (word,)))


def _expand(regex: str, phrases: Mapping[str, tuple[str, ...]]) -> str:
    """Return a regular expression in which `{name}` stands for any of the phrases of a name."""
    return _PLACE.sub(lambda place: f"(?:{'|'.join(map(re.escape, phrases[place[1]]))})", regex)
