"""Reach: to which of several files of one name the loader comes, by the run paths of the libraries that need it.

A copy that somebody put into an environment does harm only where a library is led to it. The loader of Linux looks into
the folders of a library's DT_RUNPATH, or of its DT_RPATH and of those of the libraries that needed it, in their order
(man ld.so), and takes the first file of the name; what a program opens by dlopen inherits none (seen with glibc 2.36:
onnxruntime-gpu 1.16.3 does not find what lies beside its provider). That of Windows looks beside the library and beside
the program, and torch opens whatever lies in `torch/lib` (torch/__init__.py).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from stackfix.model.environment import Environment, SharedLibrary

_BESIDE_PROGRAM = "../.."  # from site-packages: where python.exe of a portable Python is
_ALL_OPENED = "torch/lib"


class Reached(Struct, frozen=True, kw_only=True):
    """A stray copy, the library that is led to it, and the package's own file of that name ("" where there is none)."""

    stray: str
    by: str
    own: str


def reached(environment: Environment) -> tuple[Reached, ...]:
    """Return the stray copies that libraries of the environment are led to, each with the first that is.

    What a process has loaded already nobody looks for: a copy that is in the way of a later library alone is not
    reached.
    """
    strays = {one.path: one for one in environment.strays}
    if not strays:
        return ()
    own = {one.file_name: one.path for one in environment.libraries if ".libs/" not in one.path}
    led = _beside(environment, strays) if environment.windows else _by_run_paths(environment, strays)
    first: dict[str, str] = {}
    for path, by in led:
        first.setdefault(path, by)
    for path in list(first):  # cuDNN opens its parts beside itself
        for other in strays:
            if _family(other) == _family(path):
                first.setdefault(other, path)
    return tuple(
        Reached(stray=path, by=first[path], own=own.get(one.file_name, ""))
        for path, one in strays.items()
        if path in first
    )


def doubled(environment: Environment, coming: Collection[str] = ()) -> tuple[str, ...]:
    """Return the stray copies of files that a package brings too, or will: `coming` are names that are installed next."""
    names = {one.file_name for one in environment.libraries} | set(coming)
    return tuple(one.path for one in environment.strays if one.file_name in names)


def _beside(environment: Environment, strays: Mapping[str, SharedLibrary]) -> Iterator[tuple[str, str]]:
    """Yield (stray copy, library that is led to it) as Windows does."""
    for path, one in strays.items():
        folder = posixpath.dirname(path)
        for library in environment.libraries:
            needs = one.file_name in map(str.lower, library.needed)
            if needs and folder in (posixpath.dirname(library.path), _BESIDE_PROGRAM):
                yield path, library.path
        if folder == _ALL_OPENED:
            yield path, "torch/__init__.py"


def _by_run_paths(environment: Environment, strays: Mapping[str, SharedLibrary]) -> Iterator[tuple[str, str]]:
    """Yield (stray copy, library that is led to it) as the loader of Linux does.

    torch is loaded before what was compiled for it, and opens parts of its own later; NVIDIA's libraries are loaded by
    who needs them, or by path.
    """
    there = {**{one.path: one for one in environment.libraries}, **strays}
    after_torch = {
        path for each in environment.distributions if each.compiled_for_torch for path in each.files
    }
    with_torch: set[str] = set()
    for library in sorted(environment.libraries, key=_turn):
        if library.path.startswith("nvidia/"):
            continue
        of_torch = library.path.startswith("torch/")
        loaded = with_torch if of_torch else set(with_torch) if library.path in after_torch else set()
        for path, by in _loads(library, there, loaded):
            if path in strays:
                yield path, by


def _turn(library: SharedLibrary) -> int:
    """Return when a library is loaded: torch/__init__.py opens these two first."""
    if library.file_name == "libtorch_global_deps.so":
        return 0
    if library.path.startswith("torch/_C."):
        return 1
    return 2 if library.path.startswith("torch/") else 3


def _loads(
    root: SharedLibrary, there: Mapping[str, SharedLibrary], loaded: set[str]
) -> Iterator[tuple[str, str]]:
    """Yield (library, who needs it) in the order of loading, breadth first; `loaded` are the names that are there."""
    loaded |= root.names
    queue: list[tuple[SharedLibrary, tuple[str, ...]]] = [(root, ())]
    for library, inherited in queue:  # it grows
        own = _folders(library)
        hands_on = library.run_path_first or not own
        search = tuple(dict.fromkeys((*own, *inherited))) if hands_on else own
        for name in library.needed:
            if name in loaded:
                continue
            path = next((f"{folder}/{name}" for folder in search if f"{folder}/{name}" in there), "")
            if path:
                loaded |= {name, *there[path].names}
                queue.append((there[path], search if hands_on else ()))
                yield path, library.path


def _family(path: str) -> str:
    """Return folder and stem of a library: all parts of one cuDNN in one folder have the same."""
    folder, name = posixpath.split(path)
    return f"{folder}/{re.split('[_.-]', name, maxsplit=1)[0]}"


def _folders(library: SharedLibrary) -> tuple[str, ...]:
    """Return the folders of a library's run path that lie in site-packages, relative to it."""
    here = posixpath.dirname(library.path)
    texts = (each.replace("${ORIGIN}", "$ORIGIN") for each in library.run_path if each.startswith("$"))
    return tuple(posixpath.normpath(each.replace("$ORIGIN", here or ".")) for each in texts)
