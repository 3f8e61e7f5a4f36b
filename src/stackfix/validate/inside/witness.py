"""Witness: whether the CUDA driver and the system know of this process what onnxruntime says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .reckoning import Reckoned

_DRIVER = re.compile(r"libcuda\.so[.\d]*")
_PROVIDER = re.compile(r"libonnxruntime_providers_cuda\w*\.so[.\d]*")


class Witness(NamedTuple):
    """Whether something ran on a GPU (None: neither driver nor system tells), and what was seen."""

    ok: bool | None
    text: str


def judge(
    driver: Mapping[str, Any], paths: Sequence[str] | None, reckon: Callable[[int], Reckoned]
) -> Witness:
    """Return what the driver's answer and the mapped libraries say of a process whose sessions name CUDA.

    Providers, profiles and devices are onnxruntime's own words, and whoever stands before it can change them: a
    hook, another module of its name. That the driver has a context of this process they can't, and a stub that
    says yes to whatever it is asked can't compute: `reckon` asks that of a GPU.
    """
    if not driver.get("found"):
        return Witness(ok=False, text=f"the sessions name CUDA, but no driver answers: {driver.get('text')}")
    if driver.get("result") != 0 or not driver.get("devices"):
        seen = "it finds no GPU" if driver.get("result") == 0 else str(driver.get("text"))
        return Witness(ok=False, text=f"the sessions name CUDA, but the driver gives no GPU: {seen}")
    names = [path.rsplit("/", 1)[-1] for path in paths or ()]
    lacking = [
        name
        for name, pattern in (("libcuda.so.1", _DRIVER), ("libonnxruntime_providers_cuda.so", _PROVIDER))
        if paths is not None and not any(pattern.fullmatch(each) for each in names)
    ]
    if lacking:
        return Witness(
            ok=False, text=f"the sessions name CUDA, but this process has not mapped {' and '.join(lacking)}"
        )
    used = driver.get("used")
    if used is None:
        return Witness(ok=None, text="the driver does not tell whether this process works on a GPU")
    if not used:
        return Witness(
            ok=False, text="the sessions name CUDA, but the driver has no context of this process on any GPU"
        )
    where = ", ".join(map(str, used))
    computed = reckon(used[0])
    without = driver.get("device files") == []
    believed = computed.ok is True or (computed.ok is None and not without)
    nothing = "; this machine has none of the devices of NVIDIA's kernel module" if without else ""
    return Witness(
        ok=believed,
        text=f"it has a context of this process on GPU {where} of {driver['devices']}; {computed.text}"
        if believed
        else f"the sessions name CUDA, but {computed.text}{nothing}",
    )
