"""Closure: the linkage rule asked of what is on the disk, library by library.

From the libraries that a process loads (extension modules, and the plug-ins of the features that are wanted)
every needed name is followed. A library that nothing leads to may need what it likes: it is never loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from stackfix.model.environment import Environment, SharedLibrary
from stackfix.rules.reach import reached
from stackfix.rules.scene import LibraryFacts

_EXTENSION = re.compile(
    r"\.(?:cpython-\d+[a-z]*-[^/]*|abi3|cp\d+-[^/]*)\.(?:so|pyd)$|/_C\.so$|\.pyd$|/onnxruntime_pybind11_state\.so$",
    re.IGNORECASE,
)


class Missing(Struct, frozen=True, kw_only=True):
    """A name that nothing in the environment, the system or the driver brings, and who needs it.

    One library of each import folder speaks for all of it: what torch lacks onnxruntime may lack too.
    """

    soname: str
    needed_by: str


class Closure(Struct, frozen=True, kw_only=True):
    """What is missing, what the driver has to bring, and how many libraries were followed.

    `unread` are those of them that could not be read: what they need nobody knows.
    """

    missing: tuple[Missing, ...]
    from_driver: tuple[str, ...]
    followed: int
    unread: tuple[SharedLibrary, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether everything is there, up to the driver's own libraries."""
        return not self.missing


def closure(
    environment: Environment,
    libraries: LibraryFacts,
    *,
    plugins: Collection[str],
    opened: Iterable[tuple[str, str]],
) -> Closure:
    """Return the closure of an environment.

    `plugins` are file names that a wanted feature loads (`libonnxruntime_providers_cuda.so`); `opened` are
    (library path, soname) of names that are given to dlopen and cannot be done without.
    """
    walk = _Walk(environment, libraries)
    queue = [one for one in environment.libraries if _EXTENSION.search(one.path) or one.file_name in plugins]
    for path, soname in opened:
        queue += walk.meet(soname, path)
    followed: dict[str, SharedLibrary] = {}
    while queue:
        library = queue.pop()
        if library.path not in followed:
            followed[library.path] = library
            for soname in library.needed:
                queue += walk.meet(soname, library.path)
    return Closure(
        missing=tuple(
            Missing(soname=name, needed_by=path) for (name, _), path in sorted(walk.missing.items())
        ),
        from_driver=tuple(sorted(walk.from_driver)),
        followed=len(followed),
        unread=tuple(followed[path] for path in sorted(followed) if followed[path].broken),
    )


class _Walk:
    """Where names lead in one environment; keeps what nobody brings, and what the driver has to."""

    def __init__(self, environment: Environment, libraries: LibraryFacts) -> None:
        self._libraries = libraries
        self._present: dict[str, SharedLibrary] = {}
        gone = {path for each in environment.distributions for path in each.missing}
        # what loads onnxruntime's libraries looks into NVIDIA's folders whoever filled them; else run paths lead to a copy
        led = {one.stray for one in reached(environment)}
        unowned = (one for one in environment.strays if one.path in led or one.path.startswith("nvidia/"))
        for library in (*environment.libraries, *environment.beside, *unowned):
            for name in library.names if library.path not in gone else ():
                self._present.setdefault(name, library)
        paths = (
            path
            for each in environment.distributions
            for path in each.files
            if (".so" in path or path.endswith((".dll", ".pyd"))) and path not in gone
        )
        self._files = {path.rpartition("/")[2] for path in paths}
        self.missing: dict[tuple[str, str], str] = {}
        self.from_driver: set[str] = set()

    def meet(self, soname: str, needed_by: str) -> Iterator[SharedLibrary]:
        """Yield the library that a name leads to, if the environment has it."""
        if soname in self._present:
            yield self._present[soname]
        elif self._libraries.is_driver(soname):
            self.from_driver.add(soname)
        elif not self._libraries.is_system(soname) and soname not in self._files:
            folder = needed_by.partition("/")[0].partition(" ")[0]
            self.missing.setdefault((soname, folder), needed_by)
