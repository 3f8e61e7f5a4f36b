"""The first reading that a row of steps finds, or Unknown with what every step tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from stackfix.model.evidence import Known, Reading, Unknown

T = TypeVar("T")
Step: TypeAlias = Callable[[], Reading[T]]


def first_known(steps: Sequence[Step[T]]) -> Reading[T]:
    """Return the first Known; later steps are not run. Without one, all that was tried, in order."""
    tried: list[str] = []
    for step in steps:
        match step():
            case Known() as known:
                return known
            case Unknown(said):
                tried += said
    return Unknown(tuple(dict.fromkeys(tried)))
