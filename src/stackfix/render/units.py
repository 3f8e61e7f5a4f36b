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
