"""Build the device's libraries into a folder: python build_device.py ENVIRONMENT FOLDER.

ENVIRONMENT is one with onnxruntime-gpu in it: what its CUDA provider asks of each library of CUDA, and nothing here
makes, becomes a function that says so and refuses.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stackfix.measure import elf_symbols
from stackfix.measure.reader import FileReader

HERE = Path(__file__).resolve().parent
PROVIDER = "libonnxruntime_providers_cuda.so"
FLAGS = ("-std=c++17", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-march=native")
DRIVER = "libcuda.so.1"
# soname: its sources, and what a function that is not made answers (not supported, in each library's own numbers)
LIBRARIES = {
    DRIVER: (
        ("driver/driver.cpp", "driver/memory.cpp", "driver/modules.cpp", "driver/fatbin.cpp", "driver/holders.cpp"),
        801,
    ),
    "libnvidia-ml.so.1": (("driver/nvml.cpp", "driver/holders.cpp"), 3),
    "libcudart.so.12": (("driver/runtime.cpp",), 801),
    "libcudnn.so.9": (("maths/cudnn_operations.cpp", "maths/cudnn_graphs.cpp"), 3000),
    "libcublas.so.12": (("maths/cublas.cpp",), 15),
    "libcublasLt.so.12": (("maths/cublaslt.cpp",), 15),
    "libcufft.so.11": ((), 16),
    "libcurand.so.10": ((), 203),
}  # fmt: skip


def refusals(names: Iterable[str], status: int) -> str:
    """Return C++ in which each name refuses; weak, so that one that is made comes before it."""
    lines = ["#include <cstdio>", "static int refuse(const char *name) {"]
    lines += ['std::fprintf(stderr, "software GPU: %s is not made\\n", name);', f"return {status};", "}"]
    lines += ['extern "C" {']
    lines += [f'__attribute__((weak)) int {name}() {{ return refuse("{name}"); }}' for name in sorted(names)]
    return "\n".join([*lines, "}", ""])


def build(environment: Path, out: Path) -> None:
    """Write the libraries and the translator into a folder, two at a time."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(HERE / "translator", out / "translator", dirs_exist_ok=True)
    (provider,) = environment.rglob(PROVIDER)
    asked = elf_symbols.asked(FileReader(provider))
    _link(DRIVER, asked.get(DRIVER, ()), out)
    with ThreadPoolExecutor(2) as pool:
        others = [soname for soname in LIBRARIES if soname != DRIVER]
        list(pool.map(lambda soname: _link(soname, asked.get(soname, ()), out), others))


def _link(soname: str, asked: Iterable[str], out: Path) -> None:
    sources, status = LIBRARIES[soname]
    stubs, versions = out / f"{soname}.cpp", out / f"{soname}.map"
    if asked:
        stubs.write_text(refusals(asked, status))
    exported = "cu*; __cuda*; nvml*; softwareGpu*;"
    # what a library asks by version is asked of this soname's own
    versions.write_text(f"{soname if asked else ''} {{ global: {exported} local: *; }};\n")
    command = ["g++", *FLAGS, "-O3" if soname.startswith(("libcudnn", "libcublas")) else "-O1"]
    command += [f"-Wl,-soname,{soname}", f"-Wl,--version-script={versions}", "-Wl,-rpath,$ORIGIN"]
    command += [
        f'-DPYTHON="{sys.executable}"',
        "-o",
        str(out / soname),
        *(str(HERE / each) for each in sources),
    ]
    command += [str(stubs)] if asked else []
    command += (
        ["-Wl,--as-needed", "-ldl"] if soname == DRIVER else ["-Wl,--as-needed", f"-L{out}", f"-l:{DRIVER}"]
    )
    subprocess.run(command, check=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
