"""An installed environment, read from outside: a venv, a conda prefix, a portable Python, or a system's own.

Nothing of it is imported. It is read from its files alone; only a Python that lies in none of the usual layouts is
asked for its folders, without site and without packages.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from stackfix.errors import MeasureError, QuestionError, TargetError
from stackfix.measure import elf
from stackfix.measure.reader import held
from stackfix.model.environment import NO_PYTHON, Distribution, Duplicate, Environment, SharedLibrary
from stackfix.probe.builds import read_builds
from stackfix.probe.child import Ended, run_child
from stackfix.probe.distributions import cut_off, left_by_pip, once_each, read_distributions
from stackfix.probe.outside import outside_folders, read_outside
from stackfix.probe.overlays import user_packages
from stackfix.probe.scripts import strange_scripts
from stackfix.probe.shelf import MAX_TEXT, Shelf, read_library
from stackfix.probe.strays import stray_libraries
from stackfix.versions import PythonVersion

HOOK = "stackfix_libraries.pth"
MARKER = "stackfix.json"
PORTABLE = ("python_embeded", "python_embedded", "python")
_OWNED = ("torch", "torchvision", "torchaudio", "onnxruntime", "cv2", "numpy")
_NVIDIA = re.compile(r"lib(cud|cublas|cufft|curand|cusolver|cusparse|nv|nccl)[^/]*\.so\.\d+")
_PYTHON_DLL = re.compile(r"python3(\d+)\.(dll|_pth|zip)", re.IGNORECASE)
_QUESTION = (
    "import json, sys, sysconfig as s; p = s.get_paths();"
    "print(json.dumps(['%d.%d.%d' % sys.version_info[:3], sys.prefix, p['purelib'], p['platlib']]))"
)


def read_environment(path: Path) -> Environment:
    """Return what is installed in an environment (its folder), or beside an interpreter (its file).

    A folder that holds a portable Python (`python_embeded`) or a venv (`.venv`, `venv`) will do too. Raises TargetError
    where there is none. Broken distributions and libraries are named, not raised.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - a venv's python is a link that must not be followed
    try:
        folder = _folder_of(path)
        if folder is not None:
            return _from_files(folder)
    except OSError as error:
        raise TargetError(f"`{path}` cannot be read: {error.strerror or error}") from error
    for executable in (path, path / "bin" / "python", path / "bin" / "python3", path / "python.exe"):
        if os.path.isfile(executable) and os.access(executable, os.X_OK):  # noqa: PTH113 - no error where nothing may be read
            return _asked(executable)
    if not os.path.lexists(path):
        raise TargetError(f"`{path}` is not there", hint="name the folder of an environment")
    raise TargetError(
        f"`{path}` is no environment: there is no pyvenv.cfg in it, no conda-meta and no Python",
        hint="name the folder of a venv, a conda environment or a portable Python",
    )


def _folder_of(path: Path) -> Path | None:
    """Return the folder of a layout that is known; an interpreter's path leads to it too."""
    if path.is_dir():
        candidates = [path, path / ".venv", path / "venv", *(path / name for name in PORTABLE)]
    else:
        candidates = [path.parent.parent, path.parent]
    for folder in candidates:
        if (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir() or _portable_minor(folder):
            return folder
    if path.is_dir() and list(_site_packages(path)):
        return path  # a venv that has lost its pyvenv.cfg, or a Python's own prefix
    return None


def _portable_minor(folder: Path) -> str:
    """Return "3.12" where a folder holds Python for Windows itself."""
    if not (folder / "Lib" / "site-packages").is_dir():
        return ""
    for entry in sorted(folder.iterdir()):
        named = _PYTHON_DLL.fullmatch(entry.name)
        if named and named[1]:
            return f"3.{named[1]}"
    return ""


def _site_packages(folder: Path) -> Iterator[Path]:
    windows = folder / "Lib" / "site-packages"
    if windows.is_dir():
        yield windows
    for pattern in ("lib/python3.*/site-packages", "lib64/python3.*/site-packages"):
        for each in sorted(folder.glob(pattern)):
            if each.is_dir() and not (pattern.startswith("lib64") and (folder / "lib64").is_symlink()):
                yield each


def _from_files(folder: Path) -> Environment:
    settings = dict(_settings(folder / "pyvenv.cfg"))
    found = list(_site_packages(folder))
    windows = (found[0].parent if found else folder / "Lib").name == "Lib" and (folder / "Lib").is_dir()
    if (folder / "conda-meta").is_dir():
        kind = "conda"
    elif (folder / "pyvenv.cfg").is_file():
        kind = "venv"
    else:
        kind = "portable" if windows else "system"
    broken: list[str] = [] if found else ["it has no site-packages folder"]
    executable = _executable(folder, kind, windows=windows)
    lost = kind == "system" and (folder / "bin" / "activate").exists()
    if kind == "system" and not lost and not os.path.lexists(executable):
        broken.append(NO_PYTHON)
    elif not os.path.exists(executable):  # noqa: PTH110 - no error where nothing may be read
        what = f"its interpreter `{executable}` is gone"
        if os.path.islink(executable):  # noqa: PTH114 - likewise
            what += f": it leads to `{os.readlink(executable)}`, which is not there"  # noqa: PTH115 - as it is written
        broken.append(what)
    if lost:
        broken.append("its pyvenv.cfg is gone: Python does not take it for an environment any more")
    elif kind == "venv" and (home := settings.get("home")) and not windows and not _is_folder(home):
        broken.append(f"the Python that it was made from, in `{home}`, is gone")
    version = _version(folder, found, settings)
    packages = [found[0]] if windows else [each for each in found if _is_of(each, version)] or found
    return _environment(
        folder,
        executable,
        version,
        packages,
        kind=kind,
        windows=windows,
        home=settings.get("home", "")
        if settings.get("include-system-site-packages", "").lower() == "true"
        else "",
        broken=broken,
    )


def _is_folder(path: str) -> bool:
    return "\0" not in path and os.path.isdir(path)  # noqa: PTH112 - no error where nothing may be read


def _executable(folder: Path, kind: str, *, windows: bool) -> Path:
    if windows:
        return folder / "Scripts" / "python.exe" if kind == "venv" else folder / "python.exe"
    python = folder / "bin" / "python"
    other = folder / "bin" / "python3"
    return other if os.path.exists(other) and not os.path.lexists(python) else python  # noqa: PTH110 - likewise


def _is_of(packages: Path, version: PythonVersion) -> bool:
    return packages.parent.name == f"python{version.major}.{version.minor}"


def _version(folder: Path, packages: Sequence[Path], settings: dict[str, str]) -> PythonVersion:
    """Return the Python that pyvenv.cfg names, else that of a DLL, of a folder's name, or of conda's own record."""
    named = [each.parent.name.removeprefix("python") for each in packages]
    written = (settings.get("version_info", ""), settings.get("version", ""))
    for said in (*written, _portable_minor(folder), _conda_version(folder), *named):
        if found := _parsed(said):
            return found
    raise TargetError(f"`{folder}` is a broken environment: nothing in it tells its Python's version")


def _parsed(said: str) -> PythonVersion | None:
    try:
        return PythonVersion.parse(".".join(said.split(".")[:3]))
    except QuestionError:
        return None


def _conda_version(folder: Path) -> str:
    for each in sorted(folder.glob("conda-meta/python-3.*.json")):
        return each.name.split("-")[1]
    return ""


def _settings(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open("rb") as handle:
            text = handle.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            yield key.strip().lower(), value.strip()


def _asked(executable: Path) -> Environment:
    answer = run_child([str(executable), "-I", "-S", "-c", _QUESTION], seconds=30)
    try:
        if not isinstance(answer, Ended):
            raise ValueError(answer.reason)  # noqa: TRY004, TRY301 - one place says what did not answer
        version, prefix, *folders = json.loads(answer.out)
        packages = [Path(str(each)) for each in dict.fromkeys(folders)]
        parsed = PythonVersion.parse(str(version))
        users = user_packages(os.environ, f"{parsed.major}.{parsed.minor}", folders)
    except (ValueError, TypeError, QuestionError) as error:
        raise TargetError(f"`{executable}` is not a Python that answers") from error
    if users:
        packages.insert(0, Path(users))
    return _environment(Path(str(prefix)), executable, parsed, packages, kind="system")


def _environment(
    folder: Path,
    executable: Path,
    version: PythonVersion,
    packages: Sequence[Path],
    *,
    kind: str,
    windows: bool = False,
    home: str = "",
    broken: Sequence[str] = (),
) -> Environment:
    unreadable: list[str] = []
    processor = "" if windows else _processor(executable)
    shelves = [Shelf(str(each), processor) for each in packages]
    distributions: list[Distribution] = []
    duplicates: list[Duplicate] = []
    for shelf in shelves:
        read, several = once_each(read_distributions(shelf, unreadable))
        before = {each.name for each in distributions}
        distributions += [each for each in read if each.name not in before]
        duplicates += several
    folders = () if windows else tuple(outside_folders([shelf.folder for shelf in shelves], home, version))
    outside = tuple(read_outside(folders, {each.name for each in distributions}))
    beside = tuple(_beside(folder, processor)) if kind == "conda" and not windows else ()
    filled = {path.partition("/")[0] for each in distributions for path in each.files}
    named = {each.name for each in distributions if not each.files}
    return Environment(
        path=str(folder),
        executable=str(executable),
        python=version,
        site_packages=tuple(str(each) for each in packages),
        distributions=tuple(sorted(distributions, key=lambda each: each.name)),
        kind=kind,
        windows=windows,
        hook=any(shelf.has(HOOK) for shelf in shelves),
        lock=_lock(folder / MARKER),
        includes_system=bool(home),
        builds=dict(each for shelf in shelves for each in read_builds(shelf)),
        ownerless=tuple(
            name
            for name in _OWNED
            if name not in filled
            and name not in named
            and any(_is_filled(shelf, name) for shelf in shelves)
            and not (kind == "conda" and _conda_brought(folder, name))
        ),
        beside=(*beside, *(library for each in outside for library in each.libraries)),
        outside=outside,
        strays=tuple(
            library
            for shelf in shelves
            for library in stray_libraries(shelf, distributions, portable=kind == "portable")
        ),
        duplicates=tuple(duplicates),
        strange_scripts=strange_scripts(folder) if kind == "venv" and not windows else (),
        unreadable=tuple(unreadable),
        abandoned=tuple(name for shelf in shelves for name in left_by_pip(shelf)),
        cut_off=tuple(each for shelf in shelves for each in cut_off(shelf)),
        broken=tuple(broken),
    )


def _conda_brought(folder: Path, name: str) -> bool:
    """Whether a package of conda lists files of an import folder; its `py-opencv` has no RECORD that does."""
    wanted = f"site-packages/{name}/".encode()
    return any(_holds(record, wanted) for record in folder.glob("conda-meta/*.json"))


def _holds(record: Path, wanted: bytes) -> bool:
    try:
        with record.open("rb") as handle:
            return wanted in handle.read(MAX_TEXT)
    except OSError:
        return False


def _is_filled(shelf: Shelf, name: str) -> bool:
    """Whether an import folder holds anything but cached bytecode."""
    try:
        return any(entry != "__pycache__" for entry in os.listdir(shelf.at(name)))  # noqa: PTH208 - as in distributions
    except OSError:
        return False


def _processor(executable: Path) -> str:
    """Return what an interpreter is built for, "" where its file does not tell: a script, or gone."""
    try:
        with held(str(executable)) as reader:
            return elf.processor(reader)
    except (MeasureError, OSError):
        return ""


def _beside(folder: Path, processor: str) -> Iterator[SharedLibrary]:
    """Yield NVIDIA's libraries of a conda prefix: conda puts them into `lib`, which its Python's run path names."""
    shelf = Shelf(str(folder / "lib"), processor)
    try:
        names = sorted(os.listdir(shelf.folder))  # noqa: PTH208 - as in distributions
    except OSError:
        return
    for name in names:
        if _NVIDIA.fullmatch(name):
            yield read_library(shelf, name)


def _lock(marker: Path) -> str:
    try:
        with marker.open("rb") as handle:
            document = json.loads(handle.read(MAX_TEXT))
        return str(document["lock"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
