"""The overlay: rows that were measured where the user is, beside those that the installation carries.

One file a package and platform, `<overlay>/<platform>/<package>.jsonl`, laid out and written like `data/wheels`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from packaging.version import Version

from stackfix.errors import DataError, DiskError
from stackfix.facts.row_files import FOLDERS, of_overlay, read_rows
from stackfix.facts.rows import WheelRow

VARIABLE = "STACKFIX_DATA"
_FOLDER = "facts"
_LOCK_SECONDS = 60


def overlay_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the overlay lies, there or not: below STACKFIX_DATA, else below the user's data folder."""
    variables = os.environ if environment is None else environment
    named = variables.get(VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute() / _FOLDER
    if sys.platform == "linux":  # what platformdirs answers there; importing it costs each question 6 ms
        shared = variables.get("XDG_DATA_HOME", "").strip()
        return (Path(shared) if shared else Path.home() / ".local" / "share") / "stackfix" / _FOLDER
    from platformdirs import user_data_path  # noqa: PLC0415 - as said above

    return user_data_path("stackfix", appauthor=False) / _FOLDER


def unreadable(overlay: Path) -> str:
    """Return why an overlay, or a file of it, cannot be read; "" where it can be, and where there is none."""
    for folder in (overlay, *(overlay / platform for platform in FOLDERS)):
        try:
            with os.scandir(folder) as entries:
                closed = [each.path for each in entries if not os.access(each.path, os.R_OK)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"`{folder}`: {error.strerror}"
        if closed:
            return f"`{closed[0]}`: Permission denied"
    return ""


def refuse_unwritable(folder: Path) -> None:
    """Raise DiskError where nothing can be put into a folder (of an overlay, there or not), before rows are measured."""
    nearest = next(each for each in (folder, *folder.parents) if os.access(each, os.F_OK))
    if not nearest.is_dir():
        raise _unwritable(nearest, "Not a directory")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _unwritable(nearest, "this user has no right to, or the disk is read-only")


def _unwritable(place: str | Path, why: str) -> DiskError:
    return DiskError(
        f"{place}: cannot be written: {why}", hint=f"name a folder that can be written with {VARIABLE}"
    )


def write(overlay: Path, rows: Sequence[WheelRow]) -> tuple[Path, ...]:
    """Put rows into the overlay, in place of those of the same release and platform; return the files written.

    Each file is replaced whole or left as it was; a second writer waits. Raises DiskError where that cannot be done.
    """
    places = {(row.platform, row.package) for row in rows}
    written: list[Path] = []
    try:
        with _alone(overlay):
            for platform, package in sorted(places):
                path = overlay / platform / f"{package}.jsonl"
                new = [row for row in rows if (row.platform, row.package) == (platform, package)]
                replaced = {row.version for row in new}
                there = read_rows(path) if path.exists() else []
                kept = [row for row in there if row.version not in replaced]
                _replace(path, [*kept, *new])
                written.append(path)
    except DataError as error:
        raise of_overlay(error, overlay) from None
    except OSError as error:
        raise _unwritable(error.filename or overlay, error.strerror or str(error)) from error
    return tuple(written)


@contextmanager
def _alone(overlay: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only writing waits for anybody

    overlay.mkdir(parents=True, exist_ok=True)
    lock = FileLock(overlay / ".lock", timeout=_LOCK_SECONDS)
    try:
        with lock:
            yield
    except Timeout as error:
        raise DiskError(f"{overlay}: another stackfix has been writing here for a minute") from error


def _replace(path: Path, rows: Sequence[WheelRow]) -> None:
    ordered = sorted(rows, key=lambda row: (Version(row.version), row.files[0].name))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")  # one name will do: whoever writes is alone
    try:
        with part.open("wb") as file:
            file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in ordered))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
