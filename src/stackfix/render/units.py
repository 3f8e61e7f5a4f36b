"""Numbers as people read them."""

from __future__ import annotations

_STEP = 1000


def size(count: float) -> str:
    """Return bytes in decimal units: 2.9 GB."""
    for unit in ("B", "kB", "MB"):
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} GB"


def counted(number: int, noun: str) -> str:
    """Return how many there are of a thing whose plural ends in s: 1 package, 2 packages."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
