"""JSON of all that NVML says, printed by a child process; imports nothing of stackfix.

Run as `python -I -S nvml_worker.py BINDING [LIBRARY…]`: BINDING is the file pynvml.py of nvidia-ml-py, loaded
by its path because a folder `pynvml` of the deprecated package of that name would win an import. LIBRARY are
places to load the driver's library from when the loader does not find it by name (WSL, some containers).
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from typing import Any

_FUNCTION_NOT_FOUND = 13


def main(binding_file: str, libraries: list[str]) -> dict[str, Any]:
    """Return the readings; a failed one is {"code": N} or {"error": text}."""
    said: dict[str, Any] = {"load": _preload(libraries)}
    try:
        spec: Any = importlib.util.spec_from_file_location("pynvml", binding_file)
        nvml: Any = importlib.util.module_from_spec(spec)
        sys.modules["pynvml"] = nvml  # it looks itself up there
        spec.loader.exec_module(nvml)
    except Exception as error:  # noqa: BLE001 - whatever a foreign binding raises is the answer
        return {**said, "init": {"error": f"nvidia-ml-py could not be loaded: {error}"}}
    said["init"] = _ask(nvml, lambda: _start(nvml))
    if "value" not in said["init"]:
        return said
    said["driver"] = _ask(nvml, "nvmlSystemGetDriverVersion")
    # Without _v2 the call invents a number when libcuda is missing, so only _v2 is asked.
    said["cuda"] = _ask(nvml, "nvmlSystemGetCudaDriverVersion_v2")
    said["count"] = _ask(nvml, "nvmlDeviceGetCount")
    said["devices"] = [_device(nvml, index) for index in range(min(said["count"].get("value", 0), 256))]
    return said


def _preload(libraries: list[str]) -> str:
    """Return why the library does not load by name; "" when it does, or when a named place served."""
    if sys.platform == "win32":
        return ""
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as error:
        for library in libraries:
            try:
                ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)  # found again by its soname
            except OSError:
                continue
            return ""
        return str(error)
    return ""


def _start(nvml: Any) -> int:
    """Start NVML, also where no GPU is attached; drivers before R390 know only the older calls."""
    try:
        nvml.nvmlInitWithFlags(nvml.NVML_INIT_FLAG_NO_GPUS)
    except nvml.NVMLError as error:
        if error.value != _FUNCTION_NOT_FOUND:
            raise
        older = getattr(nvml.nvmlLib, "nvmlInit_v2", None) or getattr(nvml.nvmlLib, "nvmlInit", None)
        if older is None:
            raise
        code = older()
        if code:
            raise nvml.NVMLError(code) from error
    return 0


def _device(nvml: Any, index: int) -> dict[str, Any]:
    handles: list[Any] = []

    def open_device() -> int:
        handles.append(nvml.nvmlDeviceGetHandleByIndex(index))
        return 0

    opened = _ask(nvml, open_device)
    if not handles:
        return {"handle": opened}
    handle = handles[0]
    # A MIG slice has no capability of its own: the handles by index are the parent GPUs.
    return {
        "handle": opened,
        "name": _ask(nvml, "nvmlDeviceGetName", handle),
        "capability": _ask(nvml, lambda: list(nvml.nvmlDeviceGetCudaComputeCapability(handle))),
        "memory": _ask(nvml, lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).total)),
        "uuid": _ask(nvml, "nvmlDeviceGetUUID", handle),
        "mig": _ask(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0]),
    }


def _ask(nvml: Any, question: str | Callable[[], Any], *arguments: Any) -> dict[str, Any]:
    """Return what a call of the binding (by its name) or a function says."""
    try:
        value = getattr(nvml, question)(*arguments) if isinstance(question, str) else question()
    except nvml.NVMLError as error:
        return {"code": int(error.value)}
    except Exception as error:  # noqa: BLE001 - an old binding without the call, a name that is not UTF-8, …
        return {"error": f"{type(error).__name__}: {error}"}
    return {"value": value.decode("utf-8", "replace") if isinstance(value, bytes) else value}


if __name__ == "__main__":
    # The stub library of a CUDA toolkit writes a warning to stdout; only the JSON may go there.
    answer = os.dup(1)
    os.dup2(2, 1)
    os.write(answer, json.dumps(main(sys.argv[1], sys.argv[2:])).encode())
