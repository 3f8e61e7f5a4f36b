"""Linkage: every shared library that is needed has exactly one provider, of the same CUDA major.

Why: a missing or foreign library is not noticed by pip or uv; onnxruntime then falls back to the CPU, and
torch fails at import.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.problem import DRIVER, Requirement, library_node, provided_node
from stackfix.model.wheel import Wheel, WheelFile
from stackfix.rules.scene import Scene, release_fact, wheel_source

NAME = "linkage"


def needed_libraries(wheel: Wheel, scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield each soname that a wheel cannot do without here, with the verb "needs" or "opens"."""
    features = scene.wanted_features(wheel.package)
    for feature, sonames in wheel.needs.items():
        if feature in features:
            for soname in sonames:
                yield soname, "needs"
    for feature, sonames in wheel.opens.items():
        if feature in features:
            for soname in sonames:
                if scene.facts.libraries.opened_and_required(soname, feature):
                    yield soname, "opens"


def linkage(wheel: Wheel, file: WheelFile, scene: Scene) -> Iterator[Requirement]:
    """Yield a requirement on the provider of each needed library, and on being the one that is provided."""
    libraries = scene.facts.libraries
    said: set[str] = set()
    for soname, verb in sorted(needed_libraries(wheel, scene)):
        if soname in said or soname in wheel.provides or libraries.is_system(soname):
            continue
        said.add(soname)
        says = f"{verb} {soname}"
        if libraries.is_driver(soname):
            if scene.device == "gpu":
                why = release_fact(
                    wheel, f"{says}, which the NVIDIA driver brings", NAME, wheel_source(wheel, file)
                )
                yield Requirement(DRIVER, frozenset(scene.driver_keys()), why)
            continue
        major = wheel.cuda_major
        matching = scene.provided(soname, major)
        if any(matching.values()) or not matching:
            says += f" of CUDA {major}" if major else ""
        allowed = scene.provider_keys(soname, major)
        short = f"needs {soname}" + (f" of CUDA {major}" if major else "")
        if not matching:
            says += ", which no wheel on record provides"
            short = f"{wheel.package} {short}, which no wheel provides"
        why = release_fact(wheel, says, NAME, wheel_source(wheel, file), short=short)
        yield Requirement(library_node(soname, major), allowed, why)
    for soname in sorted(wheel.provides):
        if len(scene.facts.providers(soname)) < 2:
            continue
        why = release_fact(
            wheel, f"provides {soname}, of which a process loads one", NAME, wheel_source(wheel, file)
        )
        yield Requirement(provided_node(soname), frozenset({wheel.package}), why)
