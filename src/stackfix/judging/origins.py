"""Origins: which package of an environment, or which folder of the system, a library or an import comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stackfix.model.environment import Distribution, Environment


def mapped(environment: Environment, paths: Iterable[str], stem: str) -> tuple[str, ...]:
    """Return whose are the libraries of this stem that a process had mapped."""
    return tuple(
        dict.fromkeys(_owner(environment, path) for path in paths if _stem(path.rpartition("/")[2]) == stem)
    )


def installed(environment: Environment, *stems: str) -> tuple[str, ...]:
    """Return which packages bring a library of these stems, and where it lies; a conda prefix has it beside them."""
    owned = (
        (f"{each.name} {each.version}", library)
        for each in environment.distributions
        for library in each.libraries
    )
    beside = (("the environment's own", library) for library in environment.beside)
    return tuple(
        dict.fromkeys(
            f"{whose}: {library.path}"
            for whose, library in (*owned, *beside)
            if _stem(library.file_name) in stems
        )
    )


def fillers(environment: Environment, folder: str) -> tuple[str, ...]:
    """Return every package that fills an import folder, or is on record under its name, with its version."""
    return tuple(
        dict.fromkeys(
            f"{each.name} {each.version}"
            for each in _records(environment)
            if each.name == folder or any(path.startswith(f"{folder}/") for path in each.files)
        )
    )


def build(environment: Environment, folder: str) -> tuple[str, ...]:
    """Return what the files of an import folder say of their own build."""
    made = environment.builds.get(folder)
    if made is None:
        return ()
    cuda = {None: "", "": ", built without CUDA"}.get(made.cuda, f", built with CUDA {made.cuda}")
    return (f"its files are {made.package} {made.version}{cuda}",)


def _records(environment: Environment) -> Iterator[Distribution]:
    yield from environment.distributions
    for duplicate in environment.duplicates:
        yield from duplicate.others


def _owner(environment: Environment, path: str) -> str:
    for site in environment.site_packages:
        if not path.startswith(f"{site.rstrip('/')}/"):
            continue
        inner = path[len(site.rstrip("/")) + 1 :]
        for each in environment.distributions:
            if inner in each.files or any(library.path == inner for library in each.libraries):
                return f"{each.name} {each.version}: {inner}"
        return f"no package of the environment: {path}"
    return f"the system's {path}"


def _stem(name: str) -> str:
    """Return "cudart" of libcudart.so.12 and of cudart64_12.dll."""
    if name.startswith("lib"):
        return name[3:].partition(".so")[0].partition("-")[0]
    return name.partition("64_")[0].partition(".dll")[0].lower()
