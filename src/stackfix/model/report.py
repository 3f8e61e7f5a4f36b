"""Report: what an environment's examination found, and what is right with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: its cause code, what was seen, why it matters, and the command that mends it."""

    code: str
    severity: str
    text: str
    because: tuple[str, ...]
    consequence: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Findings, most grave first; `good` are sentences about what holds, `unknown` about what could not be told."""

    path: str
    findings: tuple[Finding, ...]
    good: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
