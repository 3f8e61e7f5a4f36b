"""The JSON document of a machine, `stackfix machine --json`: written exactly, read back by document_reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine
from stackfix.probe.document_reader import SCHEMA, from_document, parse_document

__all__ = ["SCHEMA", "from_document", "parse_document", "to_document"]

T = TypeVar("T")


def to_document(machine: Machine) -> dict[str, Any]:
    """Return the document; a reading that is not known is null, and stands in `unknown` with what was tried."""
    found: dict[str, str] = {}
    unknown: list[dict[str, Any]] = []

    def told(name: str, reading: Reading[T], show: Callable[[T], Any]) -> Any:
        match reading:
            case Known(value, found_via):
                found[name] = found_via
                return show(value)
            case Unknown(tried):
                unknown.append({"reading": name, "tried": list(tried)})
                return None

    def gpu(index: int, value: Gpu) -> dict[str, Any]:
        place = f"gpus[{index}]"
        return {
            "name": value.name,
            "compute_capability": told(f"{place}.compute_capability", value.compute_capability, str),
            "memory_bytes": told(f"{place}.memory_bytes", value.memory_bytes, int),
            "index": value.index,
            "uuid": value.uuid,
        }

    def python(index: int, value: Interpreter) -> dict[str, Any]:
        if value.found_via:
            found[f"pythons[{index}]"] = value.found_via
        return {"version": str(value.version), "path": value.path, "free_threaded": value.free_threaded}

    return {
        "schema": SCHEMA,
        "ok": True,
        "driver": told("driver", machine.driver, str),
        "cuda": told("cuda", machine.cuda, str),
        "gpus": told("gpus", machine.gpus, lambda gpus: [gpu(*numbered) for numbered in enumerate(gpus)]),
        "pythons": [python(index, value) for index, value in enumerate(machine.pythons)],
        "platform": machine.platform.label,
        "glibc": told("glibc", machine.glibc, lambda release: f"{release[0]}.{release[1]}"),
        "free_disk_bytes": told("free_disk_bytes", machine.free_disk_bytes, int),
        "wsl": machine.wsl,
        "container": machine.container,
        "tegra": machine.tegra,
        "notes": list(machine.notes),
        "troubles": [{"code": trouble.code, "text": trouble.text} for trouble in machine.troubles],
        "driver_breaks": machine.driver_breaks,
        "found": found,
        "unknown": unknown,
    }
