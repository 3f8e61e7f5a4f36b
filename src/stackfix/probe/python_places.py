"""The files that may be Python interpreters on this machine, each with where it was found.

A place is a function from `Surroundings` to candidates; adding one is one function and one tuple entry.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from stackfix.probe.child import Ended, run_child

_WINDOWS = sys.platform == "win32"
_NAME = re.compile(r"python(?:3(?:\.\d{1,2}t?)?)?(?:\.exe)?")
_EXECUTABLE = "python.exe" if _WINDOWS else "bin/python3"
_CONDA_FOLDERS = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba")


class Surroundings(Struct, frozen=True, kw_only=True):
    """Where to look: environment variables, home folder, root of the file system."""

    environ: Mapping[str, str]
    home: Path
    root: Path = Path("/")


class Candidate(Struct, frozen=True):
    """A file that may be a Python, and the place that named it."""

    path: str
    found_via: str


Place: TypeAlias = Callable[[Surroundings], Iterator[Candidate]]


def candidates(around: Surroundings) -> tuple[Candidate, ...]:
    """Return all candidates once each by real path, most specific place first; shims are left out."""
    found: dict[str, Candidate] = {}
    for place in PLACES:
        for candidate in place(around):
            real = os.path.realpath(candidate.path)
            if real not in found and _may_run(real):
                found[real] = Candidate(real, candidate.found_via)
    return tuple(found.values())


def _may_run(path: str) -> bool:
    """Whether a file is worth running: executable, not empty (Windows' store stub), not pyenv's shim.

    Shims need 60 ms each to say that a version is not chosen, and the versions folder is read anyway.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path of a few hundred, kept as text
            start = file.read(512)
    except OSError:
        return False
    return (
        bool(start) and not (start.startswith(b"#!") and b'pyenv" exec' in start) and os.access(path, os.X_OK)
    )


def _running(_: Surroundings) -> Iterator[Candidate]:
    executable = getattr(sys, "_base_executable", "") or sys.executable
    if executable:
        yield Candidate(executable, "the running interpreter's base")


def _on_path(around: Surroundings) -> Iterator[Candidate]:
    for folder in around.environ.get("PATH", "").split(os.pathsep):
        if not folder:
            continue
        with contextlib.suppress(OSError):
            names = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))  # noqa: PTH208 - names are enough
            yield from (Candidate(os.path.join(folder, name), "PATH") for name in names)  # noqa: PTH118 - likewise


def _pyenv(around: Surroundings) -> Iterator[Candidate]:
    root = around.environ.get("PYENV_ROOT") or around.environ.get("PYENV")
    yield from _versions(Path(root) if root else around.home / ".pyenv", "versions", "pyenv")


def _uv(around: Surroundings) -> Iterator[Candidate]:
    named = around.environ.get("UV_PYTHON_INSTALL_DIR")
    if named:
        yield from _versions(Path(named), "", "uv")
        return
    if _WINDOWS:
        yield from _versions(Path(around.environ.get("APPDATA") or around.home), "uv/python", "uv")
        return
    yield from _versions(_data_home(around), "uv/python", "uv")


def _others(around: Surroundings) -> Iterator[Candidate]:
    yield from _versions(_data_home(around), "mise/installs/python", "mise")
    yield from _versions(around.home, ".asdf/installs/python", "asdf")


def _conda(around: Surroundings) -> Iterator[Candidate]:
    prefixes = [around.environ.get("CONDA_PREFIX", "")]
    executable = around.environ.get("CONDA_EXE", "")
    prefixes += [str(Path(executable).parent.parent)] if executable else []
    prefixes += [str(around.home / name) for name in _CONDA_FOLDERS]
    prefixes += [str(around.root / "opt" / name) for name in ("conda", *_CONDA_FOLDERS)]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        prefixes += (around.home / ".conda/environments.txt").read_text("utf-8").split("\n")
    for prefix in filter(str.strip, prefixes):
        yield from _one(Path(prefix.strip()) / _EXECUTABLE, "conda")


def _system(around: Surroundings) -> Iterator[Candidate]:
    for folder in ("usr/bin", "usr/local/bin"):
        with contextlib.suppress(OSError):
            names = sorted(name for name in os.listdir(around.root / folder) if _NAME.fullmatch(name))  # noqa: PTH208 - names are enough
            yield from (Candidate(str(around.root / folder / name), f"/{folder}") for name in names)


def _windows(_: Surroundings) -> Iterator[Candidate]:
    """Yield what the registry (PEP 514) and the `py` launcher name."""
    if sys.platform != "win32":
        return
    import winreg  # noqa: PLC0415 - exists on Windows only

    for hive in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
        with contextlib.suppress(OSError), winreg.OpenKey(hive, r"Software\Python\PythonCore") as core:
            for index in range(winreg.QueryInfoKey(core)[0]):
                tag = winreg.EnumKey(core, index)
                with contextlib.suppress(OSError), winreg.OpenKey(core, rf"{tag}\InstallPath") as key:
                    yield Candidate(str(winreg.QueryValueEx(key, "ExecutablePath")[0]), "the registry")
    answer = run_child(["py", "-0p"], seconds=5)
    if isinstance(answer, Ended) and answer.code == 0:
        for match in re.finditer(r"([A-Za-z]:\\.*python\.exe)\s*$", answer.out, re.MULTILINE | re.IGNORECASE):
            yield Candidate(match[1], "the py launcher")


PLACES: tuple[Place, ...] = (_running, _pyenv, _uv, _others, _conda, _windows, _on_path, _system)


def _data_home(around: Surroundings) -> Path:
    named = around.environ.get("XDG_DATA_HOME")
    return Path(named) if named else around.home / ".local/share"


def _versions(folder: Path, below: str, found_via: str) -> Iterator[Candidate]:
    with contextlib.suppress(OSError):
        for version in sorted((folder / below).iterdir()):
            yield from _one(version / _EXECUTABLE, found_via)


def _one(file: Path, found_via: str) -> Iterator[Candidate]:
    with contextlib.suppress(OSError):
        if file.is_file():
            yield Candidate(str(file), found_via)
