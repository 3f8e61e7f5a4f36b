"""Standard input that is closed, where a text or a machine was to come from it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", [["explain", "--error", "-"], ["resolve", "dwpose", "--machine", "-"]])
def test_closed_standard_input_is_an_error_of_ours(words):
    command = f'exec "{sys.executable}" -m stackfix {" ".join(words)} <&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr
