"""Kernels: whether the device code in a wheel can run on a GPU, and from which driver on.

A cubin for sm_XY runs on the same major capability at minor Y or higher; sm_XYa on exactly X.Y; sm_XYf in its
family, which is the same major from Y on. PTX for compute_P is translated by the driver on any capability
from P on (compute_Pa and Pf stay bound like their cubins) if the driver's branch knows that PTX.
Source: CUDA C++ Programming Guide, "Application compatibility"; Blackwell Compatibility Guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from stackfix.model.wheel import DeviceCode
from stackfix.versions import ComputeCapability, CudaVersion

_ARCHITECTURE = re.compile(r"(\d{1,2})(\d)([af]?)")

COVERAGE = 0.5


@lru_cache(maxsize=1024)
def parts(architecture: str) -> tuple[ComputeCapability, str]:
    """Return capability and suffix of an architecture such as `90a`; raise ValueError on anything else."""
    match = _ARCHITECTURE.fullmatch(architecture)
    if match is None:
        raise ValueError(architecture)
    return ComputeCapability(int(match[1]), int(match[2])), match[3]


def runs_cubin(architecture: str, gpu: ComputeCapability) -> bool:
    """Whether machine code for `architecture` ("86", "90a", "120f") runs on `gpu`."""
    built_for, suffix = parts(architecture)
    if suffix == "a":
        return built_for == gpu
    return built_for.major == gpu.major and built_for.minor <= gpu.minor


def runs_ptx(architecture: str, gpu: ComputeCapability) -> bool:
    """Whether PTX for a virtual architecture ("70", "90a") can be translated for `gpu`."""
    built_for, suffix = parts(architecture)
    if suffix:
        return runs_cubin(architecture, gpu)
    return built_for <= gpu


class Native(Struct, frozen=True):
    """The wheel holds machine code for this GPU; `via` is the architecture that serves it."""

    via: str


class Translated(Struct, frozen=True):
    """Only PTX serves this GPU: the driver must know what `toolkit` wrote (None: not measured)."""

    via: str
    toolkit: CudaVersion | None


class NoCode(Struct, frozen=True):
    """Nothing in the wheel can run on this GPU."""


class NotMeasured(Struct, frozen=True):
    """The wheel's device code has not been read."""


def service(code: Iterable[DeviceCode], gpu: ComputeCapability) -> Native | Translated | NoCode | NotMeasured:
    """Return how a wheel serves a GPU: natively, by PTX, not at all, or not measured.

    A wheel has many fatbin containers. Some are kernels for one generation alone (292 of 609 in
    onnxruntime-gpu 1.31.1 hold nothing but sm_90a), beside which the others stand on a generic path; only
    containers with code for several generations tell whom the wheel is for. Some of these are for newer GPUs
    (fused attention), so a GPU is served when at least half as many serve it as serve the best-served one.
    """
    carried = tuple(code)
    if not carried:
        return NotMeasured()
    containers, best = _meant(carried)
    cubins, ptx = _serving(containers, gpu)
    native = sum(one.count for one in containers if not cubins.isdisjoint(one.cubins))
    if native >= best * COVERAGE:
        return Native(_closest(cubins))
    if _tally(containers, gpu) >= best * COVERAGE:
        serving = {a: t for c in containers for a, t in c.ptx.items() if a in ptx}
        toolkits = [t for t in serving.values() if t is not None]
        return Translated(_closest(serving), max(toolkits) if toolkits else None)
    return NoCode()


@lru_cache(maxsize=256)
def _meant(carried: tuple[DeviceCode, ...]) -> tuple[tuple[DeviceCode, ...], int]:
    """Return the containers that tell whom a wheel is for, and how many of them serve the best-served GPU."""
    several = tuple(one for one in carried if _generations(one) > 1)
    containers = several or carried
    names = {name for container in containers for name in (*container.cubins, *container.ptx)}
    return containers, max(_tally(containers, each) for each in {parts(name)[0] for name in names})


def _generations(container: DeviceCode) -> int:
    return len({parts(name)[0].major for name in (*container.cubins, *container.ptx)})


def _serving(containers: Iterable[DeviceCode], gpu: ComputeCapability) -> tuple[set[str], set[str]]:
    """Return the cubins and the PTX among all containers that a GPU can run."""
    cubins = {name for one in containers for name in one.cubins}
    ptx = {name for one in containers for name in one.ptx}
    return {name for name in cubins if runs_cubin(name, gpu)}, {name for name in ptx if runs_ptx(name, gpu)}


def _tally(containers: Iterable[DeviceCode], gpu: ComputeCapability) -> int:
    """Return how many containers a GPU can run something of, by PTX too."""
    cubins, ptx = _serving(containers, gpu)
    return sum(
        one.count
        for one in containers
        if not (cubins.isdisjoint(one.cubins) and (not ptx or ptx.isdisjoint(one.ptx)))
    )


def _closest(architectures: Iterable[str]) -> str:
    return max(architectures, key=parts)


def architectures(code: Iterable[DeviceCode]) -> str:
    """Return the architectures of a wheel in one line: "sm_75 sm_86 sm_90a, PTX 90"."""
    containers = list(code)
    cubins = sorted({name for container in containers for name in container.cubins}, key=parts)
    ptx = sorted({name for container in containers for name in container.ptx}, key=parts)
    text = " ".join(f"sm_{name}" for name in cubins) or "no machine code"
    return f"{text}, PTX {' '.join(ptx)}" if ptx else text
