"""Bundling: the tool, the wheels of a set, its models and its lock in one folder, for a machine without a network."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from stackfix import app
from stackfix.asking import Question
from stackfix.errors import DiskError, NetworkError, QuestionError
from stackfix.exporting import subject_of
from stackfix.facts.recipes import load_recipe
from stackfix.facts.root import data_root
from stackfix.hub.cache import models_folder
from stackfix.index.config import index_config
from stackfix.index.download import digest_of, download, is_whole
from stackfix.index.network import open_transport
from stackfix.index.simple import project
from stackfix.index.transport import Transport
from stackfix.install.own_wheel import NAME, own_wheel
from stackfix.install.progress import Progress
from stackfix.install.space import Disks
from stackfix.model.bundle import Bundle, BundledFile
from stackfix.model.lock import Lock
from stackfix.model.machine import Platform
from stackfix.model.recipe import Model
from stackfix.model.resolution import Explanation
from stackfix.model.wheel import WheelFile
from stackfix.plan.lock import to_pylock
from stackfix.plan.tool_lock import ToolPin, tool_pins
from stackfix.render.bundle_document import bundle_text
from stackfix.render.export.shell import functions
from stackfix.render.export.subject import Subject
from stackfix.render.units import size as shown_size
from stackfix.rules.tags import best_file
from stackfix.versions import PythonVersion

INDEX = "bundle.json"
SCRIPTS = ("install.sh", "install.ps1")
WHEELS, TOOL, MODELS = "wheels", "tool", "models"
_THREADS = 4
_READS = '# shellcheck source=data/tool/shared.sh\n. "$here/shared.sh"'
_MARGIN = 64 << 20


class Wanted(Struct, frozen=True, kw_only=True):
    """One file that a bundle must hold, and where it is taken from; `size` 0 where the index does not say it."""

    path: str
    address: str
    size: int
    sha256: str


class Bundled(Struct, frozen=True, kw_only=True):
    """A bundle, the folder it lies in, and the sha256 of its index."""

    bundle: Bundle
    folder: Path
    sha256: str


def bundle(
    question: Question, folder: Path, progress: Progress, *, models: str = "auto"
) -> Bundled | Explanation:
    """Fill a folder with all that an install of the set needs; what is in it already is kept and not fetched again.

    `models` is "auto" (those of the cache, else the stand-ins), "standin", or a folder. Until `bundle.json` is
    there, which is written last, the folder is no bundle.
    """
    if question.offline:
        raise NetworkError("a bundle is filled from the index, and `--offline` forbids asking it")
    progress.stage("working out the newest set that works")
    answer = app.resolve(question, reasons="none", measure_asked=True)
    if isinstance(answer.result, Explanation):
        return answer.result
    subject = subject_of(answer, question)
    if isinstance(subject, Explanation):
        return subject
    networks = _networks(models, subject.lock.recipe)
    located = app.lock(question)
    if isinstance(located, Explanation):
        return located
    config = index_config()
    transport = open_transport()
    needed = _tool_files(_pins(located), transport, config.address, located)
    wanted = [*_set_files(located), *needed]
    missing = begun(wanted, networks, folder, progress)
    _fetch(missing, folder, transport, progress)
    progress.stage("adding stackfix itself, the models and the lock")
    files = [_named(folder, each.path) for each in wanted]
    files += _own(folder, _pins(located), needed)
    files += [_copied(source, folder, path) for path, source in networks.items()]
    files += [_written(folder, name, script(name).encode()) for name in SCRIPTS]
    files.append(_written(folder, "pylock.toml", to_pylock(_beside(located)).encode()))
    made = _described(subject, tuple(files), "own" if networks else "standin")
    text = bundle_text(made).encode()
    index = _written(folder, INDEX, text)
    return Bundled(bundle=made, folder=folder, sha256=index.sha256)


def begun(
    wanted: Sequence[Wanted], networks: Mapping[str, Path], folder: Path, progress: Progress
) -> list[Wanted]:
    """Make the folder and return what is still to be fetched into it; DiskError where there is no room for that."""
    _make(folder)
    (folder / INDEX).unlink(missing_ok=True)
    try:
        return _missing(wanted, networks, folder, progress)
    except DiskError:
        _leave_nothing(folder)
        raise


def script(name: str) -> str:
    """Return a script as it goes into a bundle: alone, with the functions that it reads from a file beside it."""
    tool = data_root() / "tool"
    text = (tool / name).read_text(encoding="utf-8")
    if _READS not in text:
        return text
    return text.replace(_READS, "\n".join(functions((tool / "shared.sh").read_text(encoding="utf-8"))))


def _described(subject: Subject, files: tuple[BundledFile, ...], models: str) -> Bundle:
    return Bundle(
        lock=subject.lock,
        name=subject.name,
        driver_floor=subject.driver_floor,
        glibc=subject.glibc,
        models=models,
        files=files,
    )


def _pins(lock: Lock) -> tuple[ToolPin, ...]:
    file = data_root() / "tool" / "requirements.txt"
    return tool_pins(file.read_text(encoding="utf-8"), lock.python, Platform.parse(lock.platform), str(file))


def _set_files(lock: Lock) -> list[Wanted]:
    return [
        Wanted(
            path=f"{WHEELS}/{each.file.name}",
            address=each.file.url,
            size=each.file.size,
            sha256=each.file.sha256,
        )
        for each in lock.packages
    ]


def _tool_files(pins: Sequence[ToolPin], transport: Transport, index: str, lock: Lock) -> list[Wanted]:
    """Return the wheel of each thing that the tool needs, as the index has it; its hash must be a locked one."""
    python, platform = PythonVersion.parse(lock.python), Platform.parse(lock.platform)
    glibc = tuple(int(part) for part in lock.glibc.split(".")) if lock.glibc else None
    libc = (glibc[0], glibc[1]) if glibc is not None else None
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        pages = pool.map(lambda pin: project(transport, index, pin.name), pins)
        found: list[Wanted] = []
        for pin, page in zip(pins, pages, strict=True):
            files = {each.name: each for each in page if each.sha256 in pin.hashes}
            offered = [
                WheelFile(
                    name=each.name,
                    size=each.size,
                    sha256=each.sha256,
                    requires_python=each.requires_python,
                )
                for each in files.values()
                if each.name.endswith(".whl")
            ]
            best = best_file(offered, python, platform, libc)
            if best is None:
                raise NetworkError(
                    f"the index has no file of {pin.name} {pin.version} that stackfix is locked to and that fits "
                    f"Python {lock.python} on {lock.platform}"
                )
            found.append(
                Wanted(
                    path=f"{TOOL}/{best.name}",
                    address=files[best.name].address,
                    size=best.size,
                    sha256=best.sha256,
                )
            )
    return found


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise QuestionError(f"{folder}: is not a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / WHEELS).is_dir():
        raise QuestionError(
            f"{folder}: is not empty and holds no bundle", hint="name a new folder: `-o FOLDER`"
        )
    try:
        for name in (WHEELS, TOOL):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"{folder}: cannot be made: {error.strerror or error}") from error


def _leave_nothing(folder: Path) -> None:
    """Take the folders away that were made for a bundle which is not begun; what is in them keeps them."""
    for each in (folder / WHEELS, folder / TOOL, folder):
        with contextlib.suppress(OSError):
            each.rmdir()


def _missing(
    wanted: Sequence[Wanted], networks: Mapping[str, Path], folder: Path, progress: Progress
) -> list[Wanted]:
    """Return what is still to be fetched, say how much it is, and raise DiskError where there is no room for it."""
    total = sum(each.size for each in wanted) + sum(path.stat().st_size for path in networks.values())
    progress.stage(f"{len(wanted)} wheels and {len(networks)} models: {shown_size(total)}")
    missing = [each for each in wanted if not is_whole(folder / each.path, each.size, each.sha256)]
    parts = (folder / f"{each.path}.part" for each in missing)
    begun = sum(part.stat().st_size for part in parts if part.is_file())
    left = max(0, sum(each.size for each in missing) - begun)
    if len(missing) < len(wanted) or begun:
        progress.stage(
            f"{len(wanted) - len(missing)} of them are there; {shown_size(left)} are left to fetch"
        )
    free = Disks().free_bytes(folder)
    if free < left + _MARGIN:
        raise DiskError(
            f"not enough room in `{folder}`: {shown_size(left + _MARGIN)} are needed, {shown_size(free)} are free",
            hint="free some space there, or name a folder on another disk: `-o FOLDER`",
        )
    return missing


def _fetch(wanted: Sequence[Wanted], folder: Path, transport: Transport, progress: Progress) -> None:
    """Download in parallel, the largest first; a line for each file that is done, and on a terminal how far all is."""
    total = sum(each.size for each in wanted)
    done = {"bytes": 0, "files": 0}

    def one(each: Wanted) -> Wanted:
        download(
            transport,
            each.address,
            folder / each.path,
            size=each.size,
            sha256=each.sha256,
            heard=_counting(done, total, progress),
        )
        return each

    ordered = sorted(wanted, key=lambda each: (-each.size, each.path))
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        futures = [pool.submit(one, each) for each in ordered]
        try:
            for future in as_completed(futures):
                each = future.result()
                done["files"] += 1
                where = (
                    f"{done['files']} of {len(wanted)}, {shown_size(done['bytes'])} of {shown_size(total)}"
                )
                progress.stage(f"{each.path.rpartition('/')[2]} ({where})")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _counting(done: dict[str, int], total: int, progress: Progress) -> Callable[[int], None]:
    def heard(count: int) -> None:
        done["bytes"] += count
        if progress.bars:
            progress.draw(f"\r{shown_size(done['bytes'])} of {shown_size(total)}   \r".encode())

    return heard


def _own(folder: Path, pins: Sequence[ToolPin], files: Sequence[Wanted]) -> list[BundledFile]:
    """Add the wheel of stackfix, and the requirements by which it is installed: exactly the files that are there."""
    package = Path(app.__file__).resolve().parent
    wheel = own_wheel(folder / TOOL, package, data_root())
    version = wheel.name.split("-")[1]
    by_package = zip(pins, files, strict=True)
    lines = [f"{pin.name}=={pin.version} --hash=sha256:{file.sha256}\n" for pin, file in by_package]
    lines.append(f"{NAME}=={version} --hash=sha256:{digest_of(wheel)}\n")
    return [
        _named(folder, f"{TOOL}/{wheel.name}"),
        _written(folder, f"{TOOL}/requirements.txt", "".join(lines).encode()),
    ]


def _networks(word: str, recipe: str) -> dict[str, Path]:
    """Return path in the bundle -> file for a recipe's models; empty where the stand-ins of the tool serve.

    A file is only taken if it is the recipe's by size and sha256.
    """
    if not recipe or word == "standin":
        return {}
    models = load_recipe(data_root(), recipe).needed
    folder = models_folder(os.environ) / recipe if word == "auto" else Path(word)
    problems = [problem for model in models if (problem := _problem(folder / model.file, model))]
    if problems and word != "auto":
        raise QuestionError(
            f"{folder}: {'; '.join(problems)}", hint="`--models standin` does without the networks themselves"
        )
    return {} if problems else {f"{MODELS}/{recipe}/{model.file}": folder / model.file for model in models}


def _problem(path: Path, model: Model) -> str:
    if not path.is_file():
        return f"`{model.file}` is not there"
    return (
        ""
        if is_whole(path, model.bytes, model.sha256)
        else f"`{model.file}` is not the file of sha256 {model.sha256}"
    )


def _beside(lock: Lock) -> Lock:
    """Return the lock with each file by its path in the bundle, and no index."""
    return replace(
        lock,
        packages=tuple(
            replace(each, index="", file=replace(each.file, url=f"{WHEELS}/{each.file.name}"))
            for each in lock.packages
        ),
    )


def _copied(source: Path, folder: Path, path: str) -> BundledFile:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error
    return _named(folder, path)


def _written(folder: Path, path: str, content: bytes) -> BundledFile:
    target = folder / path
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error
    return _named(folder, path)


def _named(folder: Path, path: str) -> BundledFile:
    target = folder / path
    return BundledFile(path=path, size=target.stat().st_size, sha256=digest_of(target))
