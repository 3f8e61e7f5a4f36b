"""The GPU's memory that did not suffice: what was free, who holds the rest, what would make room."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# onnxruntime gives cuBLAS's number with the text of cublasGetStatusString, not its name
_PLAINLY = re.compile(
    r"out of memory|Failed to allocate memory|CU(BLAS|DNN)_STATUS_ALLOC_FAILED|(DEVICE|HOST)_ALLOCATION_FAILED"
    r"|cudaErrorMemoryAllocation|BFCArena|CUBLAS failure 3\b|resource allocation failed",
    re.IGNORECASE,
)
# what cuDNN and cuBLAS say when they get no memory to start in, and when they are broken
_START = re.compile(
    r"CUDNN_STATUS_(NOT_INITIALIZED|INTERNAL_ERROR)|CUBLAS_STATUS_NOT_INITIALIZED|CUBLAS failure 1\b",
    re.IGNORECASE,
)
_AT_ONCE = re.compile(r"^\d+ people at once: ", re.MULTILINE)
# a CUDA context with cuDNN's and cuBLAS's own kernels and workspaces takes some hundred megabytes of its own
_LITTLE = 1_000_000_000
_NAMED = 3
_SMALL = 50_000_000


class Lack(NamedTuple):
    """What lacked in a sentence, and what to do."""

    reason: str
    fix: str


class Holder(NamedTuple):
    """Another process on the GPU, and the bytes that it holds."""

    name: str
    pid: Any
    bytes: int

    def __str__(self) -> str:
        return f"`{self.name}` (process {self.pid}) {gigabytes(self.bytes)}"


def says_memory(text: str) -> bool:
    """Whether an error text says by itself that memory did not suffice."""
    return _PLAINLY.search(text) is not None


def lack_of_memory(text: str, values: Mapping[str, Any]) -> Lack | None:
    """Return what lacked where it was memory: said so, or a library could not start with little of it free."""
    plainly = says_memory(text)
    devices = _devices(values)
    start = _START.search(text)
    roomy = any(whole(each.get("free")) >= _LITTLE for each in devices)
    if not plainly and (start is None or roomy):
        return None
    first = devices[0] if len(devices) == 1 else {}
    free, total = whole(first.get("free")), whole(first.get("total"))
    taken, weights = whole(values.get("bytes taken")), whole(values.get("network bytes"))
    several = _AT_ONCE.search(text)
    alone = whole(values.get("bytes for one person")) if several else 0
    reason = "the GPU's memory did not suffice"
    if not plainly and start is not None:
        library = "cuDNN" if "CUDNN" in start[0].upper() else "cuBLAS"
        reason += f": {library} could not start, which it says when it gets no memory"
    if total:
        reason += f"; {gigabytes(free)} of {gigabytes(total)} were free"
    if taken:
        reason += f" when this run had taken {gigabytes(taken)} and asked for more"
    if weights:
        reason += f", the networks' weights alone take {gigabytes(weights)}"
    if alone:
        return Lack(
            f"{reason}; for one person at a time {gigabytes(alone)} sufficed",
            "pose people one at a time, as DWPose's own code does, or fewer at once",
        )
    holders = _holders(first)
    least = max(taken, weights)
    if total and least >= total:
        return Lack(reason, "this GPU is too small for both networks, whatever else is ended")
    if holders:
        return Lack(reason, _end(holders, free + taken, least))
    unnamed = total - free - taken
    if total and unnamed >= _LITTLE:
        told = (
            f"{gigabytes(unnamed)} are held by programs that NVML does not name here (usual in a container)"
        )
        return Lack(
            reason, f"{told}; `nvidia-smi` on the host names them: end what is not needed, then try again"
        )
    return Lack(reason, "end other programs on the GPU (`nvidia-smi` names them), then try again")


def _devices(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the GPU on which the networks were to run; all of them where that is not known, none of which is named."""
    devices = records(values.get("gpu state"))
    first = [each for each in devices if each.get("first") is True]
    return first or devices


def _end(holders: Sequence[Holder], free: int, least: int) -> str:
    """Return which programs to end, the largest first and no more than make room twice over."""
    chosen: list[Holder] = []
    room = free
    for holder in holders[:_NAMED]:
        chosen.append(holder)
        room += holder.bytes
        if least and room >= 2 * least:
            break
    held = ", ".join(map(str, chosen))
    return f"it is held by {held}; end what is not needed, then try again: {gigabytes(room)} would be free without"


def _holders(device: Mapping[str, Any]) -> list[Holder]:
    found = [
        Holder(str(each.get("name") or "a program"), each.get("pid"), whole(each.get("bytes")))
        for each in records(device.get("processes"))
    ]
    return sorted((each for each in found if each.bytes), key=lambda each: -each.bytes)


def whole(value: Any) -> int:
    """Return a number of bytes that a worker wrote, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def records(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list that a worker wrote, none for anything else."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def gigabytes(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= _SMALL else f"{count / 1e6:.0f} MB"
