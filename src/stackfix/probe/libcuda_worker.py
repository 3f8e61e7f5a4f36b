"""JSON of what libcuda says, the last line of a child process; imports nothing of stackfix.

Run as `python -I -S libcuda_worker.py version|devices [LIBRARY…]`: two questions, because the version needs no
cuInit, and cuInit takes 0.1 s or more and is where a broken driver crashes or hangs. Before each thing that may not
come back one line says what it is.
Numbers are those of cuda.h: attributes 75 and 76 are the compute capability's major and minor.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any


def main(question: str, libraries: list[str], begin: Callable[[str], object]) -> dict[str, Any]:
    """Return the readings; a failed one is {"code": N} or {"error": text}. `begin` is told what may not come back."""
    begin("while loading it")
    library, problem = _load(libraries)
    if library is None:
        return {"load": problem}
    said: dict[str, Any] = {"load": ""}
    where = _file()
    number = ctypes.c_int()
    begin(f"in cuDriverGetVersion{where}")
    said["cuda"] = _ask(library, "cuDriverGetVersion", ctypes.byref(number))
    if said["cuda"] == {"code": 0}:
        said["cuda"] = {"value": number.value}
    if question == "version":
        return said
    begin(f"in cuInit{where}")
    said["init"] = _ask(library, "cuInit", ctypes.c_uint(0))
    if said["init"] == {"code": 0}:
        begin(f"while counting GPUs{where}")
        said["devices"] = _devices(library)
    return said


def _load(libraries: list[str]) -> tuple[Any, str]:
    names = ["nvcuda.dll"] if sys.platform == "win32" else ["libcuda.so.1", *libraries]
    problem = ""
    for name in names:
        try:
            return ctypes.CDLL(name), ""
        except OSError as error:  # noqa: PERF203 - two or three names
            problem = problem or str(error)
    return None, problem


def _file() -> str:
    """Return which file was loaded, as the end of a sentence; "" where the system does not tell."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123 - 10 ms less
            names = [line.split(None, 5)[5].strip() for line in maps if "/libcuda.so" in line]
    except OSError:
        return ""
    return f" of {names[0]}" if names else ""


def _devices(library: Any) -> list[dict[str, Any]]:
    count = ctypes.c_int()
    if _ask(library, "cuDeviceGetCount", ctypes.byref(count)) != {"code": 0}:
        return []
    return [_device(library, index) for index in range(min(count.value, 256))]


def _device(library: Any, index: int) -> dict[str, Any]:
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    memory, name, uuid = ctypes.c_size_t(), ctypes.create_string_buffer(256), ctypes.create_string_buffer(16)
    _ask(library, "cuDeviceGet", ctypes.byref(device), ctypes.c_int(index))
    told: dict[str, Any] = {"name": _ask(library, "cuDeviceGetName", name, ctypes.c_int(256), device)}
    if told["name"] == {"code": 0}:
        told["name"] = {"value": name.value.decode("utf-8", "replace")}
    first = _ask(library, "cuDeviceGetAttribute", ctypes.byref(major), ctypes.c_int(75), device)
    second = _ask(library, "cuDeviceGetAttribute", ctypes.byref(minor), ctypes.c_int(76), device)
    told["capability"] = (
        {"value": [major.value, minor.value]}
        if first == second == {"code": 0}
        else max(first, second, key=str)
    )
    told["memory"] = _ask(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    if told["memory"] == {"code": 0}:
        told["memory"] = {"value": memory.value}
    told["uuid"] = _ask(library, "cuDeviceGetUuid", uuid, device)
    if told["uuid"] == {"code": 0}:
        digits = uuid.raw.hex()
        parts = digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]
        told["uuid"] = {"value": "GPU-" + "-".join(parts)}
    return told


def _ask(library: Any, function: str, *arguments: Any) -> dict[str, Any]:
    try:
        return {"code": int(getattr(library, function)(*arguments))}
    except AttributeError:
        return {"error": f"it has no {function}"}


if __name__ == "__main__":
    # What the library prints must not mix with the JSON.
    answer = os.dup(1)
    os.dup2(2, 1)
    told = os.fdopen(answer, "w", buffering=1, encoding="utf-8", errors="replace")
    print(json.dumps(main(sys.argv[1], sys.argv[2:], partial(print, file=told))), file=told)
