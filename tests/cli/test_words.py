"""Small words: one of a thing, what brings a Python, which environment is meant."""

from __future__ import annotations

import re
import subprocess
import sys


def run(*words, folder=None):
    command = [sys.executable, "-m", "stackfix", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


def test_one_release_is_no_plural_and_no_span():
    lines = run("facts").stdout.splitlines()[2:]
    assert any(re.search(r" 1 release, \S+$", line) for line in lines)
    assert not any(" 1 releases" in line for line in lines)
    assert all(" 1 release, " in line or re.search(r" \d+ releases, \S+ to \S+$", line) for line in lines)


def test_a_python_that_is_not_here_is_told_what_brings_it(tmp_path):
    words = ("--python", "3.12.999", "--gpu", "none", "--offline", "--no-validate", "--venv", "zz")
    done = run("install", "numpy", *words, folder=tmp_path)
    assert done.returncode == 2
    assert "hint: `uv python install 3.12.999` brings it; " in done.stderr


def test_fix_says_which_environment_it_takes():
    said = " ".join(run("fix", "--help").stdout.split())
    assert "Without `--venv` (or `--python EXE`) it is the active one, or the one in this folder" in said
