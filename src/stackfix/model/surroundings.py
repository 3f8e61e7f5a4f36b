"""Surroundings: what of a machine's variables and folders reaches into every process, whatever its environment."""

from __future__ import annotations

from msgspec import Struct


class StrayLibrary(Struct, frozen=True, kw_only=True):
    """A CUDA library outside the environment that the loader may take.

    `soname` is the name it is looked for by, `release` the version that its file name tells ("12.4.5.8"), "" if none;
    `through` is what leads to it: "LD_LIBRARY_PATH", "PATH", "ld.so.conf", "CUDA_PATH"; `size` are the file's bytes,
    0 where they could not be read.
    """

    soname: str
    path: str
    release: str
    through: str
    size: int = 0


class Surroundings(Struct, frozen=True, kw_only=True):
    """What was found around an environment; `variables` are those that were looked at, by name, where set."""

    strays: tuple[StrayLibrary, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    system_libraries: frozenset[str] | None = None
