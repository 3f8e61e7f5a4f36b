"""Every card, driver and CUDA on record, judged by the rules: each end is kept, on Linux, Windows and WSL."""

from __future__ import annotations

from itertools import pairwise

import pytest
from packaging.version import Version

from stackfix.facts import prepared
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine, Platform
from stackfix.model.problem import DRIVER, gpu_node
from stackfix.rules.machine import cuda_requirements, gpu_requirements
from stackfix.rules.scene import Scene
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion, PythonVersion

ROOT = data_root()
DATABASE = Database(ROOT)
HARDWARE = DATABASE.hardware
PREPARED = prepared.load(ROOT)
DRIVERS, GPUS, CUDNN = PREPARED.drivers, PREPARED.gpus, PREPARED.cudnn

CAPABILITIES = {row.capability: row for row in GPUS.capability}
MINORS = [str(minor) for minor in HARDWARE.cuda_minors()]
FLOORS = {row.major: row for row in DRIVERS.floor}
SYSTEMS = [("linux_x86_64", False), ("win_amd64", False), ("linux_x86_64", True)]
READING = Unknown(("a test",))


def scene(capability: str, driver: str, platform: str = "linux_x86_64", *, wsl: bool = False) -> Scene:
    gpu = Gpu(
        name="a card",
        compute_capability=Known(ComputeCapability.parse(capability), "a test"),
        memory_bytes=READING,
    )
    python = Interpreter(version=PythonVersion(3, 12))
    machine = Machine(
        platform=Platform.parse(platform),
        glibc=READING if platform.startswith("win") else Known((2, 35), "a test"),
        driver=Known(DriverVersion.parse(driver), "a test"),
        cuda=READING,
        gpus=Known((gpu,), "a test"),
        pythons=(python,),
        free_disk_bytes=READING,
        wsl=wsl,
    )
    return Scene(
        facts=DATABASE,
        machine=machine,
        python=python,
        device="gpu",
        features={},
        sources=frozenset({"pypi"}),
    )


def refusals(asked, capability: str, driver: str) -> list[str]:
    """Return why the machine does not grant what is asked of it."""
    here = {DRIVER: driver, gpu_node(0): capability}
    return [one.fact.text for one in asked if here[one.node] not in one.allowed]


def of_cuda(cuda: str, capability: str, driver: str, platform: str = "linux_x86_64", *, wsl: bool = False):
    return refusals(cuda_requirements(cuda, scene(capability, driver, platform, wsl=wsl)), capability, driver)


def of_gpu(capability: str, driver: str, platform: str = "linux_x86_64", *, wsl: bool = False):
    return refusals(
        gpu_requirements(0, capability, scene(capability, driver, platform, wsl=wsl)), capability, driver
    )


def first_of_family(capability: str) -> CudaVersion:
    """Return the first CUDA of the capabilities whose code runs on this one."""
    major, minor = capability.split(".")
    return min(
        CudaVersion.parse(row.first_cuda)
        for row in GPUS.capability
        if row.capability.split(".")[0] == major and int(row.capability.split(".")[1]) <= int(minor)
    )


@pytest.mark.parametrize("cuda", MINORS)
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_gpu_has_the_cuda_releases_from_its_first_to_its_last_and_no_other(capability, cuda):
    row = CAPABILITIES[capability]
    here = CudaVersion.parse(cuda)
    too_new = bool(row.last_cuda) and here > CudaVersion.parse(row.last_cuda)
    too_old = here < first_of_family(capability)
    said = of_cuda(cuda, capability, "999.0")
    if too_new:
        assert said == [
            f"CUDA {row.last_cuda} is the last with code for compute capability {capability} ({row.architecture})"
        ]
    elif too_old:
        first = first_of_family(capability)
        assert said == [
            f"CUDA {first} is the first with code for compute capability {capability} ({row.architecture})"
        ]
    else:
        assert said == []


@pytest.mark.parametrize(("platform", "wsl"), SYSTEMS)
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_gpu_has_the_driver_branches_from_its_first_to_its_last_on_every_system(capability, platform, wsl):
    row = CAPABILITIES[capability]
    for branch in (one.branch for one in DRIVERS.branch):
        number = f"{branch}.99" if platform == "linux_x86_64" and not wsl else f"{branch + 1}.99"
        said = of_gpu(capability, number, platform, wsl=wsl)
        served = row.first_driver_branch <= branch and not 0 < row.last_driver_branch < branch
        assert (said == []) is served
        assert all(f"compute capability {capability} ({row.architecture})" in text for text in said)


@pytest.mark.parametrize(
    "minor", [row for row in DRIVERS.minor if row.architectures], ids=lambda row: row.cuda
)
def test_what_nvrtc_was_measured_to_compile_for_is_what_the_capabilities_say(minor):
    cuda = CudaVersion.parse(minor.cuda)
    said = {
        int(capability.replace(".", ""))
        for capability, row in CAPABILITIES.items()
        if CudaVersion.parse(row.first_cuda) <= cuda
        and (not row.last_cuda or cuda <= CudaVersion.parse(row.last_cuda))
    }
    assert said == set(minor.architectures)
    assert minor.architectures_of.startswith("nvidia-cuda-nvrtc")


RTX_50 = [row for row in GPUS.gpu if row.name.startswith("GeForce RTX 50")]
OLD = [
    ("550.54.14", "linux_x86_64"),
    ("565.57.01", "linux_x86_64"),
    ("551.61", "win_amd64"),
    ("566.36", "win_amd64"),
]


@pytest.mark.parametrize(("driver", "platform"), OLD)
@pytest.mark.parametrize("card", RTX_50, ids=lambda row: row.name)
def test_an_rtx_50_on_a_driver_from_before_it_is_refused_with_the_branch_that_knows_it(
    card, driver, platform
):
    assert of_gpu(card.capability, driver, platform) == [
        "driver branch 570 is the first that knows compute capability 12.0 (Blackwell (GeForce/RTX PRO))"
    ]
    later = "570.26" if platform.startswith("linux") else "570.65"
    assert of_gpu(card.capability, later, platform) == []


def test_there_are_rtx_50s():
    assert len(RTX_50) >= 8


@pytest.mark.parametrize(
    ("platform", "wsl", "cuda", "below", "floor"),
    [
        ("linux_x86_64", False, "10.2", "440.32", "440.33"),
        ("linux_x86_64", False, "11.8", "450.80.01", "450.80.02"),
        ("linux_x86_64", False, "12.0", "525.60.12", "525.60.13"),
        ("linux_x86_64", False, "12.9", "525.60.12", "525.60.13"),
        ("linux_x86_64", False, "13.0", "580.65.05", "580.65.06"),
        ("linux_x86_64", False, "13.5", "580.65.05", "580.65.06"),
        ("linux_aarch64", False, "13.5", "580.65.05", "580.65.06"),
        ("win_amd64", False, "10.2", "441.21", "441.22"),
        ("win_amd64", False, "11.8", "452.38", "452.39"),
        ("win_amd64", False, "12.0", "528.32", "528.33"),
        ("win_amd64", False, "12.9", "527.41", "528.33"),
        ("win_amd64", False, "13.0", "580.65.06", "580.88"),
        ("win_amd64", False, "13.5", "580.87", "580.88"),
        ("linux_x86_64", True, "12.4", "525.60.13", "528.33"),
        ("linux_x86_64", True, "13.2", "580.65.06", "580.88"),
    ],
)
def test_a_cuda_asks_for_the_floor_of_the_system_that_the_driver_is_of(platform, wsl, cuda, below, floor):
    (text,) = of_cuda(cuda, "7.5", below, platform, wsl=wsl)
    assert f"needs NVIDIA driver {floor} or newer" in text
    assert ("on Windows" in text) is (wsl or platform == "win_amd64")
    assert of_cuda(cuda, "7.5", floor, platform, wsl=wsl) == []


@pytest.mark.parametrize(("platform", "wsl"), SYSTEMS)
def test_a_newer_driver_runs_every_cuda_that_an_older_one_runs(platform, wsl):
    steps = HARDWARE.driver_steps(Platform.parse(platform).os, wsl=wsl)
    runs = [
        {cuda for cuda in MINORS if of_cuda(cuda, "7.5", str(step), platform, wsl=wsl) == []}
        for step in steps
    ]
    assert all(older <= newer for older, newer in pairwise(runs))
    assert runs[-1] == set(MINORS)


def test_later_releases_come_with_later_drivers_on_both_systems():
    for system in ("linux", "windows"):
        first = {}
        for row in DRIVERS.release:
            text = getattr(row, system)
            if text:
                cuda, driver = CudaVersion.parse(row.cuda), DriverVersion.parse(text)
                first[cuda] = min(driver, first.get(cuda, driver))
        ordered = [first[cuda] for cuda in sorted(first)]
        assert ordered == sorted(ordered)
        floors = [DriverVersion.parse(getattr(FLOORS[major], system)) for major in sorted(FLOORS)]
        assert floors == sorted(floors)


def test_every_cuda_release_has_a_branch_and_up_to_12_9_a_driver_for_each_system():
    bare = [row for row in DRIVERS.release if not (row.linux and row.windows)]
    # NVIDIA names no Windows driver from 13.0 on; the second updates of 12.8 and 12.9 stand in no table of drivers
    assert {f"{row.cuda} {row.release}" for row in bare if CudaVersion.parse(row.cuda).major < 13} == {
        "12.8 Update 2",
        "12.9 Update 2",
    }
    assert {row.cuda for row in DRIVERS.release} == set(MINORS)
    assert {row.branch for row in DRIVERS.release} <= {row.branch for row in DRIVERS.branch}


SEEN_ON_WINDOWS = {
    "536.25": 535,
    "539.56": 535,
    "570.65": 570,
    "573.76": 570,
    "576.02": 575,
    "576.57": 575,
    "580.88": 580,
    "581.80": 580,
    "591.59": 590,
    "596.21": 595,
    "616.41": 615,
    "617.14": 615,
} | {row.windows: row.branch for row in DRIVERS.release if row.windows}


@pytest.mark.parametrize(("number", "branch"), SEEN_ON_WINDOWS.items())
def test_a_windows_number_belongs_to_the_branch_below_it(number, branch):
    assert HARDWARE.branch_of(DriverVersion.parse(number)) == branch


def test_on_windows_a_branch_starts_at_its_first_driver_where_that_is_on_record():
    steps = [str(step) for step in HARDWARE.driver_steps("windows", wsl=False)]
    assert {"528.33", "536.25", "551.61", "560.76", "570.65", "576.02", "580.88"} <= set(steps)
    assert not {"535", "550", "570", "580"} & set(steps)
    assert steps == [str(step) for step in HARDWARE.driver_steps("linux", wsl=True)]
    assert {"535", "550", "570", "580"} <= {str(step) for step in HARDWARE.driver_steps("linux", wsl=False)}


def test_a_branch_reports_the_newest_cuda_whose_ptx_it_is_paired_with():
    paired = {row.ptx_driver_branch: row.cuda for row in DRIVERS.minor if row.ptx_driver_branch}
    reported = {row.branch: row.max_cuda for row in DRIVERS.branch}
    assert {branch: reported[branch] for branch in paired if branch in reported} == {
        branch: cuda for branch, cuda in paired.items() if branch in reported
    }
    assert set(paired) - set(reported) == {445}


@pytest.mark.parametrize(
    ("driver", "newest", "count"),
    [
        ("535.104.05", "cuda-compat-13-4", 11),
        ("570.124.06", "cuda-compat-13-4", 6),
        ("580.95.05", "cuda-compat-13-4", 4),
        ("610.43.02", "cuda-compat-13-4", 1),
    ],
)
def test_forward_compatibility_is_offered_where_nvidia_lists_the_branch(driver, newest, count):
    found = HARDWARE.forward_packages(DriverVersion.parse(driver), "linux", "datacenter")
    assert (found[0][0], len(found)) == (newest, count)
    assert [cuda for _, cuda in found] == sorted((cuda for _, cuda in found), reverse=True)


@pytest.mark.parametrize(
    ("driver", "system", "kind"),
    [
        ("535.104.05", "windows", "datacenter"),
        ("535.104.05", "linux", "geforce"),
        ("535.104.05", "linux", "workstation"),
        ("535.104.05", "linux", ""),
        ("550.54.14", "linux", "datacenter"),
        ("525.60.13", "linux", "datacenter"),
        ("615.71.09", "linux", "datacenter"),
    ],
)
def test_forward_compatibility_is_offered_nowhere_else(driver, system, kind):
    assert list(HARDWARE.forward_packages(DriverVersion.parse(driver), system, kind)) == []


def test_a_forward_package_serves_older_branches_than_the_one_it_is_built_from():
    for row in DRIVERS.forward_compatibility:
        assert all(branch < row.from_branch for branch in row.on_branches)
        assert row.package == f"cuda-compat-{row.cuda.replace('.', '-')}"


@pytest.mark.parametrize("package", ["nvidia-cudnn-cu11", "nvidia-cudnn-cu12", "nvidia-cudnn-cu13"])
def test_every_cudnn_wheel_on_record_is_among_the_builds_of_its_system(package):
    built = {
        (platform, version)
        for row in CUDNN.build
        if row.package == package
        for platform in row.platforms
        for version in row.versions
    }
    newest = max(Version(version) for _, version in built)
    rows = DATABASE.wheels(package)
    wheels = {
        (wheel.platform, str(wheel.version))
        for wheel in rows
        if wheel.version <= newest and not wheel.version.is_postrelease  # a repackaging, for aarch64 alone
    }
    assert wheels
    assert wheels <= built


BUILDS = [(row, version) for row in CUDNN.build for version in row.versions]


@pytest.mark.parametrize(
    ("row", "version"), BUILDS, ids=[f"{row.package}-{version}-{row.platforms[0]}" for row, version in BUILDS]
)
def test_a_cudnn_build_serves_the_capabilities_that_its_release_still_has(row, version):
    dropped = HARDWARE.cudnn_minimum(Version(version))
    assert (str(dropped.capability) if dropped else "") == row.min_capability
    assert row.cuda_major == int(row.package.removeprefix("nvidia-cudnn-cu"))


CUDNN_DRIVERS = [row for row in CUDNN.rule if row.cuda_major and row.linux]


@pytest.mark.parametrize("row", CUDNN_DRIVERS, ids=lambda row: row.id)
def test_cudnn_asks_for_no_newer_driver_than_its_cuda_and_the_gpu_do(row):
    floor = FLOORS[row.cuda_major]
    capability = row.min_capability or "7.5"
    cuda = row.min_cuda or f"{row.cuda_major}.0"
    for number, other, platform in (
        (row.linux, floor.linux, "linux_x86_64"),
        (row.windows, floor.windows, "win_amd64"),
    ):
        if not number:
            continue
        newest = max(DriverVersion.parse(number), DriverVersion.parse(other))
        assert of_cuda(cuda, capability, str(newest), platform) == []
        assert of_gpu(capability, str(newest), platform) == []
        if DriverVersion.parse(number) > DriverVersion.parse(other):
            assert of_gpu(capability, other, platform) != []


def test_cudnn_never_takes_an_architecture_back_in():
    versions = sorted({Version(version) for _, version in BUILDS})
    kept = [HARDWARE.cudnn_minimum(version) for version in versions]
    lowest = [one.capability if one else ComputeCapability(0, 0) for one in kept]
    assert lowest == sorted(lowest)


RANGES = [row for row in CUDNN.rule if row.cuda_major and (row.first or row.last)]


@pytest.mark.parametrize("row", RANGES, ids=lambda row: row.id)
def test_a_cudnn_build_starts_and_ends_where_its_rule_says(row):
    built = [
        Version(v)
        for one, v in BUILDS
        if one.cuda_major == row.cuda_major and "linux_x86_64" in one.platforms
    ]
    if row.first:
        assert min(built) == Version(row.first)
    if row.last:
        assert max(built) == Version(row.last)


@pytest.mark.parametrize(
    "row",
    [
        *DRIVERS.floor,
        *DRIVERS.release,
        *DRIVERS.minor,
        *DRIVERS.branch,
        *DRIVERS.forward_compatibility,
        DRIVERS.forward,
        *GPUS.capability,
        *GPUS.gpu,
        *CUDNN.rule,
        *CUDNN.support,
        *CUDNN.build,
    ],
    ids=lambda row: (
        f"{type(row).__name__}-{next(str(getattr(row, f)) for f in ('id', 'name', 'cuda', 'branch', 'capability', 'major', 'package', 'cudnn', 'kinds') if hasattr(row, f))}"
    ),
)
def test_every_row_has_a_source_and_an_inference_its_reason(row):
    assert len(row.source) > 8
    assert row.why or row.method != "inferred"
