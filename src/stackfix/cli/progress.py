"""Progress on stderr: a line per stage, and on a terminal one line that is drawn over and over."""

from __future__ import annotations

import sys

from stackfix.cli import output


class TerminalProgress:
    """Says stages on stderr, and draws where stderr is a terminal and nobody asked for JSON."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Begin; who asks for JSON reads with a program, to which nothing is drawn."""
        self._as_json = as_json

    @property
    def bars(self) -> bool:
        """Whether there is a terminal to draw on."""
        return not self._as_json and output.is_terminal()

    def stage(self, text: str) -> None:
        """Say what is done now."""
        output.note(text)

    def draw(self, data: bytes) -> None:
        """Write to the terminal as it is."""
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
