"""What libcuda says, asked in a child: the CUDA it offers, and the GPUs where NVML is not to be had.

A container may hold the driver's `compute` part (libcuda) without its `utility` part (NVML, nvidia-smi).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu
from stackfix.probe import libcuda_worker
from stackfix.probe.child import Broken, ChildAnswer, Ended, first_line, run_child
from stackfix.probe.nvidia import LIBRARY_FOLDERS
from stackfix.versions import ComputeCapability, CudaVersion

_VIA = "libcuda"
_SECONDS = 30.0
# A driver that hangs takes the whole time of each question: what broke off is not asked again for some minutes.
_BROKE: dict[tuple[object, ...], tuple[float, Broken]] = {}
_REMEMBERED = 300.0

# cuda.h, CUresult (https://docs.nvidia.com/cuda/cuda-driver-api/), in a user's words.
_MEANINGS = {
    3: "CUDA_ERROR_NOT_INITIALIZED",
    34: "CUDA_ERROR_STUB_LIBRARY: this is the toolkit's stub for linking, not the driver's library",
    100: "CUDA_ERROR_NO_DEVICE: no GPU that CUDA may use",
    101: "CUDA_ERROR_INVALID_DEVICE",
    304: "CUDA_ERROR_OPERATING_SYSTEM: the operating system or the container blocked the call",
    802: "CUDA_ERROR_SYSTEM_NOT_READY: the driver's services are not running (nvidia-fabricmanager)",
    803: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: libcuda and the kernel module are of different releases",
    804: "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE: cuda-compat serves data-centre GPUs only",
    999: "CUDA_ERROR_UNKNOWN: the driver failed inside; read `dmesg`",
}


def libcuda_version(root: Path = Path("/")) -> Reading[CudaVersion]:
    """Return the CUDA version that the installed driver library offers (cuDriverGetVersion)."""
    said = _asked("version", root)
    if isinstance(said, Unknown):
        return said
    number = said["cuda"].get("value")
    if number is None or number < 1000:
        return Unknown((f"libcuda, cuDriverGetVersion: {_failure(said['cuda'])}",))
    return Known(CudaVersion.from_driver_api(number), _VIA)


def libcuda_gpus(root: Path = Path("/")) -> Reading[tuple[Gpu, ...]]:
    """Return the GPUs that CUDA itself finds, in PCI order, as if CUDA_VISIBLE_DEVICES hid none."""
    said = _asked("devices", root)
    if isinstance(said, Unknown):
        return said
    if said["init"].get("code") != 0:
        return Unknown((f"libcuda, cuInit: {_failure(said['init'])}",))
    if not said["devices"]:
        return Unknown(("libcuda: it started, and counted no GPU",))
    return Known(tuple(_gpu(index, device) for index, device in enumerate(said["devices"])), _VIA)


def libcuda_breaks(root: Path = Path("/")) -> str:
    """Return how a process breaks off that does nothing but start the driver; "" if it answers, or is not there."""
    match _told("devices", root):
        case Broken(reason):
            return reason
        case Ended() as ended:
            return "" if ended.out else f"ended with status {ended.code} and without an answer"


def _asked(question: str, root: Path) -> dict[str, Any] | Unknown:
    match _told(question, root):
        case Broken(reason):
            return Unknown((f"libcuda: the process that asked it {reason}",))
        case Ended() as ended:
            return _understood(ended)


def _told(question: str, root: Path) -> ChildAnswer:
    command = [sys.executable, "-I", "-S", libcuda_worker.__file__, question]
    command += [str(root / folder / "libcuda.so.1") for folder in LIBRARY_FOLDERS]
    environ = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    asked = (*command, *sorted(environ.items()))
    before, broken = _BROKE.get(asked, (0.0, None))
    if broken is not None and time.monotonic() - before < _REMEMBERED:
        return broken
    answer = run_child(command, seconds=_SECONDS, environ={**environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    if isinstance(answer, Broken):
        _BROKE[asked] = time.monotonic(), answer
    return answer


def _understood(ended: Ended) -> dict[str, Any] | Unknown:
    try:
        said: dict[str, Any] = json.loads(ended.out)
    except ValueError:
        line = first_line(ended.err)
        return Unknown((f"libcuda: the process that asked it ended with {ended.code} and said `{line}`",))
    if said["load"]:
        return Unknown((f"libcuda: {said['load']}",))
    return said


def _gpu(index: int, device: dict[str, Any]) -> Gpu:
    capability: Reading[ComputeCapability] = Unknown(
        (f"libcuda, compute capability: {_failure(device['capability'])}",)
    )
    if "value" in device["capability"]:
        capability = Known(ComputeCapability(*device["capability"]["value"]), _VIA)
    memory: Reading[int] = Unknown((f"libcuda, memory: {_failure(device['memory'])}",))
    if "value" in device["memory"]:
        memory = Known(int(device["memory"]["value"]), _VIA)
    return Gpu(
        name=str(device["name"].get("value", "")),
        compute_capability=capability,
        memory_bytes=memory,
        index=index,
        uuid=str(device["uuid"].get("value", "")),
    )


def _failure(answer: dict[str, Any]) -> str:
    if "value" in answer:
        return f"it answered {answer['value']}"
    if "error" in answer:
        return str(answer["error"])
    code = answer["code"]
    return f"error {code}" + (f", {_MEANINGS[code]}" if code in _MEANINGS else "")
