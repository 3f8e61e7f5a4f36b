"""A text with an environment: what the environment shows comes first, and nothing is invented."""

from __future__ import annotations

import pytest

from stackfix.model.cause import Cause
from stackfix.model.report import Finding
from stackfix.symptoms.joined import joined


def cause(code, confidence=0.6):
    return Cause(
        code=code, confidence=confidence, because=(f"text: {code}",), consequence="c", fix="text's fix"
    )


def finding(code):
    return Finding(
        code=code,
        severity="error",
        text=f"found {code}",
        because=("seen",),
        consequence="so",
        fix="doctor's fix",
    )


def test_a_finding_of_a_later_cause_brings_it_to_the_head():
    told = [cause("cuda_major_mismatch"), cause("cuda_runtime_missing", 0.4)]
    first, second = joined(told, [finding("cuda_runtime_missing")])
    assert (first.code, second.code) == ("cuda_runtime_missing", "cuda_major_mismatch")
    assert first.confidence > 0.9
    assert first.because == (
        "in the environment: found cuda_runtime_missing",
        "seen",
        "text: cuda_runtime_missing",
    )
    assert first.fix == "doctor's fix"


@pytest.mark.parametrize("mask", ["dwpose_cpu_fallback", "dwpose_get_providers_none", "windows_error_126"])
def test_the_doctor_s_first_finding_is_what_lies_under_a_mask(mask):
    found = joined([cause(mask)], [finding("both_ort_packages"), finding("numpy2_abi")])
    assert [each.code for each in found] == ["both_ort_packages", mask]


def test_a_finding_that_explains_nothing_of_the_text_is_left_to_the_doctor():
    told = (cause("hub_unreachable"),)
    assert joined(told, [finding("both_ort_packages")]) == told


def test_a_mismatch_in_the_environment_explains_a_library_that_a_text_calls_missing():
    found = joined([cause("cudnn_missing")], [finding("cudnn_major_mismatch")])
    assert [each.code for each in found] == ["cudnn_major_mismatch", "cudnn_missing"]


def test_a_text_that_is_not_known_stays_not_known():
    assert joined([], [finding("both_ort_packages")]) == ()


def test_without_findings_a_text_s_causes_stay_as_they_are():
    told = (cause("gpu_memory"), cause("numpy2_abi"))
    assert joined(told, []) == told
