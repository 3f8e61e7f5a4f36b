"""What NVML says of the driver and the GPUs, each reading known or with the error it gave."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu, Trouble
from stackfix.probe import nvml_worker
from stackfix.probe.child import Broken, Ended, first_line, run_child
from stackfix.probe.nvml_errors import cause, describe
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion

T = TypeVar("T")
_VIA = "NVML"
# Without persistence mode the driver wakes every GPU first: about 1 s each on an 8-GPU server.
_SECONDS = 30.0

LIBRARY_FOLDERS = (
    "usr/lib/wsl/lib",  # WSL 2
    "usr/local/nvidia/lib64",  # Kubernetes device plugins
    "usr/lib64-nvidia",  # hosted notebooks
    "run/opengl-driver/lib",  # NixOS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NvidiaReadings:
    """Driver, CUDA and GPUs as one source tells them, with what a user should know of it.

    `failed` is why nothing was told at all, `cause` its cause code, "" where it alone does not tell one.
    """

    driver: Reading[DriverVersion]
    cuda: Reading[CudaVersion]
    gpus: Reading[tuple[Gpu, ...]]
    notes: tuple[str, ...] = ()
    failed: str = ""
    cause: str = ""
    troubles: tuple[Trouble, ...] = ()


def read_nvml(root: Path = Path("/"), *, seconds: float = _SECONDS) -> NvidiaReadings:
    """Return what NVML says, asked in a child of about 40 ms (15 of them load nvidia-ml-py)."""
    binding = binding_file(sys.path)
    if not binding:
        return _nothing("NVML: nvidia-ml-py is not installed beside stackfix")
    command = [sys.executable, "-I", "-S", nvml_worker.__file__, binding]
    command += [str(root / folder / "libnvidia-ml.so.1") for folder in LIBRARY_FOLDERS]
    match run_child(command, seconds=seconds):
        case Broken(reason):
            return _nothing(f"NVML: the process that asked it {reason}", "driver_broken_state")
        case Ended() as ended:
            return _from_child(ended)


def binding_file(path: Sequence[str]) -> str:
    """Return the pynvml.py of nvidia-ml-py on an import path; "" when there is none."""
    for folder in path:
        file = Path(folder or ".") / "pynvml.py"
        if file.is_file():
            return str(file)
    return ""


def _from_child(ended: Ended) -> NvidiaReadings:
    try:
        said = json.loads(ended.out)
    except ValueError:
        return _nothing(
            f"NVML: the process that asked it ended with {ended.code} and said `{first_line(ended.err)}`"
        )
    return nvml_readings(said, printed=first_line(ended.err))


def nvml_readings(said: dict[str, Any], *, printed: str = "") -> NvidiaReadings:
    """Return the readings in the worker's JSON; `printed` is what the library itself wrote."""
    init = said["init"]
    if "value" not in init:
        reason = _failure(init)
        if said["load"] and "No such file" not in said["load"]:
            reason += f" ({said['load']})"
        if printed:
            reason += f" (it printed: {printed})"
        return _nothing(f"NVML: {reason}", cause(init))
    gpus, notes = _gpus(said)
    return NvidiaReadings(
        driver=_reading(said["driver"], "NVML, driver version", DriverVersion.parse),
        cuda=_reading(said["cuda"], "NVML, CUDA version of the driver", _cuda),
        gpus=gpus,
        notes=notes,
        troubles=tuple(_lost_gpus(said)),
    )


def _lost_gpus(said: dict[str, Any]) -> Iterator[Trouble]:
    for index, device in enumerate(said["devices"]):
        if "value" not in device["handle"] and (code := cause(device["handle"])):
            yield Trouble(code, f"NVML, GPU {index}: {_failure(device['handle'])}")


def _gpus(said: dict[str, Any]) -> tuple[Reading[tuple[Gpu, ...]], tuple[str, ...]]:
    if "value" not in said["count"]:
        return Unknown((f"NVML, number of GPUs: {_failure(said['count'])}",)), ()
    found: list[Gpu] = []
    skipped: list[str] = []
    notes: list[str] = []
    for index, device in enumerate(said["devices"]):
        if "value" not in device["handle"]:
            skipped.append(f"NVML, GPU {index}: {_failure(device['handle'])}")
            continue
        found.append(_gpu(index, device))
        notes += [
            f"GPU {index}, {reading}: {_failure(device[reading])}"
            for reading in ("name", "uuid")
            if "value" not in device[reading]
        ]
        if device["mig"].get("value") == 1:
            notes.append(f"GPU {index} is split by MIG: a process sees one slice and its memory only")
    if skipped and not found:
        return Unknown(tuple(skipped)), tuple(notes)
    return Known(tuple(found), _VIA), (*(f"{reason}; this GPU is left out" for reason in skipped), *notes)


def _gpu(index: int, device: dict[str, Any]) -> Gpu:
    return Gpu(
        name=str(device["name"].get("value", "")),
        compute_capability=_reading(device["capability"], "NVML, compute capability", _capability),
        memory_bytes=_reading(device["memory"], "NVML, memory", int),
        index=index,
        uuid=str(device["uuid"].get("value", "")),
    )


def _reading(answer: dict[str, Any], place: str, parse: Any) -> Reading[Any]:
    if "value" not in answer:
        return Unknown((f"{place}: {_failure(answer)}",))
    try:
        return Known(parse(answer["value"]), _VIA)
    except QuestionError as error:
        return Unknown((f"{place}: {error.message}",))


def _cuda(number: int) -> CudaVersion:
    if number < 1000:
        raise QuestionError(f"it answered {number}, which is no CUDA version")
    return CudaVersion.from_driver_api(number)


def _capability(pair: Sequence[int]) -> ComputeCapability:
    major, minor = pair
    if major < 1:
        raise QuestionError(f"it answered {major}.{minor}, which is no compute capability")
    return ComputeCapability(major, minor)


def _failure(answer: dict[str, Any]) -> str:
    return describe(answer["code"]) if "code" in answer else str(answer["error"])


def _nothing(reason: str, code: str = "") -> NvidiaReadings:
    unknown = Unknown((reason,))
    return NvidiaReadings(driver=unknown, cuda=unknown, gpus=unknown, failed=reason, cause=code)
