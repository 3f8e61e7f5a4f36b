"""The uv or pip that installs, found in a fixed order, and what it leaves to be said when there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stackfix.errors import InstallerError
from stackfix.install.process import inherited, run

Choice: TypeAlias = Literal["auto", "uv", "pip"]


@dataclass(frozen=True, slots=True)
class Installer:
    """uv or pip, and the words that start it."""

    kind: Literal["uv", "pip"]
    command: tuple[str, ...]


def find_installer(choice: Choice, python: Path, variables: Mapping[str, str]) -> Installer:
    """Return the installer: uv where it is there, else a pip; InstallerError says what to get."""
    if choice in ("auto", "uv"):
        uv = _uv(variables)
        if uv:
            return Installer("uv", (uv,))
    if choice in ("auto", "pip"):
        for candidate in dict.fromkeys((sys.executable, str(python), os.path.realpath(python))):
            if candidate and _has_pip(candidate, variables):
                return Installer("pip", (candidate, "-m", "pip"))
    if choice == "uv":
        raise InstallerError("uv is not here", hint="get it with `pip install uv`, or use `--installer pip`")
    where = f"{sys.executable} and {python}"
    if choice == "pip":
        raise InstallerError(
            f"pip is not here: neither {where} has it (22.3 or later)", hint="run `python -m ensurepip`"
        )
    raise InstallerError(
        f"nothing can install here: uv is not on PATH, and neither {where} has pip (22.3 or later)",
        hint="run `python -m ensurepip`, or get uv",
    )


def _uv(variables: Mapping[str, str]) -> str:
    """Return uv of our own environment (the `uv` package), else the one on PATH, else ""."""
    name = "uv.exe" if os.name == "nt" else "uv"
    beside = Path(sys.executable).with_name(name)
    if importlib.util.find_spec("uv") is not None and beside.is_file():
        return str(beside)
    return shutil.which("uv", path=variables.get("PATH")) or ""


def _has_pip(python: str, variables: Mapping[str, str]) -> bool:
    """Whether a Python has a pip that knows `--python` (22.3 and later)."""
    question = "import pip; print(pip.__version__)"
    try:
        said = run([python, "-I", "-c", question], folder=Path("/"), environment=inherited(variables))
    except InstallerError:
        return False
    numbers = said.text.split(".")
    if said.code or len(numbers) < 2 or not (numbers[0].isdigit() and numbers[1].isdigit()):
        return False
    return (int(numbers[0]), int(numbers[1])) >= (22, 3)
