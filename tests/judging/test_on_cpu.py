"""How much slower the CPU is: the number of the facts, the same wherever it is said."""

from patients import facts

from stackfix.facts.causes import load_causes
from stackfix.judging.on_cpu import ON_CPU, SLOWER, with_number, with_numbers
from stackfix.model.report import Finding


def finding(consequence):
    return Finding(
        code="cuda_major_mismatch",
        severity="error",
        text="onnxruntime-gpu is built for CUDA 13",
        because=("torch was built with CUDA 12 [measured: a wheel]",),
        consequence=consequence,
        fix="stackfix fix",
    )


def test_a_consequence_says_how_many_times_slower_and_whose_measurements_say_so():
    told = with_number(finding(ON_CPU), facts())
    assert told.consequence == (
        "DWPose then runs on the CPU, 6 to 120 times slower, and onnxruntime says so only on stderr"
    )
    assert told.because[1:] == (
        (
            "DWPose's pose network took 44.58 ms by onnxruntime on an i7-11700, 7.68 ms by TensorRT on a "
            "GTX 1660 Ti [documented: open-mmlab/mmpose, projects/rtmpose/README.md, WholeBody 2d, commit 0415322 (2023), "
            "2026-11-29]"
        ),
        (
            "DWPose in MimicMotion took 4 s a picture by onnxruntime, 1/30 s by onnxruntime-gpu "
            "[documented: Tencent/MimicMotion, issue 44 (2024-07-16), 2026-11-29]"
        ),
    )


def test_the_measurements_stand_once_at_the_first_finding_that_needs_them():
    other, first, second = with_numbers((finding("import fails"), finding(ON_CPU), finding(SLOWER)), facts())
    assert [len(one.because) for one in (other, first, second)] == [1, 3, 1]
    assert second.consequence == "6 to 120 times slower"


def test_a_consequence_that_is_none_of_the_cpu_stays_as_it_is():
    other = finding("`import torch` fails")
    assert with_number(other, facts()) is other


def test_what_an_error_text_means_gives_the_same_number():
    told = with_number(finding(SLOWER), facts()).consequence
    words = load_causes(facts().root).words
    assert told in words["ort_cpu_only"].consequence
    assert told in words["dwpose_cpu_fallback"].consequence
