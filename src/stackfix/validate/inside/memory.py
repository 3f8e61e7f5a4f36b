"""How much GPU memory this process holds, asked of NVML; or what was tried."""

from __future__ import annotations

import ctypes
import os
import sys
import uuid
from pathlib import Path
from typing import Any

_MORE_PROCESSES = 64


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


_NOT_AVAILABLE = 2**64 - 1
# NVML_DEVICE_UUID_V2_BUFFER_SIZE
_UUID = 96


class Meter:
    """Reads NVML at two moments; the second tells what this process took."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self._library: Any = None
        self._devices: list[Any] = []
        self._before = -1
        self._cut = False
        name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
        try:
            self._library = ctypes.CDLL(name)
            result = int(self._library.nvmlInit_v2())
        except (OSError, AttributeError) as error:
            self.tried.append(f"NVML: {error}")
            return
        if result != 0:
            self.tried.append(f"NVML: nvmlInit gives {result}")
            return
        count = ctypes.c_uint(0)
        self._library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        for index in range(count.value):
            handle = ctypes.c_void_p()
            if self._library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                self._devices.extend(self._instances(handle) or [handle])
        self._before = self._used()

    def _instances(self, device: Any) -> list[Any]:
        """Return the MIG instances of a GPU that is cut into such: a program has one of them and its memory, no more.

        https://docs.nvidia.com/deploy/nvml-api/group__nvmlMultiInstanceGPU.html
        """
        now, pending, most = ctypes.c_uint(0), ctypes.c_uint(0), ctypes.c_uint(0)
        found = []
        try:
            cut = self._library.nvmlDeviceGetMigMode(device, ctypes.byref(now), ctypes.byref(pending)) == 0
            if not (cut and now.value):
                return []
            self._library.nvmlDeviceGetMaxMigDeviceCount(device, ctypes.byref(most))
            for index in range(most.value):
                instance = ctypes.c_void_p()
                if (
                    self._library.nvmlDeviceGetMigDeviceHandleByIndex(device, index, ctypes.byref(instance))
                    == 0
                ):
                    found.append(instance)
        except AttributeError:
            return []
        self._cut = bool(found)
        return found

    def state(self) -> list[dict[str, Any]]:
        """Return for each GPU its total and free bytes, and which processes hold how much of it.

        `first` is whether CUDA counts it as its first, on which everything runs here; None where that is not told.
        """
        devices = []
        first = self._first()
        for index, device in enumerate(self._devices):
            memory = _Memory()
            if self._library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) != 0:
                continue
            devices.append(
                {
                    "gpu": index,
                    "first": None if first is None else index == first,
                    "total": int(memory.total),
                    "free": int(memory.free),
                    "processes": [
                        {"pid": pid, "name": _name(pid), "bytes": used}
                        for pid, used in self._processes(device) or ()
                        if pid != os.getpid()
                    ],
                }
            )
        return devices

    def _first(self) -> int | None:
        """Return which of NVML's devices is CUDA's first: the two count them in other orders, and CUDA can hide some."""
        if len(self._devices) < 2:
            return 0
        if self._cut:
            return self._first_of_instances()
        name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
        device, found = ctypes.c_int(0), ctypes.c_void_p()
        bus = ctypes.create_string_buffer(32)
        try:
            driver = ctypes.CDLL(name)
            told = (
                driver.cuInit(0) == 0
                and driver.cuDeviceGet(ctypes.byref(device), 0) == 0
                and driver.cuDeviceGetPCIBusId(bus, len(bus), device) == 0
                and self._library.nvmlDeviceGetHandleByPciBusId_v2(bus, ctypes.byref(found)) == 0
            )
        except (OSError, AttributeError):
            return None
        same = [index for index, each in enumerate(self._devices) if told and each.value == found.value]
        return same[0] if same else None

    def _first_of_instances(self) -> int | None:
        """Return which device is CUDA's first where GPUs are cut: an instance has a UUID, and no place on the bus."""
        own, device = (ctypes.c_ubyte * 16)(), ctypes.c_int(0)
        try:
            driver = ctypes.CDLL("libcuda.so.1")
            told = (
                driver.cuInit(0) == 0
                and driver.cuDeviceGet(ctypes.byref(device), 0) == 0
                and driver.cuDeviceGetUuid_v2(own, device) == 0
            )
        except (OSError, AttributeError):
            return None
        first = str(uuid.UUID(bytes=bytes(own)))
        for index, each in enumerate(self._devices):
            name = ctypes.create_string_buffer(_UUID)
            known = told and self._library.nvmlDeviceGetUUID(each, name, _UUID) == 0
            # `GPU-` or `MIG-` and the UUID
            if known and name.value.decode("ascii", "replace").partition("-")[2] == first:
                return index
        return None

    def reading(self) -> dict[str, Any]:
        """Return {"value", "found_via"} or {"tried"}."""
        own = self.own()
        if own is None:
            self.tried.append("NVML: does not name this process (usual in containers)")
        else:
            return {"value": own, "found_via": "NVML, memory of this process"}
        after = self._used()
        # with several GPUs or none readable, the difference could be another program's on another device
        if len(self._devices) == 1 and 0 <= self._before < after:
            return {
                "value": after - self._before,
                "found_via": "NVML, used memory of the GPU before and after",
            }
        return {"tried": self.tried or ["NVML: no device told its memory"]}

    def own(self) -> int | None:
        """Return the bytes that this process holds on all GPUs, None where NVML does not name it."""
        total = None
        for device in self._devices:
            for pid, used in self._processes(device) or ():
                if pid == os.getpid() and used is not None:
                    total = (total or 0) + used
        return total

    def _processes(self, device: Any) -> list[tuple[int, int | None]] | None:
        """Return (process, bytes) of those that compute on a GPU; bytes None where NVML does not say them."""
        count = ctypes.c_uint(_MORE_PROCESSES)
        processes = (_Process * _MORE_PROCESSES)()
        try:
            ask = self._library.nvmlDeviceGetComputeRunningProcesses_v3
        except AttributeError:
            self.tried.append("NVML: this driver does not list processes by version 3")
            return None
        result = int(ask(device, ctypes.byref(count), processes))
        if result != 0:
            self.tried.append(f"NVML: nvmlDeviceGetComputeRunningProcesses gives {result}")
            return None
        return [
            (int(each.pid), None if each.used == _NOT_AVAILABLE else int(each.used))
            for each in processes[: count.value]
        ]

    def _used(self) -> int:
        used = 0
        for device in self._devices:
            memory = _Memory()
            if self._library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) != 0:
                return -1
            used += int(memory.used)
        return used


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
