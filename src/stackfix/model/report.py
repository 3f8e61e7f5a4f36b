"""Report: what an environment's examination found, and what is right with it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Severity: TypeAlias = Literal["error", "warning"]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: its cause code, what was seen, why it matters, and the command that mends it.

    `because` are the facts it rests on, each with its source; `rule` is the rule that was broken. `about` are the
    packages that it concerns. `follows` is the code of the primary finding that it is a consequence of, "" where it
    stands for itself.
    """

    code: str
    severity: Severity
    text: str
    because: tuple[str, ...]
    consequence: str
    fix: str
    rule: str = ""
    about: tuple[str, ...] = ()
    follows: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """Findings, the primary one first; `good` are sentences about what holds, `unknown` about what could not be told.

    `mend` is the command that mends everything at once, "" where nothing is to be mended.
    """

    path: str
    findings: tuple[Finding, ...]
    good: tuple[str, ...]
    unknown: tuple[str, ...]
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings are about what may go wrong."""
        return all(finding.severity != "error" for finding in self.findings)
