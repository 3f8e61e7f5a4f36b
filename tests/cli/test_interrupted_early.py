"""Ctrl-C before a verb runs: 130, one line, no traceback; a cancelled job leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

STOPPED = """
import sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
from stackfix.cli.main import main
main(["facts"])
"""


@pytest.mark.parametrize("name", ["stackfix.cli.group", "click", "stackfix.cli.look"])
def test_while_modules_are_imported(name):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED.format(name=name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr.strip().startswith("error: interrupted; ")
    assert "Traceback" not in done.stderr


def hears():
    """Let the child hear Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("milliseconds", [60, 90, 130])
def test_a_real_signal_gives_no_traceback_of_ours(milliseconds):
    heard = subprocess.Popen(
        [sys.executable, "-m", "stackfix", "resolve", "dwpose", "--gpu", "none", "--python", "3.12"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears,  # noqa: PLW1509 - no threads here; a job in the background ignores SIGINT
    )
    time.sleep(milliseconds / 1000)
    heard.send_signal(signal.SIGINT)
    _, said = heard.communicate(timeout=120)
    assert "/stackfix/" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_job_that_is_cancelled_leaves_no_scratch_folder(number, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (tmp_path / "r.txt").write_text("numpy\nnothing-known\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(120)
        asked = [sys.executable, "-m", "stackfix", "lock", "-r", str(tmp_path / "r.txt"), "--gpu", "none"]
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        settings = {"STACKFIX_SOURCE_PYPI": address, "TMPDIR": str(scratch), "NO_PROXY": "127.0.0.1"}
        settings |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "STACKFIX_DATA": str(tmp_path / "data")}
        child = subprocess.Popen(
            [*asked, "--python", "3.12", "-o", str(tmp_path / "pylock.toml")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **settings},
        )
        with silent.accept()[0]:  # uv asks for what nothing is known of
            assert list(scratch.iterdir())
            child.send_signal(number)
            assert child.wait(timeout=60) == 128 + number
    assert not list(scratch.iterdir())
