"""The uv or pip that installs, found in a fixed order, and what it leaves to be said when there is none."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stackfix.errors import InstallerError
from stackfix.install.process import inherited, run

Choice: TypeAlias = Literal["auto", "uv", "pip"]
_NONE = (0, 0)
_PIP_SINCE = (22, 3)  # which knows `--python`


@dataclass(frozen=True, slots=True)
class Installer:
    """uv or pip, the words that start it, and the first two numbers of its version."""

    kind: Literal["uv", "pip"]
    command: tuple[str, ...]
    version: tuple[int, int] = (0, 0)


def find_installer(choice: Choice, python: Path, variables: Mapping[str, str]) -> Installer:
    """Return the installer: uv where it is there, else a pip; InstallerError says what to get."""
    if choice in ("auto", "uv"):
        uv = _uv(variables)
        if uv:
            return Installer("uv", (uv,), _version([uv, "--version"], variables))
    if choice in ("auto", "pip"):
        for candidate in dict.fromkeys((sys.executable, str(python), os.path.realpath(python))):
            version = _pip(candidate, variables) if candidate else _NONE
            if version >= _PIP_SINCE:
                return Installer("pip", (candidate, "-m", "pip"), version)
    if choice == "uv":
        raise InstallerError(
            "uv is not here",
            hint="get it with `pip install uv` or stackfix's extra `[uv]`, or use `--installer pip`",
        )
    where = f"{sys.executable} and {python}"
    if choice == "pip":
        raise InstallerError(
            f"pip is not here: neither {where} has it (22.3 or later)", hint="run `python -m ensurepip`"
        )
    raise InstallerError(
        f"nothing can install here: uv is not on PATH, and neither {where} has pip (22.3 or later)",
        hint="get uv (`pip install uv`, or stackfix's extra `[uv]`), or run `python -m ensurepip`",
    )


def _uv(variables: Mapping[str, str]) -> str:
    """Return uv of our own environment (the `uv` package), else the one on PATH, else ""."""
    name = "uv.exe" if os.name == "nt" else "uv"
    beside = Path(sys.executable).with_name(name)
    if importlib.util.find_spec("uv") is not None and beside.is_file():
        return str(beside)
    return shutil.which("uv", path=variables.get("PATH")) or ""


def _pip(python: str, variables: Mapping[str, str]) -> tuple[int, int]:
    """Return the version of a Python's pip."""
    return _version([python, "-I", "-c", "import pip; print('pip', pip.__version__)"], variables)


def _version(command: Sequence[str], variables: Mapping[str, str]) -> tuple[int, int]:
    """Return the version that a program says after its name ("uv 0.13.9"), (0, 0) where it says none."""
    try:
        said = run(command, folder=Path("/"), environment=inherited(variables))
    except InstallerError:
        return _NONE
    found = re.match(r"\w+ (\d+)\.(\d+)", said.text)
    return (int(found[1]), int(found[2])) if found and not said.code else _NONE
