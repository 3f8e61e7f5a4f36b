"""The machine's own troubles: findings with their code where the environment wants a GPU, and nowhere else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from patients import Site, codes, facts, finding, look, machine

from stackfix.model.evidence import Unknown
from stackfix.model.machine import Trouble

CODES = ("driver_missing", "nvml_mismatch", "driver_broken_state", "container_without_gpu")


def measured_on_cpu():
    return tuple(f"{each.text} [{each.source}]" for each in facts().hardware.on_cpu())


def troubled(*codes):
    return replace(machine(), troubles=tuple(Trouble(code, f"seen {n}") for n, code in enumerate(codes)))


@pytest.mark.parametrize("code", CODES)
def test_each_trouble_is_an_error_with_its_code_and_what_was_seen(site, code):
    report = look(site.healthy(), on=troubled(code))
    found = finding(report, code)
    assert not report.ok
    assert found.because[0] == "seen 0 [read: this machine]"
    assert found.because[1:] == measured_on_cpu()
    assert found.about == ("onnxruntime-gpu", "torch")


def test_two_readings_of_one_trouble_are_one_finding(site):
    report = look(site.healthy(), on=troubled("driver_missing", "driver_missing"))
    assert codes(report) == ["driver_missing"]
    assert report.findings[0].because == (
        "seen 0 [read: this machine]",
        "seen 1 [read: this machine]",
        *measured_on_cpu(),
    )


def test_an_environment_that_wants_no_gpu_has_nothing_to_do_with_it(site):
    assert (
        codes(
            look(
                site.torch(build="+cpu", cuda=""),
                on=replace(troubled(*CODES), gpus=machine(gpus=("none",)).gpus),
            )
        )
        == []
    )


def test_an_environment_for_another_system_has_nothing_to_do_with_this_machine(tmp_path):
    site = Site(tmp_path / "python_embeded", kind="portable").onnxruntime()
    assert not set(CODES) & set(codes(look(site, on=troubled(*CODES))))


HOW = "did not answer within 60 s, in cuInit of /d/libcuda.so.1"


def test_a_driver_that_hangs_is_an_error_that_says_in_what(site):
    report = look(site.healthy(), on=replace(troubled("driver_broken_state"), driver_breaks=HOW))
    assert codes(report) == ["driver_broken_state"]
    found = report.findings[0]
    assert found.because[1] == f"the process that asked libcuda alone {HOW} [read: this machine]"
    assert "every program that asks for the GPU" in found.consequence


def test_a_library_that_hangs_where_there_is_no_driver_is_to_be_taken_away(site):
    here = replace(machine(), driver=Unknown(("nothing",)), cuda=Unknown(("nothing",)), driver_breaks=HOW)
    found = finding(look(site.healthy(), on=here), "driver_missing")
    assert "LD_LIBRARY_PATH" in found.fix
    assert "no driver's" in found.text
