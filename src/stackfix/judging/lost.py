"""Lost files, on the disk: what is gone, empty, cut short or another package's by RECORD, and what nobody owns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from stackfix.facts.database import Database
from stackfix.judging import remedy
from stackfix.judging.packages import COLLISIONS, Shared
from stackfix.model.environment import Distribution, Environment
from stackfix.model.report import Finding

_SHOWN = 3
_AS_THE_WHEEL = ("pip", "uv")
_SWEPT = 3  # packages emptied at once are one event


def lost_files(environment: Environment, shared: Sequence[Shared]) -> Iterator[Finding]:
    """Yield packages whose files are gone or are another package's, and import folders that nobody owns."""
    sharing = {name for pair, _ in shared for name in pair if name.startswith("nvidia-")}
    swept = _swept_away(environment)
    if swept:
        yield _swept(environment, swept)
    for each in environment.distributions:
        lost = each.lost
        if each in swept or (not lost and each.name in sharing):
            continue
        foreign = _overwritten(environment, each)
        broken = [library for library in each.libraries if library.broken]
        # one that was cut short is of another size too, and no other package's
        unreadable = {library.path for library in broken}
        changed = [path for path in each.changed if path not in unreadable]
        if not (lost or changed or foreign or broken):
            continue
        hurt = () if foreign else remedy.shared_damage(environment, each)
        emptied = [path for path in lost if path in each.emptied]
        cut = [path for path in lost if path in each.cut]
        gone = [path for path in lost if path not in each.emptied and path not in each.cut]
        swept_out = _went_with_another(each, gone)
        what = [
            *((f"has lost {len(gone)} of its files",) if gone else ()),
            *(
                (f"has {len(emptied)} empty files that RECORD lists as whole ones",)
                if len(emptied) > 1
                else ()
            ),
            *(("has an empty file that RECORD lists as a whole one",) if len(emptied) == 1 else ()),
            *((f"has {_modules(len(cut))} cut short",) if cut else ()),
            *(
                (f"holds {'libraries' if changed else 'files'} that are not its own",)
                if changed or foreign
                else ()
            ),
            *(("holds libraries that cannot be read",) if broken else ()),
        ]
        because = (
            *(f"RECORD lists {path}, which is gone" for path in gone[:_SHOWN]),
            *(f"{path} has 0 bytes, where RECORD says {_recorded(each, path)}" for path in emptied[:_SHOWN]),
            *(
                f"{path} breaks off, and is shorter than the {_recorded(each, path)} bytes of RECORD"
                for path in cut[:_SHOWN]
            ),
            *(f"{path} has another size than RECORD says" for path in changed[:_SHOWN]),
            *(f"{library.path}: {library.unread_because}" for library in broken[:_SHOWN]),
            *((foreign,) if foreign else ()),
            *((_shared(hurt),) if hurt else ()),
        )
        yield Finding(
            code=_lost_code(each, environment, taken=bool(changed or foreign or swept_out)),
            severity="error",
            text=f"{each.name} {each.version} {' and '.join(what)}",
            because=because,
            consequence=_consequence(removed=swept_out, gone=bool(gone), replaced=bool(changed or foreign)),
            fix=remedy.reinstall(environment, each.name, each.version, fresh=bool(hurt)),
            rule="collisions",
            about=(each.name,),
        )
    for folder in environment.ownerless:
        yield Finding(
            code=COLLISIONS.get(folder, "gutted_package"),
            severity="error",
            text=f"the folder `{folder}` is left over: no installed package owns it",
            because=(f"{folder}/ is in {environment.site_packages[0]}, and no RECORD lists it",),
            consequence=f"`import {folder}` takes what is left there, whole or not; no installer updates or removes it",
            fix=remedy.mend(environment),
            rule="collisions",
            about=(folder,),
        )


def altered_files(environment: Environment, facts: Database, lost: Sequence[Finding]) -> Iterator[Finding]:
    """Yield packages of the stack with modules that somebody changed, where nothing else says that they are not whole.

    People patch what they have installed, so that is a warning. Only pip and uv leave what a wheel held: conda writes
    its prefix into modules, Debian takes out what it packages elsewhere.
    """
    told = {name for one in lost for name in one.about}
    for each in environment.distributions:
        if each.name in told or each.installer not in _AS_THE_WHEEL or not facts.knows(each.name):
            continue
        others = [one.files for one in environment.distributions if one is not each]
        paths = [path for path in each.altered if not any(path in files for files in others)]
        if paths:
            again = remedy.reinstall(environment, each.name, each.version)
            yield Finding(
                code="gutted_package",
                severity="warning",
                text=f"{_modules(len(paths))} of {each.name} {each.version} {'is' if len(paths) == 1 else 'are'} not as its wheel wrote {'it' if len(paths) == 1 else 'them'}",
                because=(
                    *(f"{path} has another size than RECORD says" for path in paths[:_SHOWN]),
                    *((f"and {len(paths) - _SHOWN} more",) if len(paths) > _SHOWN else ()),
                ),
                consequence="it may behave otherwise; where somebody patched it on purpose, an update takes that away",
                fix=f"nothing, if that was meant; else: {again}",
                rule="collisions",
                about=(each.name,),
            )


def _modules(number: int) -> str:
    return "a module" if number == 1 else f"{number} modules"


def _recorded(each: Distribution, path: str) -> str:
    """Return the bytes that RECORD says a file has."""
    return each.files[path].rpartition(",")[2]


def _shared(paths: Sequence[str]) -> str:
    """Return that damage is elsewhere too; whose other name it is, uv's cache or a copy of the environment, is not read."""
    files = f"{paths[0]} is" if len(paths) == 1 else f"{len(paths)} of these files are"
    return f"{files} shared on the disk (hard links, as uv makes them from its cache), and damaged there too"


def _went_with_another(each: Distribution, gone: Sequence[str]) -> bool:
    """Whether the files that are gone are what another package's removal takes: all modules that a folder shares.

    Builds of onnxruntime, and of OpenCV, have nearly all modules of their folder in common, its `__init__.py` always.
    """
    folder = _shared_folder(each)
    modules = [path for path in each.files if path.startswith(f"{folder}/") and path.endswith(".py")]
    lost = set(gone)
    return (
        bool(folder)
        and f"{folder}/__init__.py" in lost
        and 2 * sum(path in lost for path in modules) > len(modules)
    )


def _shared_folder(each: Distribution) -> str:
    """Return the import folder of a package that other packages fill too, "" where there is none."""
    return next((folder for folder in COLLISIONS if f"{folder}/__init__.py" in each.files), "")


def _consequence(*, removed: bool, gone: bool, replaced: bool) -> str:
    """Return what follows; who did it is known of no file alone."""
    if replaced:
        return "imports fail, or another build runs, as after another package's installation over it"
    if removed:
        return "imports fail, or another build runs, as after another package's removal took them"
    if gone:
        return "imports fail, or a part of it does, as after a removal or a copy that was cut off"
    return "loading them fails, or lacks what they held, as after a full disk or a download that was cut off"


def _swept_away(environment: Environment) -> list[Distribution]:
    """Return NVIDIA's packages that have lost every library, where they are so many that it was one event."""
    found = [
        each
        for each in environment.distributions
        if each.name.startswith("nvidia-") and not each.libraries and each.lost
    ]
    return found if len(found) >= _SWEPT else []


def _swept(environment: Environment, gone: Sequence[Distribution]) -> Finding:
    """Return the one finding for several of NVIDIA's packages that a folder's removal emptied."""
    names = [f"{each.name} {each.version}" for each in gone]
    lost = [each.lost[0] for each in gone]
    return Finding(
        code="gutted_package",
        severity="error",
        text=f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more have lost all their libraries"
        if len(names) > _SHOWN
        else f"{', '.join(names)} have lost all their libraries",
        because=(
            *(f"RECORD lists {path}, which is gone or empty" for path in lost[:_SHOWN]),
            f"in all {sum(map(len, (each.missing for each in gone)))} files of {len(gone)} packages are gone",
        ),
        consequence="a folder that they share was removed: what needs them does not load",
        fix=remedy.mend(environment),
        rule="collisions",
        about=tuple(each.name for each in gone),
    )


def _lost_code(each: Distribution, environment: Environment, *, taken: bool) -> str:
    """Return the code; what is only empty, cut short or gone by itself is no matter of another package."""
    folder = _shared_folder(each)
    if folder and (taken or len(environment.fillers(folder)) > 1):
        return COLLISIONS[folder]
    return "gutted_package"


def _overwritten(environment: Environment, each: Distribution) -> str:
    """Return what the package's own folder says of itself, where that is another build than this distribution."""
    for folder, build in environment.builds.items():
        if each.name not in _builders(folder) or not any(
            path.startswith(f"{folder}/") for path in each.files
        ):
            continue
        version = build.version.partition("+")[0]
        if canonicalize_name(build.package) != each.name or version != each.version.partition("+")[0]:
            return f"the folder `{folder}` says that it is {build.package} {build.version}"
    return ""


def _builders(folder: str) -> tuple[str, ...]:
    return ("onnxruntime", "onnxruntime-gpu") if folder == "onnxruntime" else (folder,)
