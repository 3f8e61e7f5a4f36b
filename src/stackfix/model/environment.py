"""Environment: what is installed in one folder, read from outside and never imported."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from stackfix.versions import PythonVersion

NO_PYTHON = "it has no Python of its own: it is what `pip install --prefix` has filled for another, or what is left of a venv"
_CODE = re.compile(r"\.(py|so|pyd|dll)$|\.so\.")
_IDLE = re.compile(r"^\.\./|(^|/)(tests?|testing)/")  # scripts, and what people delete to save space
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
_OF_TORCH = ("libtorch", "libc10", "torch_", "c10.", "c10_")


class SharedLibrary(Struct, frozen=True, kw_only=True):
    """One shared library: its path below site-packages, its own name, what it needs, where it looks.

    `run_path` is as the file writes it ("$ORIGIN/../../nvidia/cublas/lib"); `run_path_first` says that it is a
    DT_RPATH, which the loader reads before LD_LIBRARY_PATH. `broken` says why the file could not be read; the
    other readings are then empty.
    """

    path: str
    soname: str = ""
    needed: tuple[str, ...] = ()
    run_path: tuple[str, ...] = ()
    run_path_first: bool = False
    broken: str = ""

    @property
    def file_name(self) -> str:
        """Last part of the path; Windows does not tell upper from lower case."""
        name = self.path.rpartition("/")[2]
        return name.lower() if name.lower().endswith((".dll", ".pyd")) else name

    @property
    def unread_because(self) -> str:
        """Why it could not be read, without its own path before it."""
        return self.broken.partition(f"{self.path}: ")[2] or self.broken

    @property
    def names(self) -> frozenset[str]:
        """The names under which the loader knows it: SONAME and file name.

        A copy that auditwheel has put into `….libs` under a name of its own is found by that alone, and may have kept
        the SONAME of the original: torchvision's libcudart.e8e8b82a.so.12 is no libcudart.so.12 for torch.
        """
        if ".libs/" in self.path:
            return frozenset((self.file_name,))
        return frozenset(name for name in (self.soname, self.file_name) if name)


class Distribution(Struct, frozen=True, kw_only=True):
    """One installed distribution: its metadata, every file it owns, the libraries among them.

    `files` are the paths of RECORD, relative to site-packages, with what RECORD says of each ("sha256=...,size");
    `missing` are those that are not there and missed, or empty and RECORD says otherwise: those are `emptied` too, or
    modules shorter than RECORD says that break off: those are `cut` too. `altered` are other modules of another size;
    `changed` are the libraries whose size is another. `linked` are those of the damaged files that have
    other names on the disk (hard links).
    `tags` are those of its WHEEL file; `recorded` is False where its dist-info has lost RECORD.
    """

    name: str
    version: str
    folder: str
    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""
    installer: str = ""
    tags: tuple[str, ...] = ()
    recorded: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    libraries: tuple[SharedLibrary, ...] = ()

    @property
    def lost(self) -> tuple[str, ...]:
        """The missing files that an import or a loader misses: no bytecode, no scripts, no tests, no documents."""
        return tuple(path for path in self.missing if _CODE.search(path) and not _IDLE.search(path))

    @property
    def compiled_for_torch(self) -> bool:
        """Whether its libraries need torch's own: it runs with the torch that it was built for alone."""
        return any(name.startswith(_OF_TORCH) for library in self.libraries for name in library.needed)


class Build(Struct, frozen=True):
    """What a package on the disk says of its own build.

    `package` is the distribution that it was built as, `version` its version, `cuda` the CUDA it was built with:
    "" for a build without CUDA, None where it does not say.
    """

    package: str
    version: str
    cuda: str | None


class Duplicate(Struct, frozen=True, kw_only=True):
    """A package that is on record more than once in one folder: which record is held to be right, and which not."""

    name: str
    kept: Distribution
    others: tuple[Distribution, ...]


class Environment(Struct, frozen=True, kw_only=True):
    """One environment, real on the disk.

    `kind` is "venv", "conda", "portable" (a Python for Windows unpacked into a folder) or "system"; `windows` whether
    it was made for Windows. `executable` is its interpreter, `site_packages` its folders in the order of sys.path.
    `hook` says whether the import hook for GPU libraries is there; `lock` is the text of the lock it was made from,
    "" if stackfix did not make it; `includes_system` whether packages outside it can be imported too. `builds` are by
    import folder ("torch"); `ownerless` are import folders of packages that no distribution owns. `beside` are
    libraries that no distribution of the environment brought (a conda prefix's own, those of packages outside);
    `outside` are packages of other folders that its Python imports too, after its own; `strays` are CUDA libraries
    that somebody copied into it. `distributions` has each name once; `duplicates` are those with several records.
    `strange_scripts` are those that start the Python of another folder, each with that folder. `abandoned` are the
    names of what pip left there under a name of its own (`~orch`), `cut_off` the packages and versions that these
    were. `unreadable` names what is broken in it, each with the reason; `broken` what makes it unusable as a whole.
    """

    path: str
    executable: str
    python: PythonVersion
    site_packages: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    kind: str = "venv"
    windows: bool = False
    hook: bool = False
    lock: str = ""
    includes_system: bool = False
    builds: Mapping[str, Build] = field(default_factory=dict)
    ownerless: tuple[str, ...] = ()
    beside: tuple[SharedLibrary, ...] = ()
    strays: tuple[SharedLibrary, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    strange_scripts: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    outside: tuple[Distribution, ...] = ()
    abandoned: tuple[str, ...] = ()
    cut_off: tuple[tuple[str, str], ...] = ()

    @property
    def packages(self) -> dict[str, str]:
        """Package name to version, by name."""
        return {each.name: each.version for each in self.distributions}

    @property
    def libraries(self) -> tuple[SharedLibrary, ...]:
        """Every shared library that a distribution owns."""
        return tuple(library for each in self.distributions for library in each.libraries)

    @property
    def set_aside(self) -> dict[str, str]:
        """Package -> version of an onnxruntime that pip had set aside when it was cut off, and that nothing is in the place of.

        Of it alone no METADATA says that it is missed: ComfyUI's nodes import it and require it nowhere.
        """
        there = bool(self.fillers("onnxruntime")) or "onnxruntime" in self.ownerless
        return {} if there else {name: version for name, version in self.cut_off if name in _RUNTIMES}

    def fillers(self, folder: str) -> frozenset[str]:
        """The packages that fill an import folder, by their records."""
        first = f"{folder}/__init__.py"
        return frozenset(each.name for each in self.distributions if first in each.files)
