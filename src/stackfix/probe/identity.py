"""Who uses this machine and where: what a text for strangers must not tell."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stackfix.model.identity import Identity

# as a word of its own such a name tells nothing, and is said in many a sentence
_USUAL = {"", ".", "..", "env", "venv", ".venv", "ENV", "python", "dwpose-env", "python_embeded"}
_USERS = ("USER", "LOGNAME", "USERNAME", "SUDO_USER")
# what names folders or files that answers repeat
_PLACES = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PYTHONPATH",
    "PYTHONHOME",
    "TMPDIR",
    "STACKFIX_MODELS",
    "STACKFIX_DATA",
)
# below these lies what a system or a driver brings, which tells nobody's name and why something is broken
_OF_SYSTEM = re.compile(r"/(usr|lib|lib64|etc|proc|sys)(/|$)")


def read_identity(
    environment: Path | None = None,
    named: Sequence[Path] = (),
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Identity:
    """Return user, host and home of this machine, and the folders of the environment and of the work, links followed.

    `named` are files that the user named: the folders above them tell where the work is too, and so do the folders
    that variables name.
    """
    environ = os.environ if variables is None else variables
    here = cwd or Path.cwd()
    homes = [environ.get("HOME", ""), environ.get("USERPROFILE", "")]
    with contextlib.suppress(RuntimeError):
        homes.append(str(Path.home()))
    users = [environ.get(name, "") for name in _USERS]
    users += [Path(home).name for home in homes if Path(home).parent.name in {"home", "Users"}]
    with contextlib.suppress(OSError, KeyError, ImportError):
        users.append(getpass.getuser())
    host = platform.node()
    return Identity(
        users=_once(users),
        hosts=_once((host, host.partition(".")[0], environ.get("COMPUTERNAME", ""))),
        homes=_once(each for home in homes if home for each in (home, str(_real(Path(home))))),
        folders=tuple(
            dict.fromkeys(
                (
                    *(each for path in named for each in _above(path, here)),
                    *(each for path in _told_by(environ) for each in _at(path, here)),
                    *_around(here),
                    *(_environment(environment, here) if environment else ()),
                )
            )
        ),
    )


def _around(here: Path) -> Iterator[tuple[str, str]]:
    for folder in (here, _real(here)):
        yield str(folder), "FOLDER"


def _told_by(environ: Mapping[str, str]) -> Iterator[Path]:
    for name in _PLACES:
        # the loader takes a space between two libraries too
        between = rf"[{re.escape(os.pathsep)} ]" if name == "LD_PRELOAD" else re.escape(os.pathsep)
        yield from (Path(each) for each in re.split(between, environ.get(name, "")) if each)


def _at(path: Path, here: Path) -> Iterator[tuple[str, str]]:
    """Yield a folder of a variable and those above it; of a file those above it."""
    whole = Path(os.path.normpath(here / path))
    if not _OF_SYSTEM.match(str(whole)):
        inner = whole.parent if ".so" in whole.name or whole.is_file() else whole
        yield from ((str(each), "FOLDER") for each in (inner, _real(inner)))
        yield from _above(inner, here)


def _above(path: Path, here: Path) -> Iterator[tuple[str, str]]:
    whole = Path(os.path.normpath(here / path))
    yield from ((str(parent), "FOLDER") for place in (whole, _real(whole)) for parent in place.parents)
    if str(path.parent) not in _USUAL:
        yield str(path.parent), "FOLDER"


def _environment(environment: Path, here: Path) -> Iterator[tuple[str, str]]:
    whole = here / environment
    if whole.is_file():  # its interpreter was named
        whole = whole.parent.parent if whole.parent.name in {"bin", "Scripts"} else whole.parent
    places = [Path(os.path.normpath(whole)), _real(whole)]
    for place in places:
        yield from ((str(parent), "FOLDER") for parent in place.parents)
    python = next((each for each in (whole / "bin" / "python", whole / "python.exe") if each.exists()), None)
    if python is not None:
        base = _real(python).parent
        yield str(base.parent if base.name in {"bin", "Scripts"} else base), "PYTHON"
    if str(environment) not in _USUAL and whole == here / environment:
        yield str(environment), "ENVIRONMENT"
    for place in places:
        yield str(place), "ENVIRONMENT"


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
