"""A project's own requirements, read from its files: requirements.txt, constraints.txt, pyproject.toml.

What an installer would do differently from line to line (another index, a local file, an editable install) is not
passed over: it is refused with its place, so that what is locked is what was asked for.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from stackfix.errors import DataError, QuestionError
from stackfix.plan.lock import parse_toml
from stackfix.versions import canonical_name

MAX_FILE = 4 << 20
MAX_DEPTH = 20
_HASH = re.compile(r"--hash[=\s]+(\w+):([0-9a-fA-F]+)")
_OPTION = re.compile(r"(-{1,2}[A-Za-z][A-Za-z-]*)(?:[=\s]+(.*))?$|(-[a-zA-Z])(\S.*)$")
_NESTED = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_WITHOUT_EFFECT = frozenset(
    {"--only-binary", "--prefer-binary", "--require-hashes", "--no-binary-isolation", "--use-feature"}
)
_INDEXES = frozenset(
    {"-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One requirement of a file: the text, where it stands, its hashes, and whether it only constrains."""

    requirement: str
    place: str
    sha256: frozenset[str] = frozenset()
    constrains: bool = False

    @property
    def package(self) -> str:
        """The canonical name of what is asked for."""
        return canonical_name(Requirement(self.requirement).name)


def wishes(file: str, *, constrains: bool = False) -> tuple[Wish, ...]:
    """Return what a file and all that it names ask for, in their order; DataError names file and line."""
    return tuple(_read(Path(file), file, constrains=constrains, above=()))


def _read(path: Path, shown: str, *, constrains: bool, above: tuple[Path, ...]) -> Iterator[Wish]:
    try:
        if path.stat().st_size > MAX_FILE:
            raise DataError(shown, "", f"{path.stat().st_size} bytes are not those of a list of requirements")
        text = path.read_text(encoding="utf-8-sig")
        real = path.resolve()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise QuestionError(f"{shown}: cannot be read: {reason}") from error
    if real in above or len(above) > MAX_DEPTH:
        raise DataError(shown, "", "it names itself, by way of the files that it names")
    if path.suffix == ".toml":
        yield from _of_pyproject(text, shown, constrains=constrains)
        return
    for number, line in _lines(text):
        option = _OPTION.match(line)
        if option is None:
            yield _wish(line, f"{shown} line {number}", constrains=constrains)
            continue
        name, value = option[1] or option[3], (option[2] or option[4] or "").strip()
        if name in _NESTED:
            if not value:
                raise DataError(shown, f"line {number}", f"`{name}` names no file")
            below = path.parent / value
            yield from _read(below, str(below), constrains=constrains or _NESTED[name], above=(*above, real))
        elif name not in _WITHOUT_EFFECT:
            raise _refused(shown, number, name, value)


def _refused(shown: str, number: int, name: str, value: str) -> DataError:
    if name in _INDEXES:
        return DataError(
            shown,
            f"line {number}",
            f"`{name}` names where packages come from; a package has one source here, which your configuration names",
            hint="take the line out, and name the index in PIP_INDEX_URL, UV_DEFAULT_INDEX or STACKFIX_SOURCE_…",
        )
    if name in ("-e", "--editable"):
        return DataError(
            shown,
            f"line {number}",
            f"`{name} {value}` is built from source here, which a lock of wheels cannot hold",
            hint="take the line out, and install it afterwards: `pip install --no-deps -e …`",
        )
    return DataError(
        shown, f"line {number}", f"`{name}` is an installer's option that is not understood here"
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, continued lines joined, comments and blank lines left out."""
    kept, first = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = "" if raw.lstrip().startswith("#") else re.sub(r"\s#.*$", "", raw)
        first = first or number
        if line.endswith("\\"):
            kept += line[:-1] + " "
            continue
        whole, kept = (kept + line).strip(), ""
        if whole:
            yield first, whole
        first = 0
    if kept.strip():
        yield first, kept.strip()


def _wish(line: str, place: str, *, constrains: bool) -> Wish:
    file, _, where = place.rpartition(" line ")
    where = f"line {where}" if file else ""
    text = re.split(r"\s--[a-z]", line, maxsplit=1)[0].strip()
    try:
        read = Requirement(text)
    except InvalidRequirement as error:
        looks_like_file = (
            text.startswith((".", "/")) or "://" in text or text.endswith((".whl", ".gz", ".zip"))
        )
        if looks_like_file or "\\" in text:
            raise _of_no_index(file or place, where, text) from error
        reason = str(error).splitlines()[0]
        raise DataError(file or place, where, f"`{text}` is not a requirement: {reason}") from error
    if read.url is not None:
        raise _of_no_index(file or place, where, text)
    hashes = _HASH.findall(line)
    if hashes and not any(kind == "sha256" for kind, _ in hashes):
        raise DataError(file or place, where, f"`{text}` has hashes, and none is a sha256")
    sha256 = frozenset(value.lower() for kind, value in hashes if kind == "sha256")
    return Wish(requirement=text, place=place, sha256=sha256, constrains=constrains)


def _of_no_index(file: str, where: str, text: str) -> DataError:
    """Return the refusal of an address, a repository or a path, with the way that each of them can go."""
    if re.search(r"(^|@\s*)(git|hg|svn|bzr)\+", text):
        what = "names a repository, which is built from source and has no sha256"
        way = (
            f"take the line out, and install it afterwards: `pip install --no-deps {shlex.quote(text)}`; "
            "or ask for a release of it: `name==1.0`"
        )
    elif "://" in text:
        what = "names an address, and each file of a lock comes from an index by its sha256"
        way = (
            "take the line out, put the wheel into a folder, name that in PIP_FIND_LINKS or UV_FIND_LINKS, and ask for "
            "its release: `name==1.0`"
        )
    else:
        what = "names a path, and each file of a lock comes from an index or a folder of wheels by its sha256"
        way = (
            "a wheel: name its folder in PIP_FIND_LINKS or UV_FIND_LINKS, and ask for its release: `name==1.0`; a "
            f"folder of source: install it afterwards: `pip install --no-deps {shlex.quote(text)}`"
        )
    return DataError(file, where, f"`{text}` {what}", hint=way)


def _of_pyproject(text: str, shown: str, *, constrains: bool) -> Iterator[Wish]:
    """Yield the dependencies of a project; its extras and groups are not asked for by `-r`."""
    try:
        document = parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise DataError(shown, "", f"not TOML: {error}") from error
    project = document.get("project")
    listed: Any = project.get("dependencies", []) if isinstance(project, Mapping) else None
    if not isinstance(listed, list):
        raise DataError(shown, "project.dependencies", "is missing, or no list")
    for number, each in enumerate(listed):
        if not isinstance(each, str):
            raise DataError(
                shown, f"project.dependencies[{number}]", f"is {type(each).__name__}, expected str"
            )
        yield _wish(each, f"{shown} dependency {number + 1}", constrains=constrains)
