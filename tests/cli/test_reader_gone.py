"""A reader of stdout that has gone: never a verdict, and nothing is said of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE to name")


@pytest.mark.parametrize(
    "words",
    [
        ["facts"],
        ["facts", "--json"],
        ["doctor", "--venv", sys.prefix],
        ["doctor", "--venv", sys.prefix, "--json"],
        ["facts", "show", "torch==0.0.1"],
        ["doctor", "--help"],
        ["--version"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_a_reader_that_has_gone_is_no_verdict(words):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "stackfix", *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
