"""The lines of `stackfix machine` for people: what was read and how, what was not and what was tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine

T = TypeVar("T")
_WIDTH = 10


def machine_lines(machine: Machine) -> list[str]:
    """Return one line a reading, each with how it was found; then notes; text from outside is made printable."""
    lines = [
        *_reading("driver", machine.driver, str),
        *_reading("CUDA", machine.cuda, lambda cuda: f"{cuda} offered by the driver"),
        *_gpus(machine.gpus),
        *_pythons(machine.pythons),
        _line("platform", machine.platform.label + _kind(machine)),
        *_reading("glibc", machine.glibc, lambda glibc: f"{glibc[0]}.{glibc[1]}"),
        *_reading("free disk", machine.free_disk_bytes, _size),
        *(_line("note" if index == 0 else "", note) for index, note in enumerate(machine.notes)),
    ]
    return [_printable(line) for line in lines]


def _reading(label: str, reading: Reading[T], show: Callable[[T], str]) -> Iterator[str]:
    match reading:
        case Known(value, found_via):
            yield _line(label, f"{show(value)}  ({found_via})")
        case Unknown(tried):
            yield from _unknown(label, tried)


def _unknown(label: str, tried: tuple[str, ...]) -> Iterator[str]:
    yield _line(label, "unknown" + ("; tried:" if tried else ""))
    yield from (_line("", f"- {attempt}") for attempt in tried)


def _gpus(reading: Reading[tuple[Gpu, ...]]) -> Iterator[str]:
    match reading:
        case Known((), found_via):
            yield _line("GPU", f"none  ({found_via})")
        case Known(gpus, found_via):
            for gpu in gpus:
                yield _line(f"GPU {gpu.index}", f"{_gpu(gpu)}  ({found_via})")
                yield from _gpu_gaps(gpu)
        case Unknown(tried):
            yield from _unknown("GPU", tried)


def _gpu(gpu: Gpu) -> str:
    parts = [gpu.name or "name unknown"]
    match gpu.compute_capability:
        case Known(capability):
            parts.append(f"compute capability {capability}")
        case Unknown():
            parts.append("compute capability unknown")
    match gpu.memory_bytes:
        case Known(size):
            parts.append(_size(size))
        case Unknown():
            parts.append("memory unknown")
    return ", ".join(parts)


def _gpu_gaps(gpu: Gpu) -> Iterator[str]:
    for reading in (gpu.compute_capability, gpu.memory_bytes):
        if isinstance(reading, Unknown):
            yield from (_line("", f"- {attempt}") for attempt in reading.tried)


def _pythons(pythons: tuple[Interpreter, ...]) -> Iterator[str]:
    if not pythons:
        yield _line("Python", "unknown")
    for index, python in enumerate(pythons):
        words = str(python.version) + (" free-threaded" if python.free_threaded else "")
        words += f"  {python.path}" if python.path else ""
        words += f"  ({python.found_via})" if python.found_via else ""
        yield _line("Python" if index == 0 else "", words)


def _kind(machine: Machine) -> str:
    kinds = [
        *(["WSL: the driver's number is that of Windows"] if machine.wsl else []),
        *(["in a container"] if machine.container else []),
        *(["Tegra"] if machine.tegra else []),
    ]
    return f", {', '.join(kinds)}" if kinds else ""


def _size(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"


def _line(label: str, text: str) -> str:
    return f"{label:<{_WIDTH}}{text}"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
