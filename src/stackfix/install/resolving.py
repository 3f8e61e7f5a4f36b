"""What the facts do not know, resolved by uv under the pins that the facts decided: wheels alone, with hashes.

Of what is named to be built from source it is the source, with its hash. uv writes what it finds as a pylock.toml; of
each package the file that fits the machine is taken from it.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stackfix.errors import AnswerError, DiskError, InstallerError, NetworkError, StackfixError
from stackfix.install.apply import failure
from stackfix.install.installer import Installer, find_installer
from stackfix.install.process import inherited, run
from stackfix.install.settings import uv_environment
from stackfix.model.lock import LockedFile, LockedPackage
from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.plan.lock import parse_toml
from stackfix.rules.metadata import parse_wish
from stackfix.rules.tags import best_file
from stackfix.versions import PythonVersion, canonical_name

_SOURCE_ALONE = re.compile(r"Wheels are required for `([^`]+)` because building from source is disabled")
_ABSENT = re.compile(
    r"Because (?P<name>\S+) was not found in (?:the package registry|the cache|the provided package locations)"
    r"|Because there are no versions of (?P<empty>[A-Za-z0-9._-]+) and you require"
)
_UNRELEASED = re.compile(
    r"Because (?:there is no version of|only .{1,1000}? (?:is|are) available:?.{0,1000}? and you require) ([A-Za-z0-9._-]+)(?:\[[^]]*\])?([=<>!~]\S*?)(?:,? (?:and|we)\b)"
)
_VIA = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==\S+(?: ;.*?)?\s+# via (.+)")
_PLATFORMS = {"linux_x86_64": "x86_64", "linux_aarch64": "aarch64"}


def resolve_others(
    wanted: Sequence[str],
    constraints: Sequence[str],
    *,
    python: PythonVersion,
    platform: Platform,
    glibc: tuple[int, int] | None,
    indexes: Sequence[str] = (),
    links: Sequence[str] = (),
    offline: bool = False,
    alone: bool = False,
    builds: Collection[str] = (),
    variables: Mapping[str, str] | None = None,
    places: Mapping[str, str] | None = None,
) -> tuple[LockedPackage, ...]:
    """Return all packages that uv needs for `wanted` under `constraints`, each with the file for this machine.

    A name is taken from the first of the `indexes` that has it (none: no index is asked), and from the find-links
    `links`, if any are given. `alone` leaves out what the wanted ones require. Of `builds` the source is taken: uv
    then runs its set-up script where the index does not say what it requires. `places` says of what is wanted who
    asks for it.

    Raises AnswerError with uv's own words where there is no such set, InstallerError where there is no uv.
    """
    given = _of_these(os.environ if variables is None else variables, indexes)
    options = [
        *_asked(python, platform, glibc, builds=builds, indexes=indexes, links=links),
        *(["--offline"] if offline else []),
        *(["--no-deps"] if alone else []),
    ]
    try:
        text = _compiled(wanted, constraints, options, given, "pylock.toml", places or {})
    except _SourceAloneError as first:
        raise _with_others(first, wanted, constraints, options, given) from None
    document = parse_toml(text)
    return tuple(_package(table, python, platform, glibc) for table in document.get("packages", ()))


class _SourceAloneError(AnswerError):
    """Packages that have no wheel anywhere, which nobody has named to be built."""

    def __init__(self, names: Sequence[str]) -> None:
        quoted = [f"`{name}`" for name in names]
        shown = " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
        flags = " ".join(f"--build-from-source {name}" for name in names)
        super().__init__(
            f"{shown} {'is' if len(names) == 1 else 'are'} published as source alone, "
            "and nothing is built from source without being asked for",
            hint=f"let `stackfix lock` or `stackfix install` build {'it' if len(names) == 1 else 'them'}, "
            f"which runs {'its' if len(names) == 1 else 'their'} own code here: `{flags}`",
        )
        self.names = tuple(names)


def _with_others(
    first: _SourceAloneError,
    wanted: Sequence[str],
    constraints: Sequence[str],
    options: Sequence[str],
    given: Mapping[str, str],
) -> _SourceAloneError:
    """Return the refusal with all of what is wanted that is source alone, as far as that is known at once.

    uv stops at the first that it comes to. It is asked again without those that it named, of what is in its cache by
    then: with the network each run would take as long as the first.
    """
    names = list(first.names)
    while True:
        rest = [one for one in wanted if canonical_name(parse_wish(one).name) not in names]
        try:
            if rest:
                _compiled(rest, constraints, [*options, "--offline"], given, "pylock.toml")
        except _SourceAloneError as more:
            new = [name for name in more.names if name not in names]
            names += new
            if new:
                continue
        except StackfixError:
            pass  # what else is wrong is said when these are built, or left out
        return _SourceAloneError(names)


def askers(
    wanted: Sequence[str],
    constraints: Sequence[str],
    *,
    python: PythonVersion,
    platform: Platform,
    glibc: tuple[int, int] | None,
    indexes: Sequence[str] = (),
    links: Sequence[str] = (),
    builds: Collection[str] = (),
    variables: Mapping[str, str] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Return package -> the packages that ask for it, of what was resolved just before: uv knows it without a network."""
    given = _of_these(os.environ if variables is None else variables, indexes)
    options = [
        *_asked(python, platform, glibc, builds=builds, indexes=indexes, links=links),
        *("--offline", "--annotation-style", "line"),
    ]
    with suppress(AnswerError, NetworkError):  # then nobody is named
        lines = _compiled(wanted, constraints, options, given, "requirements.txt").splitlines()
        told = (_VIA.match(line) for line in lines)
        return {canonical_name(one[1]): _names(one[2]) for one in told if one}
    return {}


def _asked(
    python: PythonVersion,
    platform: Platform,
    glibc: tuple[int, int] | None,
    *,
    builds: Collection[str],
    indexes: Sequence[str],
    links: Sequence[str],
) -> list[str]:
    """Return uv's options for a machine, and for where packages come from.

    uv need not look for a Python like the one that is asked about, except to build with it: that takes it a second.
    """
    return [
        *([] if builds else ["--python", sys.executable]),
        *("--python-version", python.minor_version, "--python-platform", _tag(platform, glibc)),
        *(word for name in builds for word in ("--no-binary", name)),
        *([] if indexes else ["--no-index"]),
        *(word for place in links for word in ("--find-links", place)),
    ]


def _names(via: str) -> tuple[str, ...]:
    """Return the packages of an annotation; what stands in the project's own file is none."""
    return tuple(word for each in via.split(",") if (word := each.strip()) and not word.startswith("-"))


def _compiled(
    wanted: Sequence[str],
    constraints: Sequence[str],
    options: Sequence[str],
    given: Mapping[str, str],
    kind: str,
    places: Mapping[str, str] | None = None,
) -> str:
    """Return what uv resolves as the text of a file of a kind (`pylock.toml`, `requirements.txt`)."""
    uv = _uv(given)
    with tempfile.TemporaryDirectory(prefix="stackfix-") as name:
        scratch = Path(name)
        (scratch / "wanted.in").write_text("\n".join(wanted) + "\n", encoding="utf-8")
        (scratch / "pins.txt").write_text("\n".join(constraints) + "\n", encoding="utf-8")
        command = [
            *uv.command,
            "pip",
            "compile",
            *("--quiet", "--no-header", "--format", kind, "--only-binary", ":all:"),
            *("--constraints", "pins.txt", "--output-file", kind),
            *options,
            "wanted.in",
        ]
        environment = uv_environment(inherited(given), scratch, indexes=False)
        ended = run(command, folder=scratch, environment=environment)
        if ended.code:
            raise _no(uv, ended.text, failure(uv, ended), places or {})
        return (scratch / kind).read_text(encoding="utf-8")


def known_to_uv(
    pins: Mapping[str, str],
    *,
    python: PythonVersion,
    platform: Platform,
    glibc: tuple[int, int] | None,
    index: str,
) -> tuple[LockedPackage, ...]:
    """Return the files of releases as far as the pages in uv's cache list them; no network is used."""
    found: list[LockedPackage] = []
    for name, version in pins.items():
        with suppress(StackfixError):  # uv has no page of it
            found += resolve_others(
                [f"{name}=={version}"],
                (),
                python=python,
                platform=platform,
                glibc=glibc,
                indexes=(index,),
                offline=True,
                alone=True,
            )
    return tuple(found)


def _of_these(variables: Mapping[str, str], indexes: Sequence[str]) -> dict[str, str]:
    """Return variables that name these indexes for uv, in this order, and no others."""
    dropped = ("STACKFIX_SOURCE_", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX")
    given = {
        name: value
        for name, value in variables.items()
        if not name.startswith(dropped) and name not in ("UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX")
    }
    if indexes:
        given["UV_DEFAULT_INDEX"] = indexes[-1]
    if len(indexes) > 1:
        given["UV_INDEX"] = " ".join(indexes[:-1])
    return given


def _uv(variables: Mapping[str, str]) -> Installer:
    try:
        return find_installer("uv", Path(), variables)
    except InstallerError as error:
        raise InstallerError(
            "uv is not here, and what stackfix has no facts about is resolved by it",
            hint="get it with `pip install uv`",
        ) from error


def _no(uv: Installer, text: str, as_failure: Exception, places: Mapping[str, str]) -> Exception:
    """Return that there is no set, unless what uv says is that it could not be asked."""
    if "No solution found" not in text and isinstance(as_failure, (DiskError, NetworkError)):
        return as_failure
    said = " ".join(line.strip() for line in text.splitlines() if line.strip())
    alone = tuple(dict.fromkeys(map(canonical_name, _SOURCE_ALONE.findall(said))))
    said = said.partition(" hint: ")[0]  # its hints are options of uv, and one of them mixes indexes
    if alone:
        return _SourceAloneError(alone)
    if absent := _ABSENT.search(said):
        name = canonical_name(absent["name"] or absent["empty"])
        return AnswerError(
            f"`{name}`, which {places.get(name, 'another package')} asks for, is not on the index",
            hint="is it spelt so? If another index has it, name that too, in UV_INDEX or PIP_EXTRA_INDEX_URL",
        )
    if said.lower().count("because ") == 1 and (unreleased := _UNRELEASED.search(said)):
        name = canonical_name(unreleased[1])
        return AnswerError(
            f"the index has no release of `{name}` that answers `{unreleased[1]}{unreleased[2]}`, which "
            f"{places.get(name, 'another package')} asks for",
            hint=f"ask for a release that it has: `uv pip install --dry-run {name}` names the newest",
        )
    return AnswerError(
        f"what stackfix has no facts about does not fit the set that works here: {uv.kind} says: {said[-1500:]}",
        hint="ask for what it names yourself, so that it is solved together: `numpy<2` in the requirements, say",
    )


def _tag(platform: Platform, glibc: tuple[int, int] | None) -> str:
    if platform.os == "windows":
        return "x86_64-pc-windows-msvc"
    machine = _PLATFORMS[platform.label]
    minor = min(glibc[1], 40) if glibc is not None and glibc[0] == 2 else 28
    return f"{machine}-manylinux_2_{minor}" if minor >= 28 else f"{machine}-manylinux2014"


def _package(
    table: Mapping[str, Any], python: PythonVersion, platform: Platform, glibc: tuple[int, int] | None
) -> LockedPackage:
    name, version = str(table["name"]), str(table["version"])
    source = table.get("sdist")
    rows = {
        _name(row): row
        for row in ([source] if source and not table.get("wheels") else table.get("wheels", ()))
        if ("url" in row or "path" in row) and "sha256" in row.get("hashes", {})
    }
    files = [
        WheelFile(name=name, size=int(row.get("size") or 0), sha256=str(row["hashes"]["sha256"]))
        for name, row in rows.items()
    ]
    file = (
        files[0]
        if source and not table.get("wheels") and files
        else best_file(files, python, platform, glibc)
    )
    if file is None:
        raise AnswerError(
            f"{name} {version} has no wheel for Python {python.minor_version} on {platform.label}"
        )
    if not file.size:
        raise AnswerError(f"the index does not say how large {file.name} is, so it cannot be locked")
    return LockedPackage(
        name=name,
        version=version,
        file=LockedFile(name=file.name, size=file.size, sha256=file.sha256, url=_address(rows[file.name])),
        index=str(table.get("index", "")),
    )


def _address(row: Mapping[str, Any]) -> str:
    """Return where a file lies; one of a folder of the find-links stands there by its path."""
    return str(row["url"]) if "url" in row else Path(str(row["path"])).absolute().as_uri()


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or str(row.get("url") or row["path"]).rpartition("/")[2].replace("%2B", "+"))
