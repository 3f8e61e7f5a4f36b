"""A build's label as a way out: `torch==2.4.0+cu121` names a build of another index, `torch==2.4.0` the release."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import Requirement as WrittenRequirement

from stackfix.model.problem import Problem, Requirement
from stackfix.model.resolution import Option
from stackfix.solve.case import Case, newest, softened

_LABELLED = re.compile(r"(?P<release>===?\s*[\w.!-]+)\+[\w.-]+")
_ELSEWHERE = (
    "a build with a label is on an index of its own: `stackfix facts sources` lists those that are known"
)


def unlabelled(case: Case) -> Iterator[Option]:
    """Yield the set with the same releases without the labels of their builds, where no record has one of these."""
    plain = [_plain(case, one) for one in case.problem.roots]
    if not any(
        said and one.fact in case.conflict for one, (said, _) in zip(case.problem.roots, plain, strict=True)
    ):
        return
    pins = newest(Problem(case.problem.universe, tuple(found for _, found in plain), case.problem.order))
    if pins is not None:
        named = " and ".join(f"`{said}`" for said in dict.fromkeys(said for said, _ in plain) if said)
        yield case.option(pins, "wish", f"ask for {named}, without the label of a build", hint=_ELSEWHERE)


def _plain(case: Case, asked: Requirement) -> tuple[str, Requirement]:
    """Return a wish that nothing satisfies without its label, as it is said and required; else "" and the wish."""
    said = _LABELLED.sub(lambda found: found["release"], asked.fact.general)
    if asked.allowed or said == asked.fact.general or asked.fact.rule != "request":
        return "", asked
    versions = WrittenRequirement(said).specifier
    keys = case.problem.universe.keys(asked.node)
    allowed = frozenset(key for key in keys if versions.contains(key, prereleases=True))
    return said, Requirement(asked.node, allowed, softened(asked.fact))
