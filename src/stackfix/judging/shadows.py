"""Shadows: libraries from outside the environment that the loader takes before the environment's own."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stackfix.judging import remedy
from stackfix.judging.on_cpu import SLOWER
from stackfix.model.environment import Environment, SharedLibrary
from stackfix.model.report import Finding
from stackfix.model.surroundings import Overlay, StrayLibrary, Surroundings
from stackfix.rules.reach import Reached, doubled, reached

_SHOWN = 4
_ALSO = {
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-training"),
    "cv2": (
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
        "opencv-python",
        "opencv-python-headless",
    ),
}


def shadowed(environment: Environment, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield what LD_LIBRARY_PATH, LD_PRELOAD, PATH or the system's own folders put before the environment."""
    own = {name: (each.name, each.version, library) for each in environment.distributions for library in each.libraries for name in library.names}  # fmt: skip
    first = {name for library in environment.libraries if library.run_path_first for name in library.needed}
    groups: dict[str, list[StrayLibrary]] = {}
    copied = {f"{folder}/{one.path}" for folder in environment.site_packages for one in environment.strays}
    for stray in surroundings.strays:
        own_file = _inside(stray.path, environment) and stray.path not in copied
        if own_file or not _wins(stray, own, environment):
            continue
        groups.setdefault(stray.through, []).append(stray)
    for through, strays in groups.items():
        yield _finding(through, strays, own, first, environment)
    yield from _stray_copies(environment)
    overlaid = list(_overlaid(environment, surroundings))
    yield from overlaid
    yield from _python_path(surroundings, told=any(one.fix == "unset PYTHONPATH" for one in overlaid))


def _inside(path: str, environment: Environment) -> bool:
    """Whether a path leads into the environment, by its letters or through links to its folder."""
    if path.startswith(f"{environment.path}{os.sep}"):
        return True
    folder = os.path.realpath(os.path.dirname(path))  # noqa: PTH120 - a text of a loader's variable
    return f"{folder}{os.sep}".startswith(f"{os.path.realpath(environment.path)}{os.sep}")


def _wins(
    stray: StrayLibrary, own: Mapping[str, tuple[str, str, SharedLibrary]], environment: Environment
) -> bool:
    """Whether a library from outside is one that the environment brings too, and comes before it."""
    if stray.soname not in own:
        return False
    if stray.through != "ld.so.conf":
        return True
    return not environment.hook and any(
        stray.soname in library.needed and not library.run_path and library.path.startswith("onnxruntime/")
        for library in environment.libraries
    )


def _finding(
    through: str,
    strays: list[StrayLibrary],
    own: Mapping[str, tuple[str, str, SharedLibrary]],
    first: set[str],
    environment: Environment,
) -> Finding:
    because: list[str] = []
    recorded = {
        library.path: each.files.get(library.path, "").rpartition(",")[2]
        for each in environment.distributions
        for library in each.libraries
    }
    differing = [
        one for one in strays if _is_other(one, own[one.soname][1], recorded.get(own[one.soname][2].path, ""))
    ]
    for stray in strays[:_SHOWN]:
        name, version, _ = own[stray.soname]
        other = (
            f" ({stray.release})" if stray.release else f" ({stray.size} bytes)" if stray in differing else ""
        )
        because.append(
            f"{through} leads to {stray.path}{other}; the environment has {stray.soname} of {name} {version}"
        )
    if len(strays) > _SHOWN:
        because.append(f"and {len(strays) - _SHOWN} more")
    kept = sorted({stray.soname for stray in strays} & first)
    if kept:
        because.append(
            f"torch's own run path comes before it for {', '.join(kept[:3])}; onnxruntime's does not"
        )
    unset = {
        "LD_LIBRARY_PATH": "unset LD_LIBRARY_PATH",
        "LD_PRELOAD": "unset LD_PRELOAD",
        "PATH": "take that folder out of PATH",
        "CUDA_PATH": "take that folder out of PATH, and unset CUDA_PATH",
    }
    noun = "library" if len(strays) == 1 else "libraries"
    return Finding(
        code="shadowed_libraries",
        severity="error" if differing and through != "ld.so.conf" else "warning",
        text=f"{through} puts {len(strays)} CUDA {noun} before the environment's own",
        because=tuple(because),
        consequence=(
            "libraries of two releases meet in one process: symbols are missing, or cuDNN refuses its own parts"
            if differing
            else "they are of the same or of an unknown release now; an update of either side breaks it"
        ),
        fix=unset.get(through, remedy.mend(environment)),
        rule="loader order",
        about=tuple(dict.fromkeys(own[stray.soname][0] for stray in strays)),
    )


def _is_other(stray: StrayLibrary, version: str, recorded: str) -> bool:
    """Whether a library's release is another than the environment's: 9.1.0 beside 9.20.0.48, or a file of another size.

    `recorded` is the size that RECORD gives of the environment's own.
    """
    if not stray.release:
        return bool(stray.size) and recorded.isdecimal() and int(recorded) != stray.size
    theirs, ours = stray.release.split("."), version.split(".")
    length = min(len(theirs), len(ours), 3)
    return theirs[:length] != ours[:length]


def _stray_copies(environment: Environment) -> Iterator[Finding]:
    """Yield the findings for CUDA libraries that were copied into the environment: what wins, what serves, what is idle."""
    led = {one.stray: one for one in reached(environment)}
    winning = [one for one in led.values() if one.own]
    serving = [one for one in led.values() if not one.own]
    if winning:
        yield _winning(winning, environment)
    if serving:
        yield _copies(
            [one.stray for one in serving],
            tuple(f"{one.by} is led to it by {_how(environment)}, and to no package's" for one in serving),
            "no installer updates or removes it; with the next change of CUDA or cuDNN it is the wrong one",
            "take it out once a package brings the library",
        )
    twice = set(doubled(environment))
    for is_twice in (True, False):
        idle = [
            one.path for one in environment.strays if one.path not in led and (one.path in twice) is is_twice
        ]
        if idle:
            places = (shlex.quote(f"{environment.site_packages[0]}/{path}") for path in idle)
            yield _copies(
                idle,
                (f"no library here is led to it by {_how(environment)}",),
                "no harm where it lies, and no good: nothing loads it unless its folder is put into "
                + ("PATH" if environment.windows else "LD_LIBRARY_PATH"),
                remedy.mend(environment) if is_twice else f"it can go: rm {' '.join(places)}",
            )


def _how(environment: Environment) -> str:
    return "where Windows looks" if environment.windows else "its run path"


def _copies(paths: Sequence[str], because: tuple[str, ...], consequence: str, fix: str) -> Finding:
    """Return the warning about copies that are in nobody's way."""
    return Finding(
        code="shadowed_libraries",
        severity="warning",
        text=f"{_listed(paths)} copied into the environment: no package brought {'it' if len(paths) == 1 else 'them'}",
        because=(
            *(f"{path} is in no RECORD [read: the folder]" for path in paths[:_SHOWN]),
            *because[:_SHOWN],
        ),
        consequence=consequence,
        fix=fix,
        rule="loader order",
    )


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more} {'were' if more else 'was'}"


def _winning(winning: Sequence[Reached], environment: Environment) -> Finding:
    """Return the finding about copies that are loaded in place of a package's own library."""
    owners = {path: each for each in environment.distributions for path in each.files}
    because = []
    for one in winning[:_SHOWN]:
        whose = owners[one.own]
        because += [
            f"{one.stray} is in no RECORD [read: the folder]; {whose.name} {whose.version} brings {one.own}",
            f"{one.by} comes to the copy first [read: {_how(environment)}]",
        ]
    return Finding(
        code="shadowed_libraries",
        severity="error",
        text=f"{_listed([one.stray for one in winning])} copied into the environment and loaded before a package's own",
        because=tuple(because),
        consequence="libraries of two releases meet in one process: symbols are missing, or cuDNN refuses its own parts",
        fix=remedy.mend(environment),
        rule="loader order",
        about=tuple(dict.fromkeys(owners[one.own].name for one in winning)),
    )


def _overlaid(environment: Environment, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield the folders whose packages Python imports instead of the environment's own of the same import name."""
    minor = f"{environment.python.major}.{environment.python.minor}"
    for overlay in surroundings.overlays:
        users = overlay.python != ""
        if environment.windows or (users and (environment.kind == "venv" or overlay.python != minor)):
            continue
        twice = [
            (name, own, there)
            for name in sorted(overlay.filled)
            if (own := _release(environment.packages, environment.fillers(name)))
            and (there := _release(overlay.packages, _ALSO.get(name, (name,))) or _unrecorded(name, overlay))
        ]
        if not twice or overlay.folder in environment.site_packages or _inside(overlay.folder, environment):
            continue
        differing = [name for name, own, there in twice if own != there]
        without_cuda = any(
            there.startswith("onnxruntime ") and own.startswith("onnxruntime-gpu ") for _, own, there in twice
        )
        names = " and ".join(name for name, _, _ in twice)
        yield Finding(
            code="wrong_python_environment",
            severity="error" if differing else "warning",
            text=f"{overlay.through} {'put' if users else 'puts'} {' and '.join(there for _, _, there in twice)} before this environment's own",
            because=tuple(
                f"`import {name}` takes {there} in {overlay.folder}; the environment has {own} [read: the folders]"
                for name, own, there in twice
            ),
            consequence=(
                f"DWPose runs on the CPU, {SLOWER}, whatever is installed here"
                if without_cuda
                else f"another {names} runs than the one that goes with the rest of this environment"
                if differing
                else "they are of the same release now; an update of either side breaks it"
            ),
            fix="export PYTHONNOUSERSITE=1 (or start `python -s`)" if users else f"unset {overlay.through}",
            rule="loader order",
            about=tuple(sorted({one for name, _, _ in twice for one in environment.fillers(name)})),
        )


def _release(packages: Mapping[str, str], names: Iterable[str]) -> str:
    """Return the first of some packages that is there, with its version; "" where none is."""
    return next((f"{name} {packages[name]}" for name in sorted(names) if name in packages), "")


def _unrecorded(name: str, overlay: Overlay) -> str:
    """Return what is said of a package or a module that nothing there is on record for, "" where it gives way."""
    return f"`{name}` of no package on record" if name in overlay.imported else ""


def _python_path(surroundings: Surroundings, *, told: bool) -> Iterator[Finding]:
    values = dict(surroundings.variables)
    for name in ("PYTHONPATH", "PYTHONHOME"):
        value = values.get(name, "")
        if told and name == "PYTHONPATH":
            continue
        if "site-packages" in value or (name == "PYTHONHOME" and value):
            yield Finding(
                code="wrong_python_environment",
                severity="warning",
                text=f"{name} is set, and leads Python to packages outside this environment",
                because=(f"{name}={value} [read: this process's variables]",),
                consequence="packages of another environment come before this one's",
                fix=f"unset {name}",
                rule="loader order",
            )
