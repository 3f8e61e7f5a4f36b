"""With the hook the real CUDA provider opens and asks the driver; without it a library is missing.

The driver is a stub libcuda.so.1 alone in a folder on LD_LIBRARY_PATH, exporting what the provider leaves
undefined and answering "no device": then every other library was found.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from conftest import PYTHON
from stackfix.install.hook import add_hook, remove_hook
from stackfix.probe.environment import read_environment

SETS = {
    "cuda 12": (
        "onnxruntime-gpu==1.26.0",
        "nvidia-cublas-cu12==12.9.*",
        "nvidia-cudnn-cu12==9.*",
        "nvidia-cufft-cu12==11.*",
        "nvidia-curand-cu12==10.*",
        "nvidia-cuda-runtime-cu12==12.9.*",
        "nvidia-cuda-nvrtc-cu12==12.9.*",
    ),
    "cuda 13": (
        "onnxruntime-gpu==1.31.1",
        "nvidia-cublas==13.*",
        "nvidia-cudnn-cu13==9.*",
        "nvidia-cufft==12.*",
        "nvidia-curand==10.*",
        "nvidia-cuda-runtime==13.*",
        "nvidia-cuda-nvrtc==13.*",
    ),
}

# An ONNX file of one Relu on one number (opset 13, IR 7).
MODEL = bytes.fromhex(
    "08073a330a0c0a0178120179220452656c751201675a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a02080142040a00100d"
)
ASK = """
import sys, onnxruntime
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
try:
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CUDAExecutionProvider"])
    print(session.get_providers())
except Exception as error:
    print(error)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the driver's stub is an ELF library"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the driver's stub"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="these wheels begin at Python 3.11"),
]


def stub_driver(provider: Path, folder: Path) -> None:
    """Compile a libcuda.so.1 that exports the driver's functions and says that there is no device (100)."""
    with provider.open("rb") as handle:
        symbols = ELFFile(handle).get_section_by_name(".dynsym").iter_symbols()
        undefined = {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF"}
    wanted = {name for name in undefined if re.match(r"cu[A-Z]", name)} | {"cuInit", "cuDriverGetVersion"}
    source = folder / "stub.c"
    source.write_text("".join(f"int {name}(void) {{ return 100; }}\n" for name in sorted(wanted)))
    flags = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"]
    subprocess.run(["cc", *flags, "-o", str(folder / "libcuda.so.1"), str(source)], check=True)


@pytest.fixture(scope="module", params=SETS)
def real(request, tmp_path_factory) -> tuple[Path, Path]:
    """A real environment, and the folder of its stub driver."""
    folder = tmp_path_factory.mktemp("real")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--python", PYTHON, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", python, *SETS[request.param]], check=True)
    driver = folder / "driver"
    driver.mkdir()
    stub_driver(next((folder / "venv").rglob("libonnxruntime_providers_cuda.so")), driver)
    (folder / "model.onnx").write_bytes(MODEL)
    yield folder / "venv", driver
    shutil.rmtree(folder)


def ask(environment: Path, driver: Path, **variables: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    done = subprocess.run(
        [environment / "bin" / "python", "-c", ASK, environment.with_name("model.onnx")],
        env=inherited | {"LD_LIBRARY_PATH": str(driver)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


MISSING = re.compile(r"lib\S+\.so\S*: cannot open shared object file")


def test_the_driver_is_asked_only_with_the_hook(real):
    environment, driver = real
    packages = Path(read_environment(environment).site_packages[0])
    remove_hook(packages)
    assert MISSING.search(ask(environment, driver))
    assert add_hook(packages, read_environment(environment))
    with_hook = ask(environment, driver, STACKFIX_HOOK="verbose")
    assert not MISSING.search(with_hook), with_hook
    assert "not loaded" not in with_hook
    assert re.search(r"CUDA failure (3|35|100|999)\b", with_hook), with_hook
    assert MISSING.search(ask(environment, driver, STACKFIX_HOOK="off"))


def test_libraries_that_are_opened_later_are_found_too(real):
    """cuDNN opens its parts, NVRTC its builtins, when they are first used."""
    environment, driver = real
    found = read_environment(environment)
    add_hook(Path(found.site_packages[0]), found)
    code = (
        "import onnxruntime, ctypes;"
        "cudnn = ctypes.CDLL('libcudnn.so.9'); cudnn.cudnnGetVersion.restype = ctypes.c_size_t;"
        "handle = ctypes.c_void_p(); cudnn.cudnnCreate(ctypes.byref(handle));"
        "cudnn.cudnnGetCudartVersion();"
        "maps = open('/proc/self/maps').read();"
        "print(cudnn.cudnnGetVersion(), 'libcudnn_graph.so.9' in maps, 'libnvrtc' in maps)"
    )
    done = subprocess.run(
        [environment / "bin" / "python", "-c", code],
        env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(driver)},
        capture_output=True,
        text=True,
        check=False,
    )
    version, graph, nvrtc = done.stdout.split()
    assert int(version) >= 90000, done.stderr
    assert (graph, nvrtc) == ("True", "True"), done.stderr
