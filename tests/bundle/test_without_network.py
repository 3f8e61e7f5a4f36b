"""A real bundle: made from the configured index, then installed where there is no network at all."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = str(Path(__file__).resolve().parents[2] / "src")
PYTHON = "{}.{}".format(*sys.version_info[:2])
ALONE = ["unshare", "-n"]


def can_be_alone():
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


def stackfix(*words):
    return subprocess.run(
        [sys.executable, "-m", "stackfix", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not can_be_alone(), reason="no network namespace can be made here (unshare -n)")
def test_a_bundle_installs_and_proves_itself_without_a_network(tmp_path):
    folder = tmp_path / "my stick"
    made = stackfix("bundle", "dwpose", "--gpu", "none", "--python", PYTHON, "-o", str(folder), "--json")
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    assert said["schema"] == "stackfix.bundle/1"
    assert not list(folder.rglob("*.part"))

    wheel = next((folder / "wheels").glob("onnxruntime-*.whl"))
    whole = wheel.read_bytes()
    wheel.unlink()
    (folder / "bundle.json").unlink()
    Path(f"{wheel}.part").write_bytes(whole[: len(whole) // 2])
    again = stackfix("bundle", "dwpose", "--gpu", "none", "--python", PYTHON, "-o", str(folder), "--json")
    assert json.loads(again.stdout)["sha256"] == said["sha256"]
    assert wheel.read_bytes() == whole

    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [
            *ALONE,
            "sh",
            str(folder / "install.sh"),
            "--python",
            str(base),
            "--expect",
            said["sha256"],
            "--json",
        ],
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "proved on cpu"
    assert answer["packages"] == said["packages"]
    assert (home / ".local/share/stackfix/tool/bin/stackfix").is_file()
