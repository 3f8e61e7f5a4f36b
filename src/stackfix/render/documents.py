"""Values as the JSON objects that scripts rely on."""

from __future__ import annotations

from typing import Any

from stackfix.model.problem import Fact
from stackfix.model.resolution import Explanation, Option, Resolution


def fact_document(fact: Fact) -> dict[str, Any]:
    """Return a fact as {text, rule, source, evidence}."""
    return {"text": fact.text, "rule": fact.rule, "source": fact.source.where, "evidence": str(fact.source)}


def resolution_document(resolution: Resolution, facts_date: str) -> dict[str, Any]:
    """Return a resolution as the object of `resolve --json`, without schema."""
    return {
        "ok": True,
        "device": resolution.device,
        "packages": resolution.packages,
        "files": {
            pin.name: {"file": pin.file.name, "size": pin.file.size, "sha256": pin.file.sha256}
            for pin in resolution.pins
        },
        "cuda": resolution.cuda or None,
        "python": resolution.python.version.minor_version,
        "download_bytes": resolution.download_bytes,
        "newer": {each.name: [fact_document(fact) for fact in each.facts] for each in resolution.newer},
        "newer_versions": {each.name: each.version for each in resolution.newer},
        "why": {pin.name: [fact_document(fact) for fact in pin.why] for pin in resolution.pins},
        "alternatives": [
            {"first": each.first, "packages": {name: version for name, version in each.packages if version}}
            for each in resolution.alternatives
        ],
        "holds_only_if": [fact_document(fact) for fact in resolution.open_facts],
        "facts_date": facts_date,
        "notes": list(resolution.notes),
    }


def option_document(option: Option) -> dict[str, Any]:
    """Return a way out as JSON."""
    return {
        "text": option.text,
        "kind": option.kind,
        "packages": dict(option.packages),
        "cuda": option.cuda or None,
        "python": option.python or None,
        "verified": option.verified,
        "evidence": option.evidence or None,
        "hint": option.hint or None,
    }


def explanation_document(explanation: Explanation, facts_date: str) -> dict[str, Any]:
    """Return an explanation of "no set" as JSON, without schema."""
    return {
        "ok": False,
        "outcome": explanation.outcome,
        "device": explanation.device,
        "python": explanation.python.version.minor_version,
        "conflict": [fact_document(fact) for fact in explanation.conflict],
        "options": [option_document(option) for option in explanation.options],
        "other_pythons": list(explanation.other_pythons),
        "newer": {},
        "facts_date": facts_date,
    }
