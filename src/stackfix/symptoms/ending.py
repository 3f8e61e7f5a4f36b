"""Where the failure that ends a text begins: its last traceback, from the first of those that are chained."""

from __future__ import annotations

from stackfix.symptoms.text import Text

_BEGINS = (
    "traceback (most recent call last)",
    "!!! exception during processing",
    "error occurred when executing",
)
_CHAINED = (
    "during handling of the above exception, another",
    "the above exception was the direct cause of the following",
)
_CHAIN = 20
_NEAR = 300


def last_failure(text: Text) -> int:
    """Return the offset at which the failure that ends a text begins; the text's length where it shows none."""
    lower = text.lower
    start = max(lower.rfind(each) for each in _BEGINS)
    if start < 0:
        return len(lower)
    for _ in range(_CHAIN):
        chained = max(lower.rfind(each, max(0, start - _NEAR), start) for each in _CHAINED)
        earlier = max(lower.rfind(each, 0, chained) for each in _BEGINS) if chained >= 0 else -1
        if earlier < 0:
            break
        start = earlier
    return start
