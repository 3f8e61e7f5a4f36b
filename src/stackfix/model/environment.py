"""Environment: what is installed in one folder, read from outside and never imported."""

from __future__ import annotations

from dataclasses import dataclass, field

from stackfix.versions import PythonVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLibrary:
    """One shared library: its path below site-packages, its own name, what it needs, where it looks.

    `run_path` is as the file writes it ("$ORIGIN/../../nvidia/cublas/lib"). `broken` says why the file
    could not be read; the other readings are then empty.
    """

    path: str
    soname: str = ""
    needed: tuple[str, ...] = ()
    run_path: tuple[str, ...] = ()
    broken: str = ""

    @property
    def file_name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def names(self) -> frozenset[str]:
        """The names under which the loader knows it: SONAME and file name."""
        return frozenset(name for name in (self.soname, self.file_name) if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution: its metadata, every file it owns, the libraries among them.

    `files` are the paths of RECORD, relative to site-packages; `missing` are those that are not there.
    """

    name: str
    version: str
    folder: str
    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""
    installer: str = ""
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    libraries: tuple[SharedLibrary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment, real on the disk.

    `executable` is its interpreter, `site_packages` its folders in the order of sys.path. `hook` says whether
    the import hook for GPU libraries is there; `lock` is the text of the lock it was made from, "" if stackfix
    did not make it; `includes_system` whether packages outside it can be imported too. `unreadable` names what
    is broken in it, each with the reason.
    """

    path: str
    executable: str
    python: PythonVersion
    site_packages: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    hook: bool = False
    lock: str = ""
    includes_system: bool = False
    unreadable: tuple[str, ...] = field(default=())

    @property
    def packages(self) -> dict[str, str]:
        """Package name to version, by name."""
        return {each.name: each.version for each in self.distributions}

    @property
    def libraries(self) -> tuple[SharedLibrary, ...]:
        """Every shared library that a distribution owns."""
        return tuple(library for each in self.distributions for library in each.libraries)
