"""The distributions of a site-packages folder: dist-info, RECORD, and the heads of their libraries.

Nothing is imported. What is broken is named, not raised: a half-removed package is what a doctor is asked about.
"""

from __future__ import annotations

import csv
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from stackfix.errors import MeasureError
from stackfix.measure import elf, pe
from stackfix.measure.reader import held
from stackfix.model.environment import Build, Distribution, SharedLibrary

MAX_TEXT = 64 << 20
_INFO = re.compile(r"[A-Za-z0-9][\w.+!-]*\.(dist-info|egg-info)", re.ASCII)
_LIBRARY = re.compile(r"[^/]+\.(so(\.\d+)*|dll|pyd)", re.IGNORECASE)
_LEFT_BY_PIP = re.compile(r"~.+")
_UPWARDS = 4


@dataclass(slots=True)
class Shelf:
    """One site-packages folder; each folder below it is listed once, when something in it is asked for."""

    folder: str
    _listed: dict[str, frozenset[str]] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        """Whether a path below the folder (it may begin with "../") is there."""
        parent, _, name = path.rpartition("/")
        listed = self._listed.get(parent)
        if listed is None:
            try:
                listed = frozenset(os.listdir(os.path.join(self.folder, parent)))  # noqa: PTH118, PTH208 - 20,000 files: pathlib takes ten times as long
            except OSError:
                listed = frozenset()
            self._listed[parent] = listed
        return name in listed

    def at(self, path: str) -> str:
        """Return where a path below the folder is."""
        return os.path.join(self.folder, path)  # noqa: PTH118 - likewise

    def text(self, path: str) -> str:
        """Return a text file; OSError where it cannot be read, or is no file."""
        descriptor = os.open(self.at(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                raise OSError(0, "is not a file")
            return handle.read(MAX_TEXT).decode("utf-8", "replace")


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
            unreadable.append(f"{name}: left behind by an installation that was cut off; pip ignores it")


def _distribution(shelf: Shelf, info: str, unreadable: list[str]) -> Iterator[Distribution]:
    modern = info.endswith(".dist-info")
    try:
        head = _head(shelf, info, modern=modern)
    except OSError as error:
        unreadable.append(f"{info}: its METADATA cannot be read: {error.strerror or error}")
        return
    name, version = str(head.get("Name") or ""), str(head.get("Version") or "")
    if not name or not version:
        unreadable.append(f"{info}: its METADATA names no distribution")
        return
    try:
        Version(version)
    except InvalidVersion:
        unreadable.append(f"{info}: its METADATA gives a version that is none: {version[:60]!r}")
        return
    files = _record(shelf, info, unreadable) if modern else {}
    missing = tuple(path for path in files if not shelf.has(path))
    absent = set(missing)
    libraries = [path for path in files if path not in absent and _LIBRARY.fullmatch(path.rpartition("/")[2])]
    yield Distribution(
        name=canonicalize_name(name),
        version=version,
        folder=info,
        requires_dist=tuple(re.sub(r"\s+", " ", str(each)) for each in head.get_all("Requires-Dist") or ()),
        requires_python=str(head.get("Requires-Python") or ""),
        installer=_first_line(shelf, f"{info}/INSTALLER"),
        tags=_tags(shelf, info),
        files=files,
        missing=missing,
        changed=tuple(path for path in libraries if _is_another(shelf, path, files[path])),
        libraries=tuple(read_library(shelf, path) for path in libraries),
    )


def _head(shelf: Shelf, info: str, *, modern: bool) -> Message:
    if modern:
        text = shelf.text(f"{info}/METADATA")
    elif os.path.isdir(shelf.at(info)):  # noqa: PTH112 - as above
        text = shelf.text(f"{info}/PKG-INFO")
    else:
        text = shelf.text(info)
    return HeaderParser().parsestr(text.replace("\r\n", "\n").partition("\n\n")[0])


def _first_line(shelf: Shelf, path: str) -> str:
    try:
        return shelf.text(path).strip().partition("\n")[0]
    except OSError:
        return ""


def _tags(shelf: Shelf, info: str) -> tuple[str, ...]:
    try:
        text = shelf.text(f"{info}/WHEEL")
    except OSError:
        return ()
    return tuple(line[4:].strip() for line in text.splitlines() if line.startswith("Tag:"))


def _record(shelf: Shelf, info: str, unreadable: list[str]) -> dict[str, str]:
    """Return path -> "hash,size" of RECORD; paths that leave the environment are left out."""
    try:
        lines = shelf.text(f"{info}/RECORD").splitlines()
    except OSError as error:
        unreadable.append(f"{info}: its RECORD cannot be read: {error.strerror or error}")
        return {}
    found: dict[str, str] = {}
    for line in lines:
        if '"' in line:
            try:
                path, *rest = next(csv.reader([line]))
            except (csv.Error, StopIteration):
                continue
        else:
            path, *rest = line.rsplit(",", 2)
        path = path.replace("\\", "/")
        if (
            path
            and path[0] != "/"
            and ":" not in path[:3]
            and "\0" not in path
            and path.count("../") <= _UPWARDS
        ):
            found[path] = ",".join(rest)
    return found


def _is_another(shelf: Shelf, path: str, recorded: str) -> bool:
    """Whether a file has another size than RECORD says."""
    size = recorded.rpartition(",")[2]
    try:
        return size.isdecimal() and os.stat(shelf.at(path)).st_size != int(size)  # noqa: PTH116 - as above
    except OSError:
        return False


def read_library(shelf: Shelf, path: str) -> SharedLibrary:
    """Return what a library's head says of it."""
    try:
        with held(shelf.at(path)) as reader:
            if pe.is_pe(reader.read(0, min(2, reader.size))):
                imports = pe.imports(reader)
                return SharedLibrary(path=path, soname=imports.name.lower(), needed=imports.needed)
            found = elf.dynamic(reader)
    except (MeasureError, OSError) as error:
        return SharedLibrary(path=path, broken=str(error))
    return SharedLibrary(
        path=path,
        soname=found.soname,
        needed=found.needed,
        run_path=found.run_path,
        run_path_first=found.run_path_first,
    )


_TORCH_CUDA = re.compile(r"^cuda(?::[^=\n]*)?\s*=\s*(None|'([\d.]+)'|\"([\d.]+)\")", re.MULTILINE)
_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_ORT_CUDA = re.compile(r"^cuda_version\s*=\s*['\"]([\d.]*)['\"]", re.MULTILINE)
_ORT_PACKAGE = re.compile(r"^package_name\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def read_builds(shelf: Shelf) -> Iterator[tuple[str, Build]]:
    """Yield import folder and build of the packages that write down how they were built: torch and onnxruntime."""
    if shelf.has("torch/version.py"):
        text = _or_nothing(shelf, "torch/version.py")
        version, cuda = _VERSION.search(text), _TORCH_CUDA.search(text)
        if version:
            built = (cuda[2] or cuda[3] or "") if cuda else None
            yield "torch", Build("torch", version[1], built)
    for name in ("torchvision", "torchaudio"):
        version = (
            _VERSION.search(_or_nothing(shelf, f"{name}/version.py"))
            if shelf.has(f"{name}/version.py")
            else None
        )
        if version:
            yield name, Build(name, version[1], _cuda_of_local(version[1]))
    path = "onnxruntime/capi/build_and_package_info.py"
    if shelf.has(path):
        text = _or_nothing(shelf, path)
        package, version, cuda = _ORT_PACKAGE.search(text), _VERSION.search(text), _ORT_CUDA.search(text)
        if package and version:
            yield "onnxruntime", Build(canonicalize_name(package[1]), version[1], cuda[1] if cuda else "")


def _cuda_of_local(version: str) -> str | None:
    """Return the CUDA that a local version names: "12.6" of +cu126, "" of +cpu, None where it names neither."""
    local = version.partition("+")[2]
    named = re.fullmatch(r"cu(\d+)(\d)", local)
    if named:
        return f"{named[1]}.{named[2]}"
    return "" if local == "cpu" else None


def _or_nothing(shelf: Shelf, path: str) -> str:
    try:
        return shelf.text(path)
    except OSError:
        return ""
