"""Packages, on the disk: who shares files with whom, who is on record twice, and which build is what."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from packaging.utils import canonicalize_name

from stackfix.facts.database import Database
from stackfix.judging import remedy
from stackfix.judging.on_cpu import SLOWER
from stackfix.model.environment import Build, Distribution, Environment
from stackfix.model.report import Finding
from stackfix.rules.foreign import foreign
from stackfix.rules.installed import unmet
from stackfix.rules.same_build import COMPANIONS, goes_with
from stackfix.rules.scene import Scene
from stackfix.solve.staying import fillers, staying

COLLISIONS = {"onnxruntime": "both_ort_packages", "cv2": "opencv_conflict"}
_CODE = (".py", ".so", ".pyd", ".dll")
Shared: TypeAlias = tuple[tuple[str, ...], list[str]]
_SHOWN = 3


def collisions(environment: Environment, facts: Database, shared_by: Sequence[Shared]) -> Iterator[Finding]:
    """Yield packages that fill one import folder, or write the same files with other contents."""
    packages = environment.packages
    named: set[frozenset[str]] = set()
    for folder, owners in _folders(environment, facts):
        named.add(frozenset(owners))
        keep = _kept(owners, environment, facts)
        on_top, how = _on_top(folder, owners, environment)
        because = [f"{name} {packages[name]} is installed [read: dist-info]" for name in owners]
        if on_top:
            because.append(
                f"the folder `{folder}` holds the files of {on_top} {packages[on_top]} [read: {how}]"
            )
        yield Finding(
            code=COLLISIONS.get(folder, "package_collision"),
            severity="error",
            text=f"{' and '.join(owners)} fill one folder, `{folder}`",
            because=tuple(because),
            consequence=_collision_consequence(folder, on_top, owners),
            fix=remedy.replace(environment, owners, [f"{keep}=={packages[keep]}"]),
            rule="collisions",
            about=tuple(owners),
        )
    shared = [(pair, paths) for pair, paths in shared_by if not any(set(pair) <= group for group in named)]
    cuda = [(pair, paths) for pair, paths in shared if all(name.startswith("nvidia-") for name in pair)]
    if cuda:
        yield _overwritten_parts(cuda, environment)
    for pair, paths in shared:
        if (pair, paths) in cuda:
            continue
        owners = list(pair)
        keep = owners[-1]
        yield Finding(
            code="package_collision",
            severity="error",
            text=f"{' and '.join(owners)} write the same {len(paths)} files with other contents",
            because=tuple(f"RECORD of both lists {path}" for path in paths[:_SHOWN]),
            consequence="the one installed last has overwritten the other, and removing one guts the other",
            fix=remedy.replace(environment, owners, [f"{keep}=={packages[keep]}"]),
            rule="collisions",
            about=tuple(owners),
        )


def _overwritten_parts(
    pairs: Sequence[tuple[tuple[str, ...], list[str]]], environment: Environment
) -> Finding:
    """Return the one finding for all of NVIDIA's packages of two CUDA majors that write the same files."""
    listed = ", ".join(" and ".join(pair) for pair, _ in pairs)
    return Finding(
        code="cuda_major_mismatch",
        severity="error",
        text=f"{listed} write the same files with other contents",
        because=tuple(f"RECORD of {' and '.join(pair)} lists {paths[0]}" for pair, paths in pairs),
        consequence="the one installed last has overwritten the other, and removing one guts the other",
        fix=remedy.mend(environment),
        rule="collisions",
        about=tuple(name for pair, _ in pairs for name in pair),
    )


def _on_top(folder: str, owners: Sequence[str], environment: Environment) -> tuple[str, str]:
    """Return whose files lie in a folder that several packages fill, and what says so; "" where nothing does.

    Libraries count before what the folder says of itself: a release that writes no build file of its own leaves the
    other's there.
    """
    whole = [
        each.name
        for each in environment.distributions
        if each.name in owners
        and any(library.path.startswith(f"{folder}/") for library in each.libraries)
        and not any(path.startswith(f"{folder}/") for path in (*each.changed, *each.missing))
    ]
    build = environment.builds.get(folder)
    said = canonicalize_name(build.package) if build is not None else ""
    if len(whole) == 1 and whole[0] != said:
        return whole[0], "the sizes of its libraries"
    return (said, "its own build file") if said in owners else ("", "")


def _collision_consequence(folder: str, build: str, owners: Sequence[str]) -> str:
    if folder == "onnxruntime" and build not in ("", "onnxruntime-gpu") and "onnxruntime-gpu" in owners:
        if build != "onnxruntime":
            return f"{build} has overwritten the GPU build: DWPose finds no CUDA in it; removing either guts the other"
        return (
            f"the CPU build has overwritten the GPU build: DWPose runs on the CPU, {SLOWER}; "
            "removing either guts the other"
        )
    if folder == "onnxruntime" and build == "onnxruntime-gpu":
        return "the GPU build lies on top for now; removing or updating either guts the other"
    return f"the one installed last has overwritten the other{'' if len(owners) == 2 else 's'}, and removing one guts the rest"


def _folders(environment: Environment, facts: Database) -> Iterator[tuple[str, list[str]]]:
    """Yield import folders with the installed packages that fill them, where these are several."""
    owners: dict[str, list[str]] = {}
    for each in environment.distributions:
        for folder in {
            path.partition("/")[0]
            for path in each.files
            if path.count("/") == 1 and path.endswith("/__init__.py")
        }:
            if len(facts.owners(folder)) > 1:
                owners.setdefault(folder, []).append(each.name)
    for folder, names in sorted(owners.items()):
        if len(set(names)) > 1:
            yield folder, sorted(set(names))


def _kept(owners: Sequence[str], environment: Environment, facts: Database) -> str:
    """Return which of colliding packages stays: the one that a repair would keep."""
    gpu = any(name.endswith("-gpu") for name in owners)
    left = staying(owners, environment, fillers(environment, facts), gpu=gpu, keep=frozenset())
    return min(left & set(owners), default=owners[0])


def shared_files(environment: Environment) -> Iterator[Shared]:
    """Yield groups of packages and the code files that they all list with different hashes."""
    seen: dict[str, tuple[str, str]] = {}
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in environment.distributions:
        for path, recorded in each.files.items():
            if not path.endswith(_CODE) and ".so." not in path:
                continue
            first = seen.setdefault(path, (each.name, recorded))
            if first[0] != each.name and recorded and first[1] != recorded:
                groups.setdefault(tuple(sorted((first[0], each.name))), []).append(path)
    yield from sorted(groups.items())


def duplicate_records(environment: Environment) -> Iterator[Finding]:
    """Yield packages that are on record more than once, as an installation that was cut off leaves them."""
    for each in environment.duplicates:
        records = [each.kept, *each.others]
        stale = " ".join(shlex.quote(one.folder) for one in each.others)
        yield Finding(
            code="duplicate_metadata",
            severity="warning" if len({one.version for one in records}) == 1 else "error",
            text=f"{each.name} is on record {len(records)} times: {', '.join(one.version for one in records)}",
            because=(
                *(f"{one.folder} {_fits_disk(one)}" for one in records[:_SHOWN]),
                f"{each.kept.folder} fits the files best, and is judged here",
            ),
            consequence="pip, importlib.metadata and what asks them see one version or the other, by chance",
            fix=f"remove {stale} from {environment.site_packages[0]}, then: "
            + remedy.reinstall(environment, each.name, each.kept.version),
            rule="environment",
            about=(each.name,),
        )


def _fits_disk(one: Distribution) -> str:
    if not one.files:
        return "lists no files"
    lost = len(one.missing) + len(one.changed)
    return f"lists {len(one.files)} files, of which {lost or 'none'} {'is' if lost == 1 else 'are'} gone or changed"


def foreign_builds(environment: Environment, scene: Scene) -> Iterator[Finding]:
    """Yield packages that were built for another Python or system, by the tags of their WHEEL files."""
    for each in foreign(environment, scene):
        yield Finding(
            code="missing_wheel",
            severity="error",
            text=f"{each.name} {each.version} was built for another Python or system than this one",
            because=(f"its tags are {', '.join(each.tags[:_SHOWN])} [read: {each.folder}/WHEEL]", f"this is Python {scene.python.version} on {scene.machine.platform.label}{_glibc(scene)}"),
            consequence=f"`import {remedy.import_name(each.name)}` fails",
            fix=remedy.reinstall(environment, each.name, each.version),
            rule="metadata",
            about=(each.name,),
        )  # fmt: skip


def _glibc(scene: Scene) -> str:
    return f" with glibc {scene.glibc[0]}.{scene.glibc[1]}" if scene.glibc else ""


def mixed_builds(environment: Environment, scene: Scene, *, gpu_here: bool) -> Iterator[Finding]:
    """Yield CPU builds that stand where a GPU build is wanted, and torch beside a torchvision of another build."""
    packages = environment.packages
    torch = environment.builds.get("torch")
    gpu_runtime = "onnxruntime-gpu" in packages
    if "onnxruntime" in packages and not gpu_runtime:
        cuda_torch = torch is not None and bool(torch.cuda)
        if gpu_here or cuda_torch:
            because = [
                f"onnxruntime {packages['onnxruntime']} is installed, the build without CUDA [read: dist-info]"
            ]
            if cuda_torch and torch is not None:
                because.append(f"torch {torch.version} beside it is a CUDA build")
            yield Finding(
                code="ort_cpu_only",
                severity="error" if gpu_here else "warning",
                text="onnxruntime is the CPU build",
                because=tuple(because),
                consequence=f"DWPose runs on the CPU, {SLOWER}, whatever else is installed",
                fix=remedy.mend(environment),
                rule="one CUDA",
                about=("onnxruntime",),
            )
    if torch is not None and torch.cuda == "" and "torch" in packages and (gpu_runtime or gpu_here):
        yield Finding(
            code="torch_cpu_build",
            severity="error",
            text=f"torch {torch.version} is the CPU build",
            because=(f"torch/version.py: __version__ is {torch.version} and cuda is None", *((f"onnxruntime-gpu {packages['onnxruntime-gpu']} is installed beside it",) if gpu_runtime else ())),
            consequence="`torch.cuda.is_available()` is False: everything in torch runs on the CPU",
            fix=remedy.mend(environment)
            if any(one.cuda_major for rows in scene.releases("torch").values() for one in rows)
            else f"install torch from another index: {remedy.OTHER_INDEX}",
            rule="one CUDA",
            about=("torch",),
        )  # fmt: skip
    for name in COMPANIONS:
        beside = environment.builds.get(name)
        if torch is not None and beside is not None and name in packages:
            yield from _pair(name, beside, torch, environment, scene)


def _pair(
    name: str, beside: Build, torch: Build, environment: Environment, scene: Scene
) -> Iterator[Finding]:
    """Yield that a companion of torch is another build than torch; where it runs all the same, as a warning."""
    if beside.cuda is None or torch.cuda is None or beside.cuda == torch.cuda:
        return
    if any(one.by.name == name and one.name == "torch" for one in unmet(environment, scene)):
        return  # it was built for another release, which says more
    loads = goes_with(name, beside.cuda, torch.cuda)
    both = bool(beside.cuda and torch.cuda)
    yield Finding(
        code="torch_torchvision_mismatch",
        severity="warning" if loads else "error",
        text=f"{name} {beside.version} is another build than torch {torch.version}",
        because=(
            f"torch/version.py says {torch.version}",
            f"{name}/version.py says {beside.version}",
        ),
        consequence=f"nothing now: {name} asks for torch's CUDA major alone"
        if loads
        else f"`import {name}` ends with a RuntimeError: it was compiled with another CUDA than torch"
        if both
        else f"the compiled operators of {name} do not load, or have no CUDA",
        fix="nothing has to be done; take torch and what goes with it from one index next time"
        if loads
        else remedy.mend(environment),
        rule="pairs",
        about=("torch", name),
    )
