"""Surroundings: what of a machine's variables and folders reaches into every process, whatever its environment."""

from __future__ import annotations

from collections.abc import Mapping

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


class Overlay(Struct, frozen=True, kw_only=True):
    """A folder from which Python imports before an environment's own site-packages.

    `through` is what leads to it: "PYTHONPATH", or "the user's own packages", which a venv does not see; `python` is
    the minor that it is for, "" for all. `filled` are the import folders there of packages that count, `imported` those
    and the modules of such names that Python takes in any case: a folder without `__init__.py` gives way to a later one
    with it. `packages` are the name -> version of what is on record there.
    """

    folder: str
    through: str
    python: str
    filled: frozenset[str]
    packages: Mapping[str, str]
    imported: frozenset[str] = frozenset()


class Surroundings(Struct, frozen=True, kw_only=True):
    """What was found around an environment; `variables` are those that were looked at, by name, where set."""

    strays: tuple[StrayLibrary, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    system_libraries: frozenset[str] | None = None
    overlays: tuple[Overlay, ...] = ()

    @property
    def libraries(self) -> frozenset[str]:
        """Names of the libraries that the loader finds outside the environment."""
        return (self.system_libraries or frozenset()) | {stray.soname for stray in self.strays}

    @property
    def of_this_shell(self) -> frozenset[str]:
        """Names of the libraries that variables alone lead to: a program started elsewhere does not find them."""
        by_variables = {one.soname for one in self.strays if one.through.startswith("LD_")}
        return frozenset(by_variables) - (self.system_libraries or frozenset())


def left_out(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return each variable that Python takes packages by and that a child of ours does not get, and what to say of it.

    An environment is asked for itself (`python -I`); the user's own programs have the variable still.
    """
    return tuple(
        (name, f"is set, and was left out: {value}; programs that keep it may import other packages")
        for name in ("PYTHONPATH", "PYTHONHOME")
        if (value := variables.get(name))
    )
