"""Measuring on a user's machine gives the row that the curator wrote, on the configured index."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.mark.parametrize(
    ("release", "platform"),
    [
        ("onnxruntime-gpu==1.26.0", "linux_x86_64"),
        ("nvidia-curand==10.4.2.66", "linux_x86_64"),
        ("torch==2.12.0", "win_amd64"),
    ],
)
def test_a_release_on_record_is_measured_as_the_record_says(tmp_path, release, platform):
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", "facts", "measure", release, "--platform", platform, "--json"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "STACKFIX_DATA": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (found,) = answer["measured"]
    assert (found["on_record"], found["differs"]) == (True, [])
    package = release.partition("==")[0]
    assert (tmp_path / "facts" / platform / f"{package}.jsonl").is_file()
