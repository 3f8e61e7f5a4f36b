"""Driver libraries compiled by the tests, so that the real loader and the real binding are what is tested."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def compiled(folder: Path, source: str, soname: str, *options: str) -> Path:
    """Return the folder that holds the compiled library; without a C compiler the test fails."""
    folder.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    command = [compiler, "-shared", "-fPIC", "-O0", *options, f"-Wl,-soname,{soname}"]
    subprocess.run([*command, "-o", str(folder / soname), str(HERE / source)], check=True)
    return folder


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("nvml"), "stub_nvml.c", "libnvidia-ml.so.1")


@pytest.fixture(scope="session")
def old_nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("old_nvml"), "stub_nvml.c", "libnvidia-ml.so.1", "-DOLD")


@pytest.fixture(scope="session")
def cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("cuda"), "stub_cuda.c", "libcuda.so.1")


@pytest.fixture(scope="session")
def bare_cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("bare_cuda"), "stub_cuda.c", "libcuda.so.1", "-DNO_DEVICES")


@pytest.fixture(scope="session")
def unstarted_cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that hangs while it is loaded."""
    return compiled(tmp_path_factory.mktemp("unstarted"), "stub_cuda.c", "libcuda.so.1", "-DHANGS_AT_LOAD")


@pytest.fixture(scope="session")
def curand_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of that name that the loader finds only when its path is given."""
    return compiled(tmp_path_factory.mktemp("curand"), "stub_cuda.c", "libcurand.so.10")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set library folders and what the stubs say: given(folder, COUNT=2, **{"0_NAME": "NVIDIA L4"})."""

    def set_variables(*folders: Path, **said: object) -> None:
        for name in [name for name in os.environ if name.startswith("STUB_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(map(str, folders)))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.delenv("NVIDIA_DRIVER_CAPABILITIES", raising=False)
        for name, value in said.items():
            monkeypatch.setenv(f"STUB_{name}", str(value))

    return set_variables


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Leave one empty folder on PATH, and return it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of interpreters out of the user's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
