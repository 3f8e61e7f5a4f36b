"""Readings: whether the driver and the GPUs that are here leave any set at all, whatever is installed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stackfix.judging import remedy
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.problem import DRIVER, Requirement
from stackfix.model.report import Finding
from stackfix.rules import tags
from stackfix.rules.machine import cuda_requirements, gpu_requirements
from stackfix.rules.scene import Scene
from stackfix.versions import CudaVersion, DriverVersion

_DRIVER_CODES = ("driver_too_old", "driver_too_new")


class NoSet(Struct, frozen=True, kw_only=True):
    """Why no change of packages helps: which driver to install ("" where this one may stay), and what is done then.

    `then` is the command that mends the environment afterwards; `because` are facts about this Python's wheels.
    """

    driver: str
    then: str
    because: tuple[str, ...] = ()

    @property
    def fix(self) -> str:
        """What to do first; the whole of it where it's no matter of the driver."""
        return self.driver or self.then


def no_set(environment: Environment, scene: Scene) -> NoSet | None:
    """Return why no set works on this driver and these GPUs, by the rules about readings alone; None where one may.

    A repair keeps the Python: what counts are the CUDAs that torch and onnxruntime-gpu are built for on it.
    """
    driver = scene.machine.driver
    if scene.device != "gpu" or not isinstance(driver, Known):
        return None
    every = frozenset(CudaVersion.parse(key).major for key in scene.cuda_keys())
    majors = every
    because: tuple[str, ...] = ()
    for name in _counting(environment):
        built = _majors(name, scene)
        if built and 0 not in built:  # of a row whose CUDA is not known nothing follows
            majors &= built
            because = (*because, _built_for(name, built, scene))
    here = str(driver.value)
    ours, anyones = _drivers(majors, scene), _drivers(every, scene)
    if here in ours or not anyones:
        return None
    change = "" if here in anyones and not ours else _change(ours or anyones, driver.value, scene)
    then = remedy.mend(environment) if ours else remedy.anew(environment)
    return NoSet(driver=change, then=then, because=() if here not in anyones else because)


def with_the_driver(finding: Finding, impossible: NoSet | None, ours: str) -> Finding:
    """Return a finding whose fix is not our own command, where that could not work on this driver."""
    if impossible is None or finding.fix != ours:
        return finding
    if finding.code in _DRIVER_CODES:
        return replace(finding, fix=impossible.fix, because=(*finding.because, *impossible.because))
    if not impossible.driver:
        return replace(finding, fix=impossible.then)
    return replace(finding, fix=f"{impossible.driver}; then {impossible.then}")


def _counting(environment: Environment) -> Sequence[str]:
    """Return the packages whose builds decide the CUDA; in the place of a CPU build a GPU's is wanted."""
    names = environment.packages
    runtime = "onnxruntime-gpu" in names or "onnxruntime" in names
    return [
        *(("torch",) if "torch" in names else ()),
        *(("onnxruntime-gpu",) if runtime else ()),
    ]


def _majors(name: str, scene: Scene) -> frozenset[int]:
    """Return the CUDA majors that a package's releases for this Python and system are built for."""
    python, platform = scene.python.version, scene.machine.platform
    free = scene.python.free_threaded
    return frozenset(
        row.cuda_major
        for rows in scene.releases(name).values()
        for row in rows
        if tags.best_file(row.files, python, platform, scene.glibc, free_threaded=free) is not None
    )


def _built_for(name: str, majors: Collection[int], scene: Scene) -> str:
    listed = " and ".join(map(str, sorted(majors)))
    python = scene.python.version.minor_version
    return f"every {name} for Python {python} that stackfix knows is built for CUDA {listed} [measured: its wheels, {scene.facts.date}]"


def _drivers(majors: Collection[int], scene: Scene) -> frozenset[str]:
    """Return the drivers that know every GPU and run some CUDA of these majors that has code for each."""
    known = frozenset(scene.driver_keys())
    for index, capability in scene.capabilities():
        for requirement in gpu_requirements(index, str(capability), scene):
            known &= requirement.allowed
    found: set[str] = set()
    here = {f"machine:gpu:{index}": str(capability) for index, capability in scene.capabilities()}
    for key in scene.cuda_keys():
        asked = list(cuda_requirements(key, scene))
        if CudaVersion.parse(key).major in majors and all(_gives(one, here) for one in asked):
            found |= known.intersection(*(one.allowed for one in asked if one.node == DRIVER))
    return frozenset(found)


def _gives(requirement: Requirement, here: dict[str, str]) -> bool:
    return requirement.node == DRIVER or here[requirement.node] in requirement.allowed


def _change(drivers: Collection[str], here: DriverVersion, scene: Scene) -> str:
    """Return which driver to install: the oldest that is newer than this one, else the branch of the newest."""
    sorted_drivers = sorted(map(DriverVersion.parse, drivers))
    newer = [one for one in sorted_drivers if one > here]
    if newer:
        return f"install NVIDIA driver {newer[0]} or newer"
    return f"install an NVIDIA driver of branch {scene.facts.hardware.branch_of(sorted_drivers[-1])}"
