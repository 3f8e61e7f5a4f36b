"""Requires-Dist, on the disk: what installed packages require and the environment does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.version import InvalidVersion, Version

from stackfix.judging import remedy
from stackfix.model.environment import Environment
from stackfix.model.report import Finding
from stackfix.rules import metadata, plain
from stackfix.rules.installed import Unmet, unmet
from stackfix.rules.scene import Scene

_SHOWN = 3
_SHARED = ("onnxruntime", "cv2")
_CONSTRAINTS = "stackfix-constraints.txt"
_TOGETHER = frozenset({"torch", "torchvision", "torchaudio"})
# A requirement on one of these alone, installed as it stands, breaks the others.
_OF_THE_STACK = (*_TOGETHER, "onnxruntime-gpu", "onnxruntime")
_NUMPY_2 = ("2.0.2", "2.99")
_NEWER_THAN_ALL = "9999"
_UNMET_CODES = {"numpy": "numpy2_abi", "protobuf": "python_protobuf", "ml-dtypes": "python_ml_dtypes"}


def unmet_requirements(environment: Environment, scene: Scene) -> Iterator[Finding]:
    """Yield what packages require and the environment does not have: what is absent by package, then wrong versions."""
    absent: dict[str, list[Unmet]] = {}
    served: dict[str, list[tuple[Unmet, str]]] = {}
    wrong: list[Unmet] = []
    for one in unmet(environment, scene):
        if one.found:
            wrong.append(one)
        elif other := _stands_in(one.name, environment, scene):
            served.setdefault(other, []).append((one, other))
        else:
            absent.setdefault(one.by.name, []).append(one)
    yield from (_absent(group, environment) for group in absent.values())
    yield from map(_served, served.values())
    yield from (_wrong(one, environment, scene) for one in wrong)


def _absent(group: Sequence[Unmet], environment: Environment) -> Finding:
    by = group[0].by
    names = [one.requirement for one in group]
    verb = "is" if len(names) == 1 else "are"
    return Finding(
        code="requirement_unmet",
        severity="error",
        text=f"{by.name} {by.version} requires {', '.join(names)}, which {verb} not installed",
        because=tuple(
            f"Requires-Dist of {by.name}: {name} [metadata: {by.folder}]" for name in names[:_SHOWN]
        ),
        consequence=remedy.without_it(by.name),
        fix=remedy.install(environment, names),
        rule="metadata",
        about=(by.name, *(one.name for one in group)),
    )


def _stands_in(name: str, environment: Environment, scene: Scene) -> str:
    """Return the installed package that fills the import folder of one that is not: onnxruntime-gpu for onnxruntime."""
    for folder in _SHARED:
        if name in scene.facts.owners(folder):
            return min(environment.fillers(folder), default="")
    return ""


def _served(group: Sequence[tuple[Unmet, str]]) -> Finding:
    """Return the warning about requirements that another build of the same package serves."""
    names = list(dict.fromkeys(one.name for one, _ in group))
    by = list(dict.fromkeys(f"{one.by.name} {one.by.version}" for one, _ in group))
    other = group[0][1]
    verb = "requires" if len(by) == 1 else "require"
    shown = f"{', '.join(by[:_SHOWN])}{f' and {len(by) - _SHOWN} more' if len(by) > _SHOWN else ''}"
    return Finding(
        code="requirement_unmet",
        severity="warning",
        text=f"{shown} {verb} {' and '.join(names)}, whose place {other} takes here",
        because=tuple(
            f"Requires-Dist of {one.by.name}: {one.requirement} [metadata: {one.by.folder}]"
            for one, _ in group[:_SHOWN]
        ),
        consequence=f"nothing now; an installer that is asked for {names[0]} puts it over {other}",
        fix=f"install with `-c {_CONSTRAINTS}` once `stackfix fix` has written it",
        rule="metadata",
        about=(*dict.fromkeys(one.by.name for one, _ in group), *names),
    )


def _wrong(one: Unmet, environment: Environment, scene: Scene) -> Finding:
    by = one.by
    together = by.name in _TOGETHER and one.name in _TOGETHER
    other_numpy = (
        one.name == "numpy" and one.found.partition(".")[0] != "1" and _wants_numpy_1(one.requirement)
    )
    older_numpy = (
        one.name == "numpy"
        and one.found.partition(".")[0] == "1"
        and bool(by.libraries)
        and not scene.facts.knows(by.name)  # of those it is measured which numpy they load under
        and _wants_numpy_2(one.requirement)
    )
    older_types = by.name == "onnx" and one.name == "ml-dtypes" and _is_older(one)
    refused = by.name == "torch" and one.name.startswith("nvidia-cudnn-") and _is_below(one)
    if together:
        consequence = "their compiled operators do not fit each other: imports fail, or operators are missing"
    elif other_numpy:
        consequence = "its extension modules were built for numpy 1: importing it fails or crashes"
    elif older_numpy:
        consequence = "it uses what numpy 1 does not have: importing it, or a part of it, fails"
    elif older_types:
        consequence = "`import onnx` fails: it asks ml_dtypes for number types that this one does not have"
    elif by.name == "torch" and one.name.startswith(("triton", "pytorch-triton")):
        consequence = (
            "`torch.compile` and kernels written in Triton may fail; the rest of torch runs without it"
        )
    elif refused:
        consequence = (
            "torch refuses a cuDNN older than the one it was compiled with: its first convolution fails"
        )
    else:
        consequence = (
            f"its compiled operators were built for another {one.name}: they do not load, or are left out"
            if one.name == "torch" and by.compiled_for_torch
            else "it was not made for that version"
        )
    return Finding(
        code=(
            "torch_torchvision_mismatch"
            if together
            else "requirement_unmet"
            if one.name == "numpy" and not (other_numpy or older_numpy)
            else _UNMET_CODES.get(one.name, "requirement_unmet")
        ),
        severity="error" if together or other_numpy or older_numpy or older_types or refused else "warning",
        text=f"{by.name} {by.version} requires {one.requirement}, and {one.name} {one.found} is installed",
        because=(f"Requires-Dist of {by.name}: {one.requirement} [metadata: {by.folder}]",),
        consequence=consequence,
        fix=(
            remedy.mend(environment)
            if together or older_numpy or one.name in _OF_THE_STACK
            else remedy.install(environment, [one.requirement])
        ),
        rule="metadata",
        about=(by.name, one.name),
    )


def _wants_numpy_1(requirement: str) -> bool:
    """Whether a requirement on numpy admits its last 1.x: what was built for numpy 1 is bounded so."""
    return plain.admits(metadata.parse_row(requirement).specifier or ">=0", "1.26.4")


def _wants_numpy_2(requirement: str) -> bool:
    """Whether a requirement on numpy admits 2.x alone (pandas 3.1 and scipy 1.18 fail under 1.26.4)."""
    specifier = metadata.parse_row(requirement).specifier or ">=0"
    return not plain.admits(specifier, "1.26.4") and any(
        plain.admits(specifier, version) for version in _NUMPY_2
    )


def _is_older(one: Unmet) -> bool:
    """Whether what is installed is below every release that is asked for."""
    specifier = metadata.parse_row(one.requirement).specifier or ">=0"
    return not plain.admits(specifier, one.found) and plain.admits(specifier, _NEWER_THAN_ALL)


def _is_below(one: Unmet) -> bool:
    """Whether what is installed is of an older minor than the one release that is asked for."""
    _, pinned, version = one.requirement.partition("==")
    try:
        return bool(pinned) and Version(one.found).release[:2] < Version(version).release[:2]
    except InvalidVersion:
        return False  # "==9.10.*" names no release
