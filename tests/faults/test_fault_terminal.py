"""On a terminal the whole is one line, which Ctrl-C takes away; for a program nothing is drawn."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time

import fault_server as faults
import pytest
from fault_bench import NEW, OLD, Done

FILE = "app-2.0-py3-none-any.whl"
DRAWN = "downloading  "


@pytest.fixture
def heavy(bench):
    """A file of 3 MB that comes slowly: uv says nothing of files that are smaller than one."""
    bench.server.publish("app", "2.0", weight=3 << 20)
    bench.server.faults[FILE] = faults.slowly(64 << 10)
    return bench.old()


class Terminal:
    """A terminal as stderr of a command; what is written on it is kept."""

    def __init__(self, bench, words):
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.written = b""
        self.child = subprocess.Popen(
            [sys.executable, "-m", "stackfix", *words],
            env=bench.variables | {"COLUMNS": "100"},
            cwd=bench.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - as in the bench
        )
        bench.running.append(self.child)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while piece := os.read(self.ours, 1 << 16):
            self.written += piece

    def waits_for(self, text):
        deadline = time.monotonic() + 60
        while text not in self.written.decode() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert text in self.written.decode()

    def ended(self):
        out, _ = self.child.communicate(timeout=100)
        time.sleep(0.3)
        assert termios.tcgetattr(self.theirs) == self.before
        return Done(self.child.returncode, out, self.written.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_downloads_are_one_line_that_goes_away(heavy, installer):
    done = Terminal(heavy, heavy.words(installer=installer)).ended()
    heavy.saw("terminal", f"a slow download ({installer})", done, state=NEW, code=0, says="ready")
    drawn = done.err.split("\r")
    assert any(line.startswith(DRAWN) for line in drawn), done.err
    assert re.search(r"3\.\d MB downloaded in", done.err)
    assert "\x1b[?" not in done.err  # no cursor hidden, no other screen
    heavy.then(heavy.words(installer=installer))


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_ctrl_c_takes_the_line_away(heavy, installer):
    terminal = Terminal(heavy, heavy.words(installer=installer))
    terminal.waits_for(DRAWN)
    terminal.child.send_signal(signal.SIGINT)
    done = terminal.ended()
    heavy.saw(
        "terminal", f"Ctrl-C in a download ({installer})", done, state=OLD, code=130, says="interrupted"
    )
    assert "error" in done.err.rpartition("\r\x1b[K")[2]
    assert heavy.beside() == []
    heavy.then(heavy.words(installer=installer))


def test_for_a_program_nothing_is_drawn_even_on_a_terminal(heavy):
    words = [*heavy.words(), "--json"]
    done = Terminal(heavy, words).ended()
    heavy.saw("terminal", "a slow download, --json", done, state=NEW, code=0, says="ready")
    assert "\x1b" not in done.err
    assert "\r" not in done.err
    assert done.out.startswith("{")
    heavy.then()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_without_a_terminal_no_control_character_is_written(heavy, installer):
    done = heavy.run(heavy.words(installer=installer))
    heavy.saw("terminal", f"a slow download into a file ({installer})", done, state=NEW, code=0, says="ready")
    assert all(letter.isprintable() or letter == "\n" for letter in done.err + done.out)
    heavy.then(heavy.words(installer=installer))
