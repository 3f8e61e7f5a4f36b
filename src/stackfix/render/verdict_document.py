"""A verdict as the JSON that scripts rely on."""

from __future__ import annotations

from typing import Any, TypeVar

from stackfix.model.evidence import Known, Reading
from stackfix.model.verdict import Verdict

T = TypeVar("T")


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON, without schema and ok; what is not known is null."""
    return {
        "verdict": verdict.state,
        "reason": verdict.reason,
        "code": verdict.code or None,
        "fix": verdict.fix or None,
        "checks": [
            {
                "name": check.name,
                "ok": check.ok,
                "text": check.text,
                "code": check.code or None,
                "fix": check.fix or None,
            }
            for check in verdict.checks
        ],
        "provider": verdict.provider or None,
        "people": [
            {
                "box": list(person.box),
                "keypoints": [list(point) for point in person.keypoints],
                "scores": list(person.scores),
            }
            for person in verdict.people
        ],
        "detected": verdict.detected,
        "first_ms": _value(verdict.first_ms),
        "latency_ms": _value(verdict.latency_ms),
        "network_ms": _value(verdict.network_ms),
        "cpu_ms": _value(verdict.cpu_ms),
        "gpu_memory_bytes": _value(verdict.gpu_memory_bytes),
        "gpu_free_bytes": _value(verdict.gpu_free_bytes),
        "person_bytes": _value(verdict.person_bytes),
        "nodes_on_gpu": _value(verdict.nodes_on_gpu),
        "time_on_gpu": _value(verdict.time_on_gpu),
        "weights": verdict.weights or None,
        "weights_note": verdict.weights_note or None,
    }


def _value(reading: Reading[T]) -> T | None:
    return reading.value if isinstance(reading, Known) else None
