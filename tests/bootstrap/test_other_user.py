"""A checkout that another user set up: used as it is, and where that cannot be, told why."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NOBODY = 65534

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a script for Linux")


@pytest.fixture
def checkout():
    """Yield a checkout with a set-up, in a folder that every user may read: its Python says what it was asked."""
    folder = Path(tempfile.mkdtemp(prefix="stackfix-test-"))
    for name in ("stackfix", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, folder)
    for name in ("scripts", "data/tool"):
        shutil.copytree(CHECKOUT / name, folder / name)
    made = folder / ".stackfix" / "env"
    (made / "bin").mkdir(parents=True)
    (made / "pyvenv.cfg").write_text("home = /their/own/bin\n")
    python(made, 'echo "asked: $*"')
    sums = "cat pyproject.toml scripts/environment.sh data/tool/*.txt | cksum"
    stamp = subprocess.run(["sh", "-c", sums], cwd=folder, capture_output=True, text=True, check=True)
    (made / "stamp").write_text(f"{stamp.stdout.strip()} uv\n")
    open_to_all(folder)
    yield folder
    (folder / ".stackfix").chmod(0o755)
    shutil.rmtree(folder)


def python(made, line):
    (made / "bin" / "python").write_text(f"#!/bin/sh\n{line}\n")


def open_to_all(folder):
    """Let everybody read, and nobody but root write into the set-up."""
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    (folder / ".stackfix" / "env" / "bin" / "python").chmod(0o755)
    (folder / ".stackfix").chmod(0o555)


def run(folder):
    other = {"user": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    command = ["sh", str(folder / "stackfix"), "facts"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **other)


def test_a_set_up_that_is_there_is_used_without_writing(checkout):
    done = run(checkout)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "asked: -I -m stackfix facts")
    assert done.stderr == ""
    assert sorted(each.name for each in (checkout / ".stackfix").iterdir()) == ["env"]


def test_a_python_that_only_its_owner_can_run_is_named(checkout):
    (checkout / ".stackfix").chmod(0o755)
    python(checkout / ".stackfix" / "env", "exit 127")
    open_to_all(checkout)
    done = run(checkout)
    assert done.returncode == 3
    assert "was set up with the Python in /their/own/bin, which this user cannot run" in done.stderr


def test_one_that_is_older_than_the_checkout_is_its_owners_to_renew(checkout):
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# newer\n")
    done = run(checkout)
    assert done.returncode == 3
    assert "is older than this checkout, and this user cannot write there to renew it" in done.stderr
