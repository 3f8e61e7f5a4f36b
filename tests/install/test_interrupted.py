"""Ctrl-C while files are downloaded, and bars on a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from conftest import FAULTS, PYTHON, beside, snapshot
from stackfix.errors import InstallerError
from stackfix.install.install import install
from stackfix.install.process import readable, run
from stackfix.plan.lock import to_pylock
from stackfix.probe.environment import read_environment

INSTALL = """
    import sys
    from pathlib import Path
    from stackfix.install.install import install
    from stackfix.plan.lock import from_pylock
    from stackfix.probe.environment import read_environment

    lock, target, python, installer = sys.argv[1:]
    install(from_pylock(Path(lock).read_text(), lock), Path(target), Path(python), read=read_environment,
            prove=bool, installer=installer)
"""


@pytest.mark.parametrize(
    ("installer", "number"),
    [("uv", signal.SIGINT), ("uv", signal.SIGTERM), ("uv", signal.SIGHUP), ("pip", signal.SIGINT)],
)
def test_ctrl_c_or_a_cancelled_job_during_a_download_changes_nothing(
    shelf, tmp_path, variables, installer, number
):
    target = tmp_path / "venv"
    install(
        shelf.lock(shelf.wheel("app")), target, PYTHON, read=read_environment, prove=bool, variables=variables
    )
    before = snapshot(target)
    slow = shelf.wheel("app", "2.0")
    shelf.faults[slow.file.name] = FAULTS["stalls"]
    lock = tmp_path / "uv-cache" / "pylock.toml"
    lock.write_text(to_pylock(shelf.lock(slow)))
    arguments = [
        sys.executable,
        "-c",
        textwrap.dedent(INSTALL),
        str(lock),
        str(target),
        str(PYTHON),
        installer,
    ]
    # under nohup a child inherits that SIGHUP is ignored, and would rightly go on
    as_usual = partial(
        signal.signal, number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    )
    child = subprocess.Popen(
        arguments,
        env=variables,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=as_usual,  # noqa: PLW1509 - one call of signal, in a test without threads
    )
    deadline = time.monotonic() + 30
    while slow.file.name not in shelf.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    assert slow.file.name in shelf.asked
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    if number == signal.SIGINT:
        assert b"KeyboardInterrupt" in errors
    else:
        assert child.returncode == 128 + number
    assert snapshot(target) == before
    assert beside(target) == []


@dataclass
class Terminal:
    """A terminal that keeps what is drawn on it."""

    drawn: list[bytes] = field(default_factory=list)
    bars: bool = True

    def stage(self, text: str) -> None:
        pass

    def draw(self, data: bytes) -> None:
        self.drawn.append(data)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_installer_has_no_terminal_and_what_it_fetches_is_drawn_as_one_line(
    shelf, tmp_path, variables, installer
):
    terminal = Terminal()
    more = {"read": read_environment, "prove": bool, "variables": variables, "installer": installer}
    app = shelf.wheel("app", files={"app/data.bin": os.urandom(3 << 20)})
    made = read_environment(install(shelf.lock(app), tmp_path / "venv", PYTHON, progress=terminal, **more))
    assert made.packages == {"app": "1.0"}
    drawn = b"".join(terminal.drawn)
    assert b"\rdownloading  " in drawn
    assert drawn.endswith(b"\r\x1b[K")


def test_a_child_has_no_terminal(tmp_path):
    command = [sys.executable, "-c", "import sys; print(sys.stderr.isatty()); sys.exit(3)"]
    ended = run(command, folder=tmp_path, environment={})
    assert (ended.code, ended.text) == (3, "False")


def test_a_program_that_is_not_there_is_an_error_of_ours(tmp_path):
    with pytest.raises(InstallerError, match="cannot be started"):
        run([str(tmp_path / "nothing")], folder=tmp_path, environment={})


def test_what_is_shown_holds_no_escapes_and_no_passwords():
    raw = b"\x1b[31merror\x1b[0m: https://user:secret@index.example/simple\r\n"
    assert readable(raw) == "error: https://index.example/simple"


AT_FORK = """
    import os
    import signal
    import sys
    from pathlib import Path
    from stackfix.install.process import run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.register_at_fork(**{sys.argv[1]: lambda: signal.raise_signal(signal.SIGINT)})
    try:
        run(["sleep", "60"], folder=Path.cwd(), environment=os.environ)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks")
@pytest.mark.parametrize("moment", ["before", "after_in_parent", "after_in_child"])
def test_ctrl_c_while_a_child_is_forked_is_not_lost(moment, variables):
    arguments = [sys.executable, "-c", textwrap.dedent(AT_FORK), moment]
    if moment == "after_in_child":  # only the child is told: it goes on, as one does that is not told
        arguments[2] = arguments[2].replace('"sleep", "60"', '"true"')
    done = subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("" if moment == "after_in_child" else "interrupted\n")
