"""NVML's error codes in a user's words: name, and what it means for them.

Codes and names: nvml.h, nvmlReturn_enum (https://docs.nvidia.com/deploy/nvml-api/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_SUPPORTED = 3
NO_PERMISSION = 4
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13

_NAMES = {
    1: "NVML_ERROR_UNINITIALIZED",
    2: "NVML_ERROR_INVALID_ARGUMENT",
    3: "NVML_ERROR_NOT_SUPPORTED",
    4: "NVML_ERROR_NO_PERMISSION",
    5: "NVML_ERROR_ALREADY_INITIALIZED",
    6: "NVML_ERROR_NOT_FOUND",
    7: "NVML_ERROR_INSUFFICIENT_SIZE",
    8: "NVML_ERROR_INSUFFICIENT_POWER",
    9: "NVML_ERROR_DRIVER_NOT_LOADED",
    10: "NVML_ERROR_TIMEOUT",
    11: "NVML_ERROR_IRQ_ISSUE",
    12: "NVML_ERROR_LIBRARY_NOT_FOUND",
    13: "NVML_ERROR_FUNCTION_NOT_FOUND",
    14: "NVML_ERROR_CORRUPTED_INFOROM",
    15: "NVML_ERROR_GPU_IS_LOST",
    16: "NVML_ERROR_RESET_REQUIRED",
    17: "NVML_ERROR_OPERATING_SYSTEM",
    18: "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
    19: "NVML_ERROR_IN_USE",
    20: "NVML_ERROR_MEMORY",
    21: "NVML_ERROR_NO_DATA",
    22: "NVML_ERROR_VGPU_ECC_NOT_SUPPORTED",
    23: "NVML_ERROR_INSUFFICIENT_RESOURCES",
    24: "NVML_ERROR_FREQ_NOT_SUPPORTED",
    25: "NVML_ERROR_ARGUMENT_VERSION_MISMATCH",
    26: "NVML_ERROR_DEPRECATED",
    27: "NVML_ERROR_NOT_READY",
    28: "NVML_ERROR_GPU_NOT_FOUND",
    29: "NVML_ERROR_INVALID_STATE",
    30: "NVML_ERROR_RESET_TYPE_NOT_SUPPORTED",
    999: "NVML_ERROR_UNKNOWN",
}

_MEANINGS = {
    1: "NVML was not started",
    3: "this GPU or driver does not tell it",
    4: "this user may not open the device: check the permissions of /dev/nvidia*",
    8: "the GPU's power cable is not attached or gives too little",
    9: "the NVIDIA kernel module is not loaded: `sudo modprobe nvidia`, and read `dmesg` if that fails",
    10: "the driver did not answer in time",
    11: "the kernel saw a problem with the GPU's interrupts: read `dmesg`",
    12: "libnvidia-ml.so.1 is not here: no driver is installed, or the container was given none of it",
    13: "the driver is too old to have this call",
    14: "the GPU's own memory of its settings is damaged",
    15: "the GPU has fallen off the bus: reboot, then check power, heat and seat",
    16: "the GPU must be reset before it can be used: reboot",
    17: "the operating system or the container's rules blocked the call",
    18: "the driver's libraries and the loaded kernel module are of different releases, as after an update: reboot",
    23: "the driver is out of resources",
    27: "the GPU is not ready yet: try again",
    28: "the driver finds no such GPU",
    999: "the driver failed inside: read `dmesg` for lines with NVRM or Xid",
}


# Cause codes of what NVML says; what a missing library or module means depends on what else is there.
_CAUSES = {
    NO_PERMISSION: "driver_broken_state",
    8: "driver_broken_state",
    10: "driver_broken_state",
    11: "driver_broken_state",
    15: "driver_broken_state",
    16: "driver_broken_state",
    17: "driver_broken_state",
    18: "nvml_mismatch",
    23: "driver_broken_state",
    999: "driver_broken_state",
}


def cause(answer: Mapping[str, Any]) -> str:
    """Return the cause code of a failed answer of NVML, "" where it alone does not tell one."""
    return _CAUSES.get(answer.get("code", 0), "")


def describe(code: int) -> str:
    """Return name, number and meaning of an NVML error code, known or not."""
    name = _NAMES.get(code)
    if name is None:
        return f"error {code}, which this stackfix has no name for"
    meaning = _MEANINGS.get(code)
    return f"{name} ({code})" + (f": {meaning}" if meaning else "")
