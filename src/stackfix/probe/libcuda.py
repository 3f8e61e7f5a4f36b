"""What libcuda says, asked in a child: the CUDA it offers, and the GPUs where NVML is not to be had.

A container may hold the driver's `compute` part (libcuda) without its `utility` part (NVML, nvidia-smi).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu
from stackfix.probe import libcuda_worker
from stackfix.probe.child import Broken, ChildAnswer, first_line, run_child
from stackfix.probe.nvidia import LIBRARY_FOLDERS
from stackfix.versions import ComputeCapability, CudaVersion

_VIA = "libcuda"
# Without the persistence daemon cuInit wakes one GPU after another, seconds each, and a machine may have sixteen.
_SECONDS = 60.0

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


class Libcuda:
    """The driver's library, asked each question once, and none after one from which it did not come back.

    `broke` is how the process ended that asked, and in what; "" as long as each came back.
    """

    def __init__(self, root: Path = Path("/"), *, broke: str = "") -> None:
        """Ask nothing yet; `broke` is what an earlier reading of this library came to."""
        self._root = root
        self._answers: dict[str, dict[str, Any]] = {}
        self._unloadable = ""
        self.broke = broke

    def version(self) -> Reading[CudaVersion]:
        """Return the CUDA version that the installed driver library offers (cuDriverGetVersion)."""
        said = self._asked("version")
        if isinstance(said, Unknown):
            return said
        number = said["cuda"].get("value")
        if number is None or number < 1000:
            return Unknown((f"libcuda, cuDriverGetVersion: {_failure(said['cuda'])}",))
        return Known(CudaVersion.from_driver_api(number), _VIA)

    def gpus(self) -> Reading[tuple[Gpu, ...]]:
        """Return the GPUs that CUDA itself finds, in PCI order, as if CUDA_VISIBLE_DEVICES hid none."""
        said = self._asked("devices")
        if isinstance(said, Unknown):
            return said
        if said["init"].get("code") != 0:
            return Unknown((f"libcuda, cuInit: {_failure(said['init'])}",))
        if not said["devices"]:
            return Unknown(("libcuda: it started, and counted no GPU",))
        return Known(tuple(_gpu(index, device) for index, device in enumerate(said["devices"])), _VIA)

    def breaks(self) -> str:
        """Return how a process breaks off that does nothing but start the driver; "" if it answers, or is not there."""
        self._asked("devices")
        return self.broke

    def _asked(self, question: str) -> dict[str, Any] | Unknown:
        if not (self.broke or self._unloadable or question in self._answers):
            self._ask(question)
        if self._unloadable:
            return Unknown((f"libcuda: {self._unloadable}",))
        if question not in self._answers:
            return Unknown((f"libcuda: the process that asked it {self.broke}",))
        return self._answers[question]

    def _ask(self, question: str) -> None:
        command = [sys.executable, "-I", "-S", libcuda_worker.__file__, question]
        command += [str(self._root / folder / "libcuda.so.1") for folder in LIBRARY_FOLDERS]
        environ = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        answer = run_child(command, seconds=_SECONDS, environ={**environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
        last = answer.out.splitlines()[-1] if answer.out else ""
        if isinstance(answer, Broken) or not last.startswith("{"):
            self.broke = _broken(answer, last)
            return
        said: dict[str, Any] = json.loads(last)
        if said["load"]:
            self._unloadable = said["load"]
        else:
            self._answers[question] = said


def _broken(answer: ChildAnswer, begun: str) -> str:
    """Return how a process ended that did not come back from what it had begun last, and in what."""
    if isinstance(answer, Broken):
        how = answer.reason
        for file in answer.files:
            begun = f"while loading {file}" if "/libcuda.so" in file and begun.endswith(" it") else begun
    else:
        said = first_line(answer.err)
        how = f"ended with status {answer.code} and without an answer"
        how += f", and printed `{said}`" if said else ""
    return f"{how}, {begun}" if begun else how


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
