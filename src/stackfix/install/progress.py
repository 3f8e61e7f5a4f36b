"""Progress: what an install says while it works, to whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """Hears of every stage. `bars` is whether an installer's own bars can be drawn: then `draw` gets them."""

    @property
    def bars(self) -> bool:
        """Whether there is a terminal for bars."""

    def stage(self, text: str) -> None:
        """Hear one line: what is done now, or what was found."""

    def draw(self, data: bytes) -> None:
        """Pass on what the installer writes to its terminal, as it comes."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Says nothing and keeps what was said."""

    said: list[str] = field(default_factory=list)
    bars: bool = False

    def stage(self, text: str) -> None:
        """Keep one line."""
        self.said.append(text)

    def draw(self, data: bytes) -> None:
        """Drop the bars."""
