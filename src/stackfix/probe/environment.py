"""An installed environment, read from outside: dist-info, RECORD and the heads of its libraries.

Nothing of it is imported. A virtual environment is read from its files alone; for any other Python its own
interpreter is asked for its folders, without site and without packages.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from stackfix.errors import MeasureError, QuestionError, TargetError
from stackfix.measure import elf
from stackfix.measure.reader import FileReader
from stackfix.model.environment import Distribution, Environment, SharedLibrary
from stackfix.versions import PythonVersion

MAX_TEXT = 64 << 20
HOOK = "stackfix_libraries.pth"
MARKER = "stackfix.json"
_LIBRARY = re.compile(r"[^/]+\.(so(\.\d+)*|dll|pyd)", re.IGNORECASE)
_QUESTION = (
    "import json, sys, sysconfig as s; p = s.get_paths();"
    "print(json.dumps(['%d.%d.%d' % sys.version_info[:3], sys.prefix, p['purelib'], p['platlib']]))"
)


def read_environment(path: Path) -> Environment:
    """Return what is installed in an environment (its folder), or beside an interpreter (its file).

    Raises TargetError where there is neither. Broken distributions and libraries are named, not raised.
    """
    folder = path if path.is_dir() else path.parent.parent
    if (folder / "pyvenv.cfg").is_file():
        return _virtual(folder)
    for executable in (path, folder / "bin" / "python", folder / "python.exe"):
        if executable.is_file() and os.access(executable, os.X_OK):
            return _asked(executable)
    if not path.exists():
        raise TargetError(f"`{path}` is not there", hint="name the folder of an environment")
    raise TargetError(f"`{path}` is no environment: there is no pyvenv.cfg in it and no Python")


def _virtual(folder: Path) -> Environment:
    settings = dict(_settings(folder / "pyvenv.cfg"))
    windows = (folder / "Scripts" / "python.exe").is_file()
    if windows:
        packages = [folder / "Lib" / "site-packages"]
    else:
        packages = sorted((folder / "lib").glob("python3.*/site-packages"))
    found = [each for each in packages if each.is_dir()]
    if not found:
        raise TargetError(f"`{folder}` is a broken environment: it has no site-packages folder")
    said = (
        settings.get("version_info") or settings.get("version") or found[0].parent.name.removeprefix("python")
    )
    try:
        version = PythonVersion.parse(".".join(said.split(".")[:3]))
    except QuestionError as error:
        raise TargetError(f"`{folder / 'pyvenv.cfg'}`: {error.message}") from error
    executable = folder / ("Scripts/python.exe" if windows else "bin/python")
    includes = settings.get("include-system-site-packages", "").lower() == "true"
    return _environment(folder, executable, version, found, includes_system=includes)


def _settings(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            yield key.strip().lower(), value.strip()


def _asked(executable: Path) -> Environment:
    try:
        done = subprocess.run(
            [str(executable), "-I", "-S", "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        version, prefix, *folders = json.loads(done.stdout)
        packages = [Path(str(each)) for each in dict.fromkeys(folders)]
        parsed = PythonVersion.parse(str(version))
    except (OSError, ValueError, TypeError, QuestionError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"`{executable}` is not a Python that answers") from error
    return _environment(Path(str(prefix)), executable, parsed, packages, includes_system=False)


def _environment(
    folder: Path, executable: Path, version: PythonVersion, packages: Sequence[Path], *, includes_system: bool
) -> Environment:
    unreadable: list[str] = []
    distributions = tuple(
        distribution
        for each in packages
        for info in sorted(each.glob("*.dist-info"))
        for distribution in _distribution(each, info, unreadable)
    )
    return Environment(
        path=str(folder),
        executable=str(executable),
        python=version,
        site_packages=tuple(str(each) for each in packages),
        distributions=tuple(sorted(distributions, key=lambda each: each.name)),
        hook=any((each / HOOK).is_file() for each in packages),
        lock=_lock(folder / MARKER),
        includes_system=includes_system,
        unreadable=tuple(unreadable),
    )


def _lock(marker: Path) -> str:
    try:
        document = json.loads(_text(marker))
        return str(document["lock"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _text(path: Path) -> str:
    with path.open("rb") as handle:
        return handle.read(MAX_TEXT).decode("utf-8", "replace")


def _distribution(packages: Path, info: Path, unreadable: list[str]) -> Iterator[Distribution]:
    try:
        head = HeaderParser().parsestr(_text(info / "METADATA"))
    except OSError as error:
        unreadable.append(f"{info.name}: METADATA cannot be read: {error.strerror}")
        return
    name, version = str(head.get("Name") or ""), str(head.get("Version") or "")
    if not name or not version:
        unreadable.append(f"{info.name}: METADATA names no distribution")
        return
    files, missing = _files(packages, info, unreadable)
    absent = set(missing)
    yield Distribution(
        name=canonicalize_name(name),
        version=version,
        folder=info.name,
        requires_dist=tuple(re.sub(r"\s+", " ", str(each)) for each in head.get_all("Requires-Dist") or ()),
        requires_python=str(head.get("Requires-Python") or ""),
        installer=_installer(info),
        files=files,
        missing=missing,
        libraries=tuple(
            _library(packages, each)
            for each in files
            if each not in absent and _LIBRARY.fullmatch(each.rpartition("/")[2])
        ),
    )


def _installer(info: Path) -> str:
    try:
        return _text(info / "INSTALLER").strip()
    except OSError:
        return ""


def _files(packages: Path, info: Path, unreadable: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files of RECORD, and those that are not there; paths that leave the environment are left out."""
    try:
        rows = list(csv.reader(io.StringIO(_text(info / "RECORD"))))
    except (OSError, csv.Error) as error:
        unreadable.append(f"{info.name}: RECORD cannot be read: {error}")
        return (), ()
    files = tuple(row[0].replace("\\", "/") for row in rows if row and row[0])
    inside = tuple(
        each for each in files if not each.startswith("/") and each.count("../") <= 4 and "\0" not in each
    )
    here = f"{packages}/"  # a path object for each of 20,000 files costs a second
    return inside, tuple(each for each in inside if not os.path.exists(here + each))  # noqa: PTH110 - as said above


def _library(packages: Path, path: str) -> SharedLibrary:
    """Return what a library's head says; Windows libraries are known by their file name alone."""
    if not re.search(r"\.so(\.\d+)*$", path):
        return SharedLibrary(path=path)
    try:
        found = elf.dynamic(FileReader(packages / path))
    except (MeasureError, OSError) as error:
        return SharedLibrary(path=path, broken=str(error))
    return SharedLibrary(path=path, soname=found.soname, needed=found.needed, run_path=found.run_path)
