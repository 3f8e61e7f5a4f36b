"""Progress on stderr: a line per stage, and the installer's own bars on a terminal."""

from __future__ import annotations

import sys

from stackfix.cli import output


class TerminalProgress:
    """Says stages on stderr; passes the installer's bars through where stderr is a terminal."""

    @property
    def bars(self) -> bool:
        """Whether there is a terminal for bars."""
        return output.is_terminal()

    def stage(self, text: str) -> None:
        """Say what is done now."""
        output.note(text)

    def draw(self, data: bytes) -> None:
        """Pass on what the installer draws."""
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
