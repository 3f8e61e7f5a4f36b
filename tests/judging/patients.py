"""Small environments as installers leave them: dist-info, RECORD with sizes and hashes, tiny libraries.

What a package needs, provides and requires comes from its row in `data/`, so that the rules meet real releases.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "measure"))

import binaries

from stackfix.asking import MachineQuestion, machine_of
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.judging.examine import Patient, examine
from stackfix.model.surroundings import Surroundings
from stackfix.probe.environment import read_environment

BASE = Path(getattr(sys, "_base_executable", sys.executable))
TORCH_LIBRARY = "torch/lib/libtorch_cuda.so"
PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
# What of torch 2.8.0's needs onnxruntime does not have; enough of NVIDIA's packages to close both.
CUDA12 = {
    "nvidia-cublas-cu12": "12.8.4.1",
    "nvidia-cuda-runtime-cu12": "12.8.90",
    "nvidia-cuda-cupti-cu12": "12.8.90",
    "nvidia-cuda-nvrtc-cu12": "12.8.93",
    "nvidia-cudnn-cu12": "9.10.2.21",
    "nvidia-cufft-cu12": "11.3.3.83",
    "nvidia-cufile-cu12": "1.13.1.3",
    "nvidia-curand-cu12": "10.3.9.90",
    "nvidia-cusolver-cu12": "11.7.3.90",
    "nvidia-cusparse-cu12": "12.5.8.93",
    "nvidia-cusparselt-cu12": "0.7.1",
    "nvidia-nccl-cu12": "2.27.3",
    "nvidia-nvjitlink-cu12": "12.8.93",
}


@cache
def facts():
    return Database(data_root())


def row(name, version, platform="linux_x86_64"):
    """Return the first row of a release; a test that names one without a row is a mistake."""
    return next(each.wheel for each in facts().listed(name, platform) if each.key == version)


class Site:
    """An environment that packages are put into and taken out of, as pip does both."""

    def __init__(self, root, python="3.12.4", kind="venv"):
        self.root = root
        self.windows = kind == "portable"
        self.packages = root / (
            "Lib/site-packages" if self.windows else f"lib/python{python[:4]}/site-packages"
        )
        self.packages.mkdir(parents=True)
        if self.windows:
            (root / "python.exe").write_bytes(b"MZ")
            (root / f"python{python[:4].replace('.', '')}.dll").write_bytes(b"MZ")
            return
        (root / "bin").mkdir()
        (root / "bin" / "python").symlink_to(BASE)
        if kind == "venv":
            (root / "pyvenv.cfg").write_text(f"home = {BASE.parent}\nversion = {python}\n")
        elif kind == "conda":
            (root / "conda-meta").mkdir()
            (root / "conda-meta" / f"python-{python}-h0_cpython.json").write_text("{}")

    def install(self, name, version, files=None, requires=(), tag="py3-none-any"):
        """Write a package's files over whatever lies there, and its dist-info."""
        stem = name.replace("-", "_")
        info = f"{stem}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
        members = dict(files if files is not None else {f"{stem}/__init__.py": f"# {name} {version}\n"})
        members |= {f"{info}/METADATA": metadata, f"{info}/INSTALLER": "pip\n"}
        members[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nTag: {tag}\n"
        lines = []
        for path, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            place = self.packages / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{path},sha256={digest},{len(data)}\n")
        (self.packages / info / "RECORD").write_text("".join(lines) + f"{info}/RECORD,,\n")
        return self

    def remove(self, name):
        """Take away what the package's RECORD lists, whosever it is by now: what `pip uninstall` does."""
        (record,) = self.packages.glob(f"{name.replace('-', '_')}-*.dist-info/RECORD")
        for line in record.read_text().splitlines():
            path = self.packages / line.split(",")[0]
            path.unlink(missing_ok=True)
        record.parent.rmdir()
        return self

    def nvidia(self, **releases):
        """Install NVIDIA's packages: each library that the row says it provides, needing nothing."""
        for stem, version in releases.items():
            name = stem.replace("_", "-")
            provides = row(name, version).provides
            own = f"{name} {version}".encode()  # no two packages have the same bytes
            files = {path: binaries.elf(soname=soname) + own for soname, path in provides.items()}
            self.install(name, version, files)
        return self

    def cuda12(self, *without, **other):
        """Install the packages that torch 2.8.0 pins."""
        releases = {name: version for name, version in CUDA12.items() if name not in without}
        return self.nvidia(
            **{name.replace("-", "_"): version for name, version in {**releases, **other}.items()}
        )

    def torch(self, version="2.8.0", build="", cuda=None, requires=(), runpath=""):
        wheel = row("torch", version)
        cuda = str(wheel.cuda[0]) if cuda is None else cuda
        local = build or f"+cu{cuda.replace('.', '')}"
        said = f"'{cuda}'" if cuda else "None"
        needs = sorted(name for name in wheel.needs[""] if name.startswith("lib")) if cuda else ()
        return self.install(
            "torch",
            version,
            {
                "torch/__init__.py": "",
                "torch/version.py": f"__version__ = '{version}{local}'\ncuda: str | None = {said}\n",
                "torch/_C.cpython-312-x86_64-linux-gnu.so": binaries.elf(needed=("libtorch_cuda.so",)),
                TORCH_LIBRARY: binaries.elf(soname="libtorch_cuda.so", needed=needs, runpath=runpath),
            },
            requires,
            "cp312-cp312-manylinux_2_28_x86_64",
        )

    def torchvision(self, version="0.23.0", build="+cu128", requires=()):
        return self.install(
            "torchvision",
            version,
            {"torchvision/__init__.py": "", "torchvision/version.py": f"__version__ = '{version}{build}'\n"},
            requires,
            "cp312-cp312-manylinux_2_28_x86_64",
        )

    def onnxruntime(self, name="onnxruntime-gpu", version="1.22.0", requires=(), runpath=""):
        """Install a build of onnxruntime; the GPU build has the CUDA provider with the needs of its row."""
        gpu = name.endswith("-gpu")
        wheel = row(name, version)
        said = f"package_name = '{name}'\n__version__ = '{version}'\n"
        files = {
            "onnxruntime/__init__.py": f"__version__ = '{version}'\n",
            "onnxruntime/capi/onnxruntime_pybind11_state.so": binaries.elf(string_padding=9 if gpu else 3),
            "onnxruntime/capi/build_and_package_info.py": said
            + (f"cuda_version = '{wheel.cuda[0]}'\n" if gpu else ""),
        }
        if gpu:
            needs = sorted(wheel.needs["cuda"])
            files[PROVIDER] = binaries.elf(
                soname="libonnxruntime_providers_cuda.so", needed=needs, runpath=runpath
            )
        return self.install(name, version, files, requires, "cp312-cp312-manylinux_2_28_x86_64")

    def healthy(self):
        """torch 2.8.0, torchvision and onnxruntime-gpu 1.22.0 with all their libraries, and the import hook."""
        self.cuda12().torch().torchvision().onnxruntime()
        (self.packages / "stackfix_libraries.pth").write_text("")
        return self


def machine(driver="580.95.05", gpus=("RTX 4090",), platform="linux_x86_64", glibc="2.35"):
    question = MachineQuestion(driver=driver, gpus=tuple(gpus), platform=platform, glibc=glibc)
    return machine_of(question, facts(), Path("/"), pythons=False)


def look(site, *, surroundings=None, models=(), on=None):
    """Return the report on an environment on a machine with an RTX 4090 and driver 580.95.05."""
    root = site.root if isinstance(site, Site) else site
    patient = Patient(
        environment=read_environment(root),
        machine=on or machine(),
        surroundings=surroundings or Surroundings(),
        models=tuple(models),
    )
    return examine(patient, facts())


def codes(report):
    return [finding.code for finding in report.findings]


def finding(report, code):
    """Return the first finding of a code; a report without it fails the test with all that it has."""
    found = [one for one in report.findings if one.code == code]
    assert found, [(one.code, one.text) for one in report.findings]
    return found[0]
