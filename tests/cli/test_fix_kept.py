"""`stackfix fix --keep`: what is kept and wrong is said, with or without `--dry-run`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import Site

ON = ("--driver", "580.95.05", "--gpu", "RTX 4090", "--glibc", "2.35")


def fix(site, *words):
    command = [sys.executable, "-m", "stackfix", "fix", "--venv", str(site.root), *words, *ON]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def site(tmp_path):
    files = {
        "torch/__init__.py": "",
        "torch/version.py": "__version__ = '2.8.0+cpu'\ncuda: str | None = None\n",
    }
    tag = "cp312-cp312-manylinux_2_28_x86_64"
    return Site(tmp_path / "env").install("torch", "2.8.0+cpu", files, (), tag)


def test_a_cpu_build_that_is_kept_stays_wrong_and_is_named(site):
    done = fix(site, "--keep", "torch", "--dry-run")
    assert done.returncode == 1
    assert "torch would have to change, and you ask to keep it:" in done.stdout
    assert "cause: torch 2.8.0+cpu is the CPU build  [torch_cpu_build]" in done.stdout


def test_its_document_says_so_too(site):
    done = fix(site, "--keep", "torch", "--dry-run", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["plan"]) == (1, False, [])
    assert document["findings"][0]["code"] == "torch_cpu_build"
