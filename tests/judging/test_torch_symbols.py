"""Packages that were compiled for another torch, told by the names that they ask of it."""

from __future__ import annotations

import binaries
import pytest
from patients import codes, finding, look

GONE, THERE = "_ZN3c104cuda9SetDeviceEa", "_ZN3c104cuda9SetDeviceEi"


def with_xformers(site, name="xformers", asks=GONE, requires=("torch==2.7.0",)):
    site.healthy().torch()
    core = binaries.elf(soname="libc10_cuda.so", offers=[THERE, "weak"])
    site.install(
        "torch",
        "2.8.0",
        {"torch/__init__.py": "", "torch/lib/libc10_cuda.so": core},
        (),
        "cp312-cp312-manylinux_2_28_x86_64",
    )
    library = binaries.elf(needed=("libc10_cuda.so",), asks={"": [asks, "memcpy", "_ZNSt6vectorE"]})
    files = {f"{name}/__init__.py": "", f"{name}/_C.so": library}
    return site.install(name, "0.0.30", files, requires)


def test_a_name_that_this_torch_does_not_have_is_the_cause(site):
    there = with_xformers(site)
    first = look(there).findings[0]
    assert (first.code, first.severity) == ("torch_torchvision_mismatch", "error")
    assert first.text == f"xformers 0.0.30 was compiled for another torch: 2.8.0 does not have {GONE}"
    assert first.because == (f"xformers/_C.so needs {GONE} [read: its symbol table]",)
    assert first.fix == f"stackfix fix --venv {there.root}"


def test_without_a_pin_only_another_release_of_it_helps(site):
    report = look(with_xformers(site, requires=("torch",)))
    first = report.findings[0]
    assert first.fix == "install the release of xformers that was built for torch 2.8.0"
    assert report.mend == ""


def test_what_goes_without_its_operators_is_a_warning(site):
    report = look(with_xformers(site, name="torchao"))
    assert finding(report, "torch_torchvision_mismatch").severity == "warning"
    assert report.ok


@pytest.mark.parametrize("asks", [THERE, "_ZN6google8protobuf5ArenaE"])
def test_a_name_that_is_there_or_is_not_torchs_is_no_finding(site, asks):
    assert "torch_torchvision_mismatch" not in codes(look(with_xformers(site, asks=asks)))


def test_a_torch_that_is_damaged_itself_is_not_held_against_others(site):
    there = with_xformers(site)
    (there.packages / "torch/lib/libc10_cuda.so").unlink()
    assert "torch_torchvision_mismatch" not in codes(look(there))


def test_a_library_of_torch_that_cannot_be_read_says_nothing_of_its_names(site):
    there = with_xformers(site)
    library = there.packages / "torch/lib/libc10_cuda.so"
    library.write_bytes(b"\x7fELF" + bytes(library.stat().st_size - 4))
    assert "torch_torchvision_mismatch" not in codes(look(there))
