"""Text made visible: what a screen does not show, or obeys, as its code point."""

from __future__ import annotations

import unicodedata

# controls, formats (the marks that turn the direction of writing), surrogates, private use, not assigned, separators
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str) -> str:
    """Return the text with every control and direction mark as `<U+202E>`; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"<U+{ord(one):04X}>" if one not in "\n\t" and unicodedata.category(one) in _HIDDEN else one
        for one in text
    )
