"""A fresh, empty virtual environment of a chosen Python."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from stackfix.errors import DiskError, InstallerError, TargetError
from stackfix.install.installer import Installer
from stackfix.install.process import inherited, run
from stackfix.install.settings import uv_environment


def interpreter(environment: Path) -> Path:
    """Return the path of an environment's interpreter."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages(environment: Path) -> Path:
    """Return the folder into which an environment's packages go, or raise TargetError."""
    if os.name == "nt":
        return environment / "Lib" / "site-packages"
    found = sorted((environment / "lib").glob("python3.*/site-packages"))
    if len(found) != 1:
        raise TargetError(f"`{environment}` has {len(found)} site-packages folders, one is expected")
    return found[0]


def python_version(python: Path, variables: Mapping[str, str]) -> str:
    """Return major and minor of an interpreter ("3.12"), asked of itself; TargetError if it does not say."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        said = run(
            [str(python), "-I", "-S", "-c", question], folder=Path("/"), environment=inherited(variables)
        )
    except InstallerError as error:
        raise TargetError(f"`{python}` is not a Python that runs: {error.message}") from error
    if said.code:
        raise TargetError(f"`{python}` is not a Python that runs: {said.text[-300:] or f'exit {said.code}'}")
    return said.text


def no_cache(words: str) -> DiskError | None:
    """Return what is wrong where uv says that it has no cache folder, which no Python or index is to blame for."""
    found = re.search(r"Failed to initialize cache at `([^`]+)`(?:\s+(?:cause|Caused by): (.*))?", words)
    if found is None:
        return None
    return DiskError(
        f"uv cannot use its cache folder `{found[1]}`" + (f": {found[2]}" if found[2] else ""),
        hint="name a folder that can be written: `UV_CACHE_DIR=FOLDER`",
    )


def create(
    folder: Path,
    python: Path,
    installer: Installer,
    *,
    prompt: str,
    scratch: Path,
    variables: Mapping[str, str],
) -> None:
    """Make a virtual environment without any package at `folder`; InstallerError says why not."""
    if installer.kind == "uv":
        command = [*installer.command, "venv", "--no-project", "--python", str(python)]
        environment = uv_environment(inherited(variables), scratch)
    else:
        command = [str(python), "-I", "-m", "venv", "--without-pip"]
        environment = inherited(variables)
    # in one word with its option, and from the root: a name may begin with a dash
    ended = run(
        [*command, f"--prompt={prompt}", str(folder.absolute())], folder=scratch, environment=environment
    )
    if ended.code:
        raise no_cache(ended.text) or InstallerError(
            f"no environment can be made with `{python}`: {ended.text[-600:]}",
            hint="this Python may lack its venv module (on Debian and Ubuntu: python3-venv)"
            if "ensurepip" in ended.text or "No module named venv" in ended.text
            else "",
        )
