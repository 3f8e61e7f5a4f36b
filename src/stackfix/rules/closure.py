"""Closure: the linkage rule asked of what is on the disk, library by library.

From the libraries that a process loads (extension modules, and the plug-ins of the features that are wanted)
every needed name is followed. A library that nothing leads to may need what it likes: it is never loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from stackfix.model.environment import Environment, SharedLibrary
from stackfix.rules.scene import LibraryFacts

_EXTENSION = re.compile(r"\.(?:cpython-\d+[a-z]*-[^/]*|abi3|cp\d+-[^/]*)\.(?:so|pyd)$|/_C\.so$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A name that nothing in the environment, the system or the driver brings, and who needs it."""

    soname: str
    needed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What is missing, what the driver has to bring, and how many libraries were followed."""

    missing: tuple[Missing, ...]
    from_driver: tuple[str, ...]
    followed: int

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
    present: dict[str, SharedLibrary] = {}
    for library in environment.libraries:
        for name in library.names:
            present.setdefault(name, library)
    files = {
        path.rpartition("/")[2] for each in environment.distributions for path in each.files if ".so" in path
    }
    queue = [one for one in environment.libraries if _EXTENSION.search(one.path) or one.file_name in plugins]
    followed: set[str] = set()
    missing: dict[str, str] = {}
    driver: set[str] = set()

    def meet(soname: str, needed_by: str) -> Iterator[SharedLibrary]:
        if soname in present:
            yield present[soname]
        elif libraries.is_driver(soname):
            driver.add(soname)
        elif not libraries.is_system(soname) and soname not in files:
            missing.setdefault(soname, needed_by)

    for path, soname in opened:
        queue += meet(soname, path)
    while queue:
        library = queue.pop()
        if library.path in followed:
            continue
        followed.add(library.path)
        for soname in library.needed:
            queue += meet(soname, library.path)
    return Closure(
        missing=tuple(Missing(soname=name, needed_by=path) for name, path in sorted(missing.items())),
        from_driver=tuple(sorted(driver)),
        followed=len(followed),
    )
