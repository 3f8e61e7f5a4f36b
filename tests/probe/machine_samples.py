"""Machines for tests: one built in a line, and any that hypothesis can think of."""

from __future__ import annotations

from hypothesis import strategies as st

from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine, Platform, Trouble
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion, PythonVersion

UNKNOWN = Unknown(("looked", "found nothing"))


def a_machine(**readings: object) -> Machine:
    """Return a Linux machine with one L4, any reading replaced."""
    gpu = Gpu(
        name="NVIDIA L4",
        compute_capability=Known(ComputeCapability(8, 9), "NVML"),
        memory_bytes=Known(24 * 1024**3, "NVML"),
        uuid="GPU-1",
    )
    python = Interpreter(version=PythonVersion(3, 12, 4), path="/usr/bin/python3.12", found_via="PATH")
    values: dict[str, object] = {
        "platform": Platform("linux", "x86_64"),
        "glibc": Known((2, 35), "os.confstr"),
        "driver": Known(DriverVersion.parse("580.95.05"), "NVML"),
        "cuda": Known(CudaVersion(13, 0), "NVML"),
        "gpus": Known((gpu,), "NVML"),
        "pythons": (python,),
        "free_disk_bytes": Known(100 * 1024**3, "the file system of /home"),
        "notes": ("a note",),
    }
    return Machine(**{**values, **readings})  # type: ignore[arg-type] - the values are of the fields' own types


texts = st.text(max_size=20)


def readings(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(
        st.builds(Known, values, texts), st.builds(Unknown, st.lists(texts, max_size=3).map(tuple))
    )


small = st.integers(0, 99)
releases = st.lists(st.integers(0, 9999), max_size=3).map(
    lambda rest: DriverVersion.parse(".".join(map(str, [580, *rest])))
)
capabilities = st.builds(ComputeCapability, st.integers(1, 99), st.integers(0, 9))
gpus = st.builds(
    Gpu,
    name=texts,
    compute_capability=readings(capabilities),
    memory_bytes=readings(st.integers(0, 2**62)),
    index=small,
    uuid=texts,
)
pythons = st.builds(
    Interpreter,
    version=st.builds(PythonVersion, st.just(3), small, st.none() | small),
    path=texts,
    free_threaded=st.booleans(),
    found_via=texts,
)
platforms = st.sampled_from(
    [
        Platform("linux", "x86_64"),
        Platform("linux", "aarch64"),
        Platform("windows", "amd64"),
        Platform("macos", "arm64"),
    ]
)
machines = st.builds(
    Machine,
    platform=platforms,
    glibc=readings(st.tuples(small, small)),
    driver=readings(releases),
    cuda=readings(st.builds(CudaVersion, small, small)),
    gpus=readings(st.lists(gpus, max_size=3).map(tuple)),
    pythons=st.lists(pythons, max_size=3).map(tuple),
    free_disk_bytes=readings(st.integers(0, 2**62)),
    wsl=st.booleans(),
    container=st.booleans(),
    tegra=st.booleans(),
    notes=st.lists(texts, max_size=3).map(tuple),
    troubles=st.lists(st.builds(Trouble, texts, texts), max_size=3).map(tuple),
)
