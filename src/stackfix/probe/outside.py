"""Outside: folders beside an environment's own from which its Python imports too.

A venv made with `--system-site-packages` sees the packages of its Python and its user's; a `.pth` file names further
folders. All come after the environment's own, so of what both have only its own is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from stackfix.model.environment import Distribution
from stackfix.probe.distributions import once_each, read_distributions
from stackfix.probe.shelf import Shelf
from stackfix.versions import PythonVersion

_MOST = 64


def read_outside(folders: Sequence[str], own: Collection[str]) -> Iterator[Distribution]:
    """Yield the distributions of folders whose names the environment has none of; their libraries by whole paths."""
    seen = set(own)
    for folder in folders:
        unreadable: list[str] = []  # of what is not judged it is not told what is broken
        read, _ = once_each(read_distributions(Shelf(folder), unreadable))
        for each in read:
            if each.name not in seen:
                seen.add(each.name)
                libraries = (replace(one, path=f"{folder}/{one.path}") for one in each.libraries)
                yield replace(each, libraries=tuple(libraries))


def outside_folders(packages: Sequence[str], home: str, version: PythonVersion) -> Iterator[str]:
    """Yield the folders that `.pth` files name and, with the `home` of pyvenv.cfg, those of the Python behind a venv."""
    for folder in packages:
        yield from _named(folder)
    if home:
        minor = f"{version.major}.{version.minor}"
        prefix = os.path.dirname(home)  # noqa: PTH120 - as it is written, without following links
        yield from filter(
            os.path.isdir,
            (
                f"{prefix}/lib/python{minor}/site-packages",
                f"{prefix}/local/lib/python{minor}/dist-packages",
                f"{prefix}/lib/python3/dist-packages",
            ),
        )


def _named(folder: str) -> Iterator[str]:
    """Yield the folders that the `.pth` files of one name."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))  # noqa: PTH208 - as in distributions
    except OSError:
        return
    for name in names[:_MOST]:
        try:
            lines = Shelf(folder).text(name).splitlines()
        except OSError:
            continue
        for line in lines[:_MOST]:
            if line.strip() and not line.startswith(("#", "import ", "import\t")) and "\0" not in line:
                path = os.path.normpath(os.path.join(folder, line.rstrip()))  # noqa: PTH118 - likewise
                if os.path.isdir(path) and path != folder:  # noqa: PTH112 - likewise
                    yield path
