"""What kind of machine it is, told by files below a folder; the C library and the disk."""

import platform
import shutil
from pathlib import Path

import pytest

from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Platform
from stackfix.probe.disk import read_free_disk
from stackfix.probe.host import is_container, is_tegra, is_wsl, missing_parts, platform_of
from stackfix.probe.libc import parse_confstr, parse_ldd, read_glibc


def write(root: Path, name: str, text: str = "") -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("system", "machine", "label"),
    [
        ("linux", "x86_64", "linux_x86_64"),
        ("linux", "aarch64", "linux_aarch64"),
        ("win32", "AMD64", "win_amd64"),
        ("win32", "ARM64", "win_arm64"),
        ("darwin", "arm64", "macos_arm64"),
        ("linux", "ppc64le", "linux_ppc64le"),
    ],
)
def test_platforms_are_named_as_wheel_tags_name_them(system, machine, label):
    assert platform_of(system, machine).label == label


def test_a_known_platform_is_the_one_that_its_label_names():
    for label in ("linux_x86_64", "linux_aarch64"):
        assert platform_of("linux", label.removeprefix("linux_")) == Platform.parse(label)
    assert platform_of("win32", "AMD64") == Platform.parse("win_amd64")


def test_wsl_is_told_by_its_kernel(tmp_path):
    assert not is_wsl(tmp_path)
    write(tmp_path, "proc/version", "Linux version 6.8.0-45-generic (buildd@lcy02) (x86_64-linux-gnu-gcc-13)")
    assert not is_wsl(tmp_path)
    write(tmp_path, "proc/version", "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f)")
    assert is_wsl(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".dockerenv", ""),
        ("run/.containerenv", 'engine="podman-5.2"'),
        ("proc/1/cgroup", "12:devices:/docker/0f4c"),
        ("proc/1/cgroup", "0::/kubepods.slice/kubepods-burstable.slice"),
        (
            "proc/self/mountinfo",
            "1 2 8:1 /var/lib/docker/containers/ab/hostname /etc/hostname rw - ext4 /dev/sda1 rw",
        ),
    ],
)
def test_containers_are_told_by_the_marks_of_their_engines(tmp_path, name, text):
    assert not is_container(tmp_path)
    write(tmp_path, name, text)
    assert is_container(tmp_path)


def test_an_ordinary_system_is_no_container(tmp_path):
    write(tmp_path, "proc/1/cgroup", "0::/init.scope\n")
    write(tmp_path, "proc/self/mountinfo", "22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n")
    assert not is_container(tmp_path)


def test_tegra_is_told_by_its_release_file_or_device_tree(tmp_path):
    assert not is_tegra(tmp_path)
    write(tmp_path, "proc/device-tree/compatible", "raspberrypi,5-model-b\0brcm,bcm2712\0")
    assert not is_tegra(tmp_path)
    write(tmp_path, "proc/device-tree/compatible", "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234\0")
    assert is_tegra(tmp_path)
    write(tmp_path / "other", "etc/nv_tegra_release", "# R36 (release), REVISION: 4.0")
    assert is_tegra(tmp_path / "other")


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (None, ()),
        ("", ()),
        ("all", ()),
        ("compute,utility", ()),
        ("compute", ("utility",)),
        ("utility, graphics", ("compute",)),
        ("graphics", ("compute", "utility")),
    ],
)
def test_parts_that_a_container_did_not_ask_for_are_named(asked, missing):
    environ = {} if asked is None else {"NVIDIA_DRIVER_CAPABILITIES": asked}
    assert missing_parts(environ) == missing


def test_glibc_is_read_as_the_standard_library_reads_it():
    name, release = platform.libc_ver()
    read = read_glibc()
    if name == "glibc":
        assert read == Known(tuple(map(int, release.split("."))), "os.confstr")
    else:
        assert isinstance(read, Unknown)


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("ldd (Ubuntu GLIBC 2.35-0ubuntu3.8) 2.35\nCopyright (C) 2022 Free Software Foundation\n", (2, 35)),
        ("ldd (GNU libc) 2.28\n", (2, 28)),
        ("ldd (Debian GLIBC 2.36-9+deb12u9) 2.36\n", (2, 36)),
        ("musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader\n", None),
        ("", None),
    ],
)
def test_ldd_tells_glibc_and_not_musl(text, release):
    read = parse_ldd(text)
    assert read == Known(release, "ldd --version") if release else isinstance(read, Unknown)


@pytest.mark.parametrize(("text", "release"), [("glibc 2.17", (2, 17)), ("NPTL 2.3", None), ("", None)])
def test_confstr_tells_glibc_alone(text, release):
    read = parse_confstr(text)
    assert read == Known(release, "os.confstr") if release else isinstance(read, Unknown)


def test_the_disk_of_a_folder_to_be_made_is_that_of_its_parent(tmp_path):
    read = read_free_disk(tmp_path / "not/yet/there")
    assert isinstance(read, Known)
    assert read.found_via == f"the file system of {tmp_path}"
    assert abs(read.value - shutil.disk_usage(tmp_path).free) < 2**30


def test_a_folder_that_cannot_be_asked_is_unknown():
    read = read_free_disk(Path("/" + "x" * 5000))
    assert isinstance(read, Unknown)
    assert "name too long" in read.tried[0]
