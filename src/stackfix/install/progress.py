"""Progress: what an install says while it works, to whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from stackfix.meter import Listener

Progress: TypeAlias = Listener


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
