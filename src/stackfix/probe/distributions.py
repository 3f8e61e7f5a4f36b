"""The distributions of a site-packages folder: dist-info, RECORD, and the heads of their libraries.

Nothing is imported. What is broken is named, not raised: a half-removed package is what a doctor is asked about.
"""

from __future__ import annotations

import csv
import math
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from stackfix.model.environment import Distribution, Duplicate
from stackfix.probe.modules import broken_off
from stackfix.probe.shelf import Shelf, printable, read_library

_MAX_HEAD = 1 << 20
_MAX_TAGS = 1000
_MAX_WALKED = 200_000
_INFO = re.compile(r"[A-Za-z0-9][\w.+!-]*\.(dist-info|egg-info)", re.ASCII)
_NVIDIA = re.compile(r"nvidia-(.+)-cu\d+")
_LIBRARY = re.compile(r"[^/]+\.(so(\.\d+)*|dll|pyd)", re.IGNORECASE)
_CODE = re.compile(r"\.(py|pyd|dll|so(\.\d+)*)$", re.IGNORECASE)
_UPPER = 3
_LEFT_BY_PIP = re.compile(r"~.+")
_HEADER = re.compile(r"[!-9;-~]*")  # RFC 5322: printable ASCII without the colon
_UPWARDS = 3  # of lib/python3.12/site-packages three steps lead to the environment itself


def read_distributions(shelf: Shelf, unreadable: list[str]) -> Iterator[Distribution]:
    """Yield every distribution of a folder; what is broken is added to `unreadable`."""
    try:
        names = sorted(os.listdir(shelf.folder))  # noqa: PTH208 - as above
    except OSError as error:
        unreadable.append(f"{shelf.folder}: cannot be read: {error.strerror or error}")
        return
    for name in names:
        if _INFO.fullmatch(name):
            yield from _distribution(shelf, name, unreadable)
        elif _LEFT_BY_PIP.fullmatch(name):
            unreadable.append(
                f"{printable(name)}: left behind by an installation that was cut off; pip ignores it"
            )


def once_each(distributions: Iterable[Distribution]) -> tuple[list[Distribution], list[Duplicate]]:
    """Return one distribution of each name, and the names of which there are several.

    Kept is the one whose files are there: an installation that was cut off leaves the old record beside the new files.
    """
    named: dict[str, list[Distribution]] = {}
    for each in distributions:
        named.setdefault(each.name, []).append(each)
    kept: list[Distribution] = []
    several: list[Duplicate] = []
    for name, records in named.items():
        first, *others = sorted(records, key=_trust, reverse=True)
        kept.append(first)
        if others:
            several.append(Duplicate(name=name, kept=first, others=tuple(others)))
    return kept, several


def _trust(one: Distribution) -> tuple[bool, int, Version]:
    """Return how well a record fits the disk: one with files, the fewest of them lost or changed, the newest."""
    return bool(one.files), -len(one.missing) - len(one.changed), Version(one.version)


def left_by_pip(shelf: Shelf) -> list[str]:
    """Return the names of what an installation that was cut off has renamed and not removed."""
    return sorted(name for name in shelf.listed("") if _LEFT_BY_PIP.fullmatch(name) and name.isprintable())


def cut_off(shelf: Shelf) -> Iterator[tuple[str, str]]:
    """Yield name and version of what pip had set aside when it was cut off, by the METADATA under its name for it."""
    for folder in left_by_pip(shelf):
        if folder.endswith(".dist-info"):
            with suppress(OSError, InvalidName):
                head = _head(shelf, folder, modern=True)
                name, version = (printable(head.get(key, [""])[0]) for key in ("name", "version"))
                yield canonicalize_name(name, validate=True), version


def _distribution(shelf: Shelf, info: str, unreadable: list[str]) -> Iterator[Distribution]:
    modern = info.endswith(".dist-info")
    try:
        head = _head(shelf, info, modern=modern)
    except OSError as error:
        unreadable.append(f"{info}: its METADATA cannot be read: {error.strerror or error}")
        return
    name, version = (head.get(key, [""])[0] for key in ("name", "version"))
    if not name or not version:
        unreadable.append(f"{info}: its METADATA names no distribution")
        return
    try:
        name = canonicalize_name(name, validate=True)
        Version(version)
    except InvalidName:
        unreadable.append(f"{info}: its METADATA gives a name that is none: {name[:60]!r}")
        return
    except InvalidVersion:
        unreadable.append(f"{info}: its METADATA gives a version that is none: {version[:60]!r}")
        return
    record = _record(shelf, info, unreadable) if modern else None
    files = record or {}
    if modern and not files:
        files = dict.fromkeys(_walked(shelf, name, info), "")
    seen = _looked_at(shelf, files)
    read = tuple(read_library(shelf, path) for path in seen.libraries)
    installer = _first_line(shelf, f"{info}/INSTALLER")
    # only pip and uv leave what a wheel held, and what has no library of its own people patch by hand
    as_the_wheel = installer in ("pip", "uv") and bool(seen.libraries)
    suspects = [path for path, shorter in seen.resized.items() if shorter]
    cut = broken_off(suspects, shelf.at, as_the_wheel=as_the_wheel)
    broken = (library.path for library in read if library.broken)
    damaged = dict.fromkeys((*seen.emptied, *cut, *seen.changed, *broken))
    yield Distribution(
        name=name,
        version=version,
        folder=info,
        requires_dist=tuple(printable(each) for each in head.get("requires-dist", ())),
        requires_python=printable(head.get("requires-python", [""])[0]),
        installer=installer,
        tags=_tags(shelf, info),
        recorded=not modern or record is not None,
        files=files,
        missing=(*seen.missing, *cut),
        emptied=tuple(seen.emptied),
        cut=cut,
        altered=tuple(path for path in seen.resized if path not in cut),
        changed=tuple(seen.changed),
        linked=tuple(path for path in damaged if _is_linked(shelf, path)),
        libraries=read,
    )


@dataclass(slots=True)
class _Seen:
    """Paths of a distribution: missing or empty, of these the empty ones, its libraries, and what has another size.

    `changed` are libraries of another size than RECORD says; `resized` are modules, each with whether it is shorter.
    """

    missing: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    resized: dict[str, bool] = field(default_factory=dict)


def _looked_at(shelf: Shelf, files: Mapping[str, str]) -> _Seen:
    """Return what the disk holds of a distribution's files.

    20,000 files are looked at: most by their name alone, in the list of their folder.
    """
    seen = _Seen()
    folder, listed = "", shelf.listed("")
    for path, recorded in files.items():
        parent, _, name = path.rpartition("/")
        if parent != folder:
            folder, listed = parent, shelf.listed(parent)
        if name not in listed:
            if not _is_marker(path, recorded):
                seen.missing.append(path)
            continue
        if not name.endswith(".py") and not _CODE.search(name):
            continue
        library = _LIBRARY.fullmatch(name) is not None
        upper = path.count("/") <= _UPPER  # what an import meets first
        said = recorded.rpartition(",")[2]
        size = _size(shelf, path) if (library or upper) and said.isdecimal() else None
        if size == 0 and upper and said != "0":
            seen.missing.append(path)  # a full disk leaves such
            seen.emptied.append(path)
        elif library:
            seen.libraries.append(path)
            if size is not None and said != str(size):
                seen.changed.append(path)
        elif size is not None and said != str(size):
            seen.resized[path] = size < int(said)
    return seen


def _size(shelf: Shelf, path: str) -> int | None:
    try:
        return os.stat(f"{shelf.folder}/{path}").st_size  # noqa: PTH116 - as above
    except OSError:
        return None


def _is_linked(shelf: Shelf, path: str) -> bool:
    """Whether a file has other names on its disk, as uv gives them from its cache: what was done to it was done there too."""
    try:
        return os.stat(shelf.at(path)).st_nlink > 1  # noqa: PTH116 - as above
    except OSError:
        return False


def _is_marker(path: str, recorded: str) -> bool:
    """Whether a file is an empty `__init__.py` of NVIDIA's folder: all its packages list one, none needs it."""
    return path.startswith("nvidia/") and path.endswith("/__init__.py") and recorded.rpartition(",")[2] == "0"


def _head(shelf: Shelf, info: str, *, modern: bool) -> dict[str, list[str]]:
    if modern:
        text = shelf.text(f"{info}/METADATA")
    elif os.path.isdir(shelf.at(info)):  # noqa: PTH112 - as above
        text = shelf.text(f"{info}/PKG-INFO")
    else:
        text = shelf.text(info)
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    if len(head) > _MAX_HEAD:
        raise OSError(0, f"its head has {len(head)} characters")
    return headers(head)


def headers(text: str) -> dict[str, list[str]]:
    """Return name, in lower case -> values of the headers of a METADATA, lines that go on joined.

    `email.parser` says the same (the tests hold it against it); it and what it imports are a tenth of an examination.
    """
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            if values:
                values[-1] += f"\n{line}"
            continue
        name, colon, value = line.partition(":")
        if not colon or not _HEADER.fullmatch(name):
            break
        if not name:
            values = []  # a line that begins with a colon belongs to nothing, and so do those that go on
            continue
        values = found.setdefault(name.lower(), [])
        values.append(value.lstrip(" \t"))
    return found


def _first_line(shelf: Shelf, path: str) -> str:
    try:
        return printable(shelf.text(path).strip().partition("\n")[0][:200])
    except OSError:
        return ""


def _tags(shelf: Shelf, info: str) -> tuple[str, ...]:
    try:
        text = shelf.text(f"{info}/WHEEL")
    except OSError:
        return ()
    tags = (printable(line[4:]).strip() for line in text.splitlines() if line.startswith("Tag:"))
    return tuple(tag for tag in tags if _combinations(tag) <= _MAX_TAGS)[:_MAX_TAGS]


def _combinations(tag: str) -> int:
    """Return how many tags a compressed one ("cp27.cp34-none-any") stands for."""
    return math.prod(part.count(".") + 1 for part in tag.split("-"))


def _record(shelf: Shelf, info: str, unreadable: list[str]) -> dict[str, str] | None:
    """Return path -> "hash,size" of RECORD; paths that leave the environment are left out.

    None where there is no RECORD that can be read, or one of which most lines are none of a RECORD.
    """
    try:
        text = shelf.text(f"{info}/RECORD")
    except OSError as error:
        unreadable.append(f"{info}: its RECORD cannot be read: {error.strerror or error}")
        return None
    found: dict[str, str] = {}
    strange = 0
    for line in text.replace("\r\n", "\n").replace("\\", "/").split("\n"):
        path, _, recorded = line.partition(",")
        if '"' in line:
            path, recorded = _quoted(line)
        strange += bool(line) and recorded.count(",") != 1
        if "./" in path:
            path = posixpath.normpath(path)
        if path and path[0] != "/" and ":" not in path[:3] and path.isprintable() and _stays(path):
            found[path] = recorded
    if strange:
        lines = "1 line" if strange == 1 else f"{strange} lines"
        unreadable.append(f"{info}: its RECORD is damaged: {lines} of it name no file")
    return None if strange > len(found) else found


def _quoted(line: str) -> tuple[str, str]:
    """Return path and "hash,size" of a line in which something is quoted; csv's own errors are no path."""
    try:
        path, *rest = next(csv.reader([line]))
    except (csv.Error, StopIteration, ValueError):
        return "", ""
    return path, ",".join(rest)


def _stays(path: str) -> bool:
    """Whether a normal path stays in the environment."""
    return path[:2] != ".." or path.split("/").count("..") <= _UPWARDS


def _walked(shelf: Shelf, name: str, info: str) -> Iterator[str]:
    """Yield the files of a package's import folders: what stands for a RECORD that is lost."""
    left = _MAX_WALKED
    for top in sorted(set(_import_folders(shelf, name, info))):
        for folder, _, files in os.walk(shelf.at(top)):
            below = os.path.relpath(folder, shelf.folder).replace(os.sep, "/")
            left -= len(files) + 1
            if left < 0:
                return
            yield from (f"{below}/{file}" for file in files if file.isprintable())


def _import_folders(shelf: Shelf, name: str, info: str) -> Iterator[str]:
    """Yield the folders that a package fills, by its name and by `top_level.txt`; of NVIDIA's the part that is its own."""
    part = _NVIDIA.fullmatch(name)
    if part:
        yield f"nvidia/{part[1].replace('-', '_')}"
        return
    yield name.replace("-", "_")
    yield f"{name.replace('-', '_')}.libs"  # where auditwheel puts what it brings
    with suppress(OSError):
        yield from filter(str.isidentifier, shelf.text(f"{info}/top_level.txt").split())
