"""A small random sample of the rows, measured again by means that share nothing with the measuring code."""

import subprocess
import sys
from pathlib import Path

import pytest

ORACLE = Path(__file__).resolve().parents[2] / "tools" / "oracle.py"

pytestmark = [pytest.mark.slow, pytest.mark.network]


def ask(*words):
    return subprocess.run(
        [sys.executable, ORACLE, *words], capture_output=True, text=True, timeout=400, check=False
    )


def test_a_random_sample_agrees():
    done = ask("--sample", "5", "--most", str(40 << 20))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("agrees") == 5


def test_an_onnxruntime_gpu_agrees_on_what_its_provider_needs():
    done = ask("--sample", "1", "onnxruntime-gpu", "--most", str(130 << 20))
    assert done.returncode == 0, done.stdout + done.stderr
