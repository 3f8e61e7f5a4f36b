import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackfix.validate.weights import Weights, standins

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DATA = CHECKOUT / "data"
sys.path.insert(0, str(CHECKOUT / "tools"))


@pytest.fixture(scope="session")
def weights() -> Weights:
    return standins(DATA)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with a driver and a CUDA provider to map, neither of which computes anything."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    source = str(Path(__file__).parent / "stub_driver.c")
    for name in ("libcuda.so.1", "libonnxruntime_providers_cuda.so"):
        made = [compiler, "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", str(folder / name), source]
        subprocess.run(made, check=True)
    return str(folder)
