"""Exporting: a question's answer as a file of another tool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from stackfix import app
from stackfix.asking import Question
from stackfix.errors import DiskError, QuestionError
from stackfix.facts.root import data_root
from stackfix.install.planned_hook import planned_hook
from stackfix.locking import check_hashes
from stackfix.model.lock import Address, Lock, LockedPackage
from stackfix.model.machine import Platform
from stackfix.model.request import MAIN
from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.wheel import WheelFile
from stackfix.plan.lock import lock_of
from stackfix.render.export.formats import FORMATS
from stackfix.render.export.subject import Subject
from stackfix.rules.tags import needed_glibc
from stackfix.together import complete
from stackfix.whole_file import write_whole

_MARK = "stackfix export"
_MARK_LIMIT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The text of an export, its usual file name, and the set that it holds."""

    text: str
    file: str
    executable: bool
    lock: Lock


def export(question: Question, format_name: str, folder: Path) -> Exported | Explanation:
    """Return a set in the form of another tool. Only a format that holds addresses asks the index for them."""
    chosen = FORMATS[format_name]
    answer = app.resolve(question, folder=folder, reasons="none", measure_asked=True)
    if isinstance(answer.result, Explanation):
        return answer.result
    found = subject_of(answer, question)
    if isinstance(found, Explanation):
        return found
    if not chosen.serves(found):
        raise QuestionError(
            f"`--format {format_name}` is for {chosen.system}, and this set is for {found.lock.platform}",
            hint="name the platform: `--platform win_amd64`"
            if chosen.system == "windows"
            else "name the platform: `--platform linux_x86_64`",
        )
    if chosen.addresses:
        located = app.lock(question, folder=folder)
        if isinstance(located, Explanation):
            return located
        text = app.lock_text(located)
    else:
        text = chosen.render(found)
    return Exported(text=text, file=chosen.file, executable=chosen.executable, lock=found.lock)


def subject_of(answer: app.Answer, question: Question) -> Subject | Explanation:
    """Return an answer as what is exported, no address in it; or why what the facts do not know does not go with it.

    Only what the facts do not know is asked of the index.
    """
    if not isinstance(answer.result, Resolution):
        raise TypeError(answer)
    result = answer.result
    others: tuple[LockedPackage, ...] = ()
    if answer.request.others or result.beside:
        whole = complete(result, answer.request, app.database(), offline=question.offline)
        if isinstance(whole, Explanation):
            return whole
        result, others = whole.resolution, whole.others
    nowhere = {pin.file.name: Address(url="") for pin in result.pins}
    lock = lock_of(result, nowhere, facts_date=answer.facts_date, recipe=answer.request.recipe)
    lock = replace(lock, packages=(*lock.packages, *others))
    check_hashes(lock, answer.request)
    files = [*(pin.file for pin in result.pins), *(_file_of(one) for one in others)]
    glibc = max((need for file in files if (need := needed_glibc(file)) is not None), default=None)
    return Subject(
        lock=lock,
        name=name_of(question),
        asked=(
            *question.targets,
            *(word for file in question.requirement_files for word in ("-r", file)),
            *(word for file in question.constraint_files for word in ("-c", file)),
        ),
        driver_floor=_floor(lock),
        glibc=".".join(map(str, glibc)) if glibc is not None else "",
        added=planned_hook([pin.wheel for pin in result.pins]),
        functions=(data_root() / "tool" / "shared.sh").read_text(encoding="utf-8"),
        sources={pin.name: pin.wheel.source for pin in result.pins if pin.wheel.source != MAIN},
    )


def _file_of(package: LockedPackage) -> WheelFile:
    file = package.file
    return WheelFile(name=file.name, size=file.size, sha256=file.sha256)


def name_of(question: Question) -> str:
    """Return a word for files and folders: the recipe, or the first package that is asked for."""
    first = question.targets[0] if question.targets else "stackfix"
    word = re.match(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?", first)
    return word[0].lower() if word else "stackfix"


def _floor(lock: Lock) -> str:
    """Return the oldest driver that runs the set's CUDA, "" for a set without."""
    if not lock.cuda:
        return ""
    system = Platform.parse(lock.platform).os
    floor = app.database().hardware.floor(int(lock.cuda.partition(".")[0]), system, wsl=False)
    return str(floor.driver) if floor is not None else ""


def write(exported: Exported, path: Path, *, chosen_by_user: bool) -> None:
    """Write an export whole or not at all; a usual name never overwrites what isn't an export."""
    target = path.resolve() if path.is_symlink() else path
    try:
        if target.is_dir() or not target.name:
            raise QuestionError(f"{path}: is a folder", hint="name a file: `-o FILE`")
        if not chosen_by_user and target.exists() and not _is_export(target):
            raise QuestionError(
                f"{path}: is there, and is not an export", hint="name another file: `-o FILE`, or `-o -`"
            )
        write_whole(path, exported.text, executable=exported.executable)
    except OSError as error:
        raise DiskError(f"{path}: cannot be written: {error.strerror or error}") from error


def _is_export(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(_MARK_LIMIT)
    return _MARK.encode() in head or b'created-by = "stackfix"' in head
