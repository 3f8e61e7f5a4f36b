"""A copy of the data folder that a test may break, and one row of a wheel as the curator writes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stackfix.facts.root import data_root

ROW: dict[str, Any] = {
    "package": "torch",
    "version": "2.4.0",
    "source": "pypi",
    "platform": "linux_x86_64",
    "files": [
        {
            "name": "torch-2.4.0-cp312-cp312-manylinux1_x86_64.whl",
            "size": 797175000,
            "sha256": "ab" * 32,
            "uploaded": "2024-07-24",
            "requires_python": ">=3.8",
        }
    ],
    "evidence": "measured",
    "seen": "2026-11-24",
    "requires_dist": ["filelock", "nvidia-cudnn-cu12 (==9.1.0.70) ; platform_system == 'Linux'"],
    "needs": {"": ["libc.so.6", "libcudart.so.12"]},
    "provides": {"libtorch.so": "torch/lib/libtorch.so"},
    "cuda": ["12.1"],
    "cuda_major": 12,
    "code": [{"cubins": ["50", "90"], "ptx": {"90": "12.1", "80": ""}, "count": 3}],
    "owns": ["torch"],
    "numpy_abi": [1, 2],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data folder without its wheels, in a place of its own."""
    copy = tmp_path / "data"
    shutil.copytree(data_root(), copy, ignore=shutil.ignore_patterns("wheels", "standins", "causes"))
    (copy / "wheels" / "linux_x86_64").mkdir(parents=True)
    (copy / "covers.jsonl").write_text("")  # it is about wheels
    return copy


@pytest.fixture
def write_rows(root: Path) -> Callable[..., Path]:
    """Write rows, each the usual one with some keys changed, as a package's file."""

    def write(*changes: dict[str, Any], package: str = "torch") -> Path:
        path = root / "wheels" / "linux_x86_64" / f"{package}.jsonl"
        path.write_text("".join(json.dumps(ROW | {"package": package} | each) + "\n" for each in changes))
        return path

    return write
