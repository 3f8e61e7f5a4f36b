"""An environment that is whole and proved, in the place of what was there; or nothing changed at all.

The environment is built in a folder beside the target, filled, hooked, proved there, made to name its final
place, and switched in by one rename (`staging`).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace as replaced

from stackfix.errors import QuestionError, TargetError
from stackfix.install.apply import apply
from stackfix.install.create import create, python_version, site_packages
from stackfix.install.hook import add_hook
from stackfix.install.installer import Choice, find_installer
from stackfix.install.interruption import interruptions_wait
from stackfix.install.journal import read_journal
from stackfix.install.marker import Marker, write_marker
from stackfix.install.progress import Progress, Silent
from stackfix.install.space import Disks, FreeSpace, amount, check_room
from stackfix.install.staging import NotProvedError, changing, staged
from stackfix.install.switch import Undone, finished_undo
from stackfix.install.switch import undo as _undo
from stackfix.install.target import Beside, judge, make_parent, resolved
from stackfix.install.way import way_of
from stackfix.model.environment import Environment
from stackfix.model.lock import Lock
from stackfix.plan.lock import to_pylock

NO_UV = "uv is not here, so pip installs; uv takes less than half the time: `pip install uv`, or stackfix's extra `[uv]`"


def install(
    lock: Lock,
    target: Path,
    python: Path,
    *,
    read: Callable[[Path], Environment],
    prove: Callable[[Environment], object],
    minor_version: str = "",
    builds: Collection[str] = (),
    installer: Choice = "auto",
    progress: Progress | None = None,
    replace: bool = False,
    wait_seconds: float = 0,
    space: FreeSpace | None = None,
    variables: Mapping[str, str] | None = None,
) -> Path:
    """Return where the environment of the lock stands, made with the interpreter `python`: `target`, links followed.

    `builds` are the packages that may be built from source, `minor_version` is what `python` has said of itself
    ("3.12"), "" where it has not been asked. `read` reads an environment from outside, once: 20,000 files are looked
    at. `prove` gets what was read while the new environment still stands beside the target, and answers something
    true if it works (NotProvedError otherwise). Whatever goes wrong, or Ctrl-C, leaves the target as it was and
    nothing beside it.
    """
    shown: Progress = progress if progress is not None else Silent()
    environment = dict(os.environ if variables is None else variables)
    place = resolved(target)
    judge(place, replace=replace)
    _check_python(lock, python, minor_version or python_version(python, environment))
    chosen = find_installer(installer, python, environment)
    if installer == "auto" and chosen.kind == "pip":
        shown.stage(NO_UV)
    made = make_parent(place)
    try:
        with (
            changing(place, shown, wait_seconds=wait_seconds) as beside,
            tempfile.TemporaryDirectory(prefix="stackfix-") as name,
        ):
            scratch = Path(name)
            judge(place, replace=replace)
            way = way_of(lock, chosen, scratch=scratch, variables=environment)
            room = check_room(lock, place.parent, way, space if space is not None else Disks())
            count = len(lock.packages)
            shown.stage(f"{count} package{'' if count == 1 else 's'}: {room}")
            with staged(beside) as new:
                shown.stage(f"making an environment with Python {lock.python}")
                create(new.folder, python, chosen, prompt=place.name, scratch=scratch, variables=environment)
                shown.stage(f"installing {amount(lock.download_bytes)} with {chosen.kind}")
                apply(
                    lock,
                    new.folder,
                    chosen,
                    scratch=scratch,
                    variables=environment,
                    progress=shown,
                    builds=builds,
                )
                filled = read(new.folder)
                added = add_hook(site_packages(new.folder), filled)
                marker = Marker(build=new.build, installer=chosen.kind, lock=to_pylock(lock), added=added)
                write_marker(new.folder, marker)
                shown.stage("proving that it works")
                _proved(prove, replaced(filled, hook=bool(added), lock=marker.lock))
            shown.stage(f"`{place}` is ready")
    except BaseException:
        _remove_empty(made)
        raise
    return place


def undo(target: Path, *, wait_seconds: float = 0, progress: Progress | None = None) -> Undone:
    """Put back what was at `target` before the last change, and say what that was; TargetError if nothing is kept.

    What an earlier run left is finished or undone first, and said. An undo that was cut off is what is finished: then
    nothing more is done, for a second one would take it back.
    """
    place = resolved(target)
    if not place.parent.is_dir():
        raise TargetError(
            f"`{place}` is not there, nor is the folder it would be in",
            hint="undo works on an environment that `stackfix install` replaced or `stackfix fix` mended",
        )
    left = read_journal(Beside(place))
    with changing(place, progress or Silent(), wait_seconds=wait_seconds) as beside, interruptions_wait():
        if left is not None and left.step == "undoing":
            return finished_undo(beside)
        return _undo(beside)


def _proved(prove: Callable[[Environment], object], environment: Environment) -> None:
    started = time.monotonic()
    if not prove(environment):
        raise NotProvedError(
            f"the new environment did not pass its proof after {time.monotonic() - started:.0f} s; "
            "nothing was changed"
        )


def _check_python(lock: Lock, python: Path, found: str) -> None:
    if found != lock.python:
        raise QuestionError(
            f"the lock is for Python {lock.python}, `{python}` is Python {found}",
            hint=f"name a Python {lock.python}, or lock again",
        )


def _remove_empty(folders: tuple[Path, ...]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
