"""What the real onnxruntime leaves and whom it calls when we run it: no file in the user's home, and nobody."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from stackfix.probe.environment import read_environment
from stackfix.probe.live import look_live
from stackfix.validate.compare import compare
from stackfix.validate.run import run
from stackfix.validate.weights import Weights

STRACE = shutil.which("strace")
# Where one of these is set, onnxruntime takes the machine for a build server and leaves nothing. Source: the strings of
# 1.32.0's library; tried with CI, GITHUB_ACTIONS and TF_BUILD.
BUILD_SERVERS = [
    "CI",
    "TF_BUILD",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CIRCLECI",
    "TRAVIS",
    "JENKINS_URL",
    "CODEBUILD_BUILD_ID",
    "BUILDKITE",
    "TEAMCITY_VERSION",
    "APPVEYOR",
    "BITBUCKET_BUILD_NUMBER",
]
CALL = re.compile(r"(connect|sendto|sendmmsg|sendmsg)\(.*(AF_INET|htons|nscd)")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home folder, for a user who asks for telemetry even: it is not theirs to send here."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", *BUILD_SERVERS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    return home


@pytest.mark.skipif(
    Version(metadata.version("onnxruntime")) < Version("1.32"),
    reason="onnxruntime before 1.32 leaves no files",
)
def test_onnxruntime_by_itself_would_leave_files(home: Path) -> None:
    """Without this the tests below could not fail."""
    subprocess.run([sys.executable, "-I", "-c", "import onnxruntime"], check=True)
    assert [path.name for path in home.rglob("deviceid")] == ["deviceid"]


def test_validate_leaves_nothing_in_the_home_folder(home: Path, weights: Weights) -> None:
    assert run(Path(sys.executable), device="cpu", weights=weights, repeats=1).state == "proved on cpu"
    assert list(home.rglob("*")) == []


def test_compare_leaves_nothing_in_the_home_folder(home: Path, weights: Weights) -> None:
    done = compare(Path(sys.executable), device="cpu", weights=weights, repeats=1)
    assert [trial.failed for trial in done.trials] == [""] * len(done.trials)
    assert list(home.rglob("*")) == []


def test_the_live_probe_leaves_nothing_in_the_home_folder(home: Path) -> None:
    runs = look_live(read_environment(Path(sys.prefix)))
    assert any(step.name == "import onnxruntime" and step.ok for each in runs for step in each.steps)
    assert list(home.rglob("*")) == []


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_the_worker_calls_nobody(home: Path, tmp_path: Path, weights: Weights) -> None:
    python, trace = tmp_path / "python", tmp_path / "trace"
    python.write_text(
        f'#!/bin/sh\nexec {STRACE} -f -e trace=network -o {trace} {sys.executable} "$@"\n', encoding="utf-8"
    )
    python.chmod(0o755)
    verdict = run(python, device="cpu", weights=weights, repeats=1)
    assert verdict.state == "proved on cpu"
    assert trace.stat().st_size
    assert CALL.findall(trace.read_text(encoding="utf-8", errors="replace")) == []
    assert list(home.rglob("*")) == []
