"""Texts whose lines a terminal has broken at its width."""

from __future__ import annotations

import pytest

from stackfix.symptoms.text import text_of
from stackfix.symptoms.wrapped import unwrapped

ASKED = (
    "ValueError: ['CUDAExecutionProvider'] does not contain a subset of available pro\n"
    "viders ['CPUExecutionProvider']"
)
WARNED = (
    "WARNING: onnxruntime-gpu is built with CUDA 11.8, which is not supported for\n"
    "preloading. CUDA 12.x or newer is required. Call preload_dlls with cuda=False"
)


def test_lines_that_were_broken_within_a_word_are_joined_without_a_space():
    assert next(unwrapped(text_of(ASKED))).text == ASKED.replace("\n", "")


def test_lines_that_were_broken_between_words_are_joined_with_a_space():
    assert [each.text for each in unwrapped(text_of(WARNED))][-1] == WARNED.replace("\n", " ")


def test_a_line_keeps_its_number_when_it_is_joined_to_the_one_before():
    joined = next(unwrapped(text_of(f"first\n{ASKED}\nlast")))
    assert [
        joined.line_at(joined.text.index(each)) for each in ("first", "ValueError", "viders", "last")
    ] == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "short\nlines", "a" * 300 + "\n" + "b" * 300, ("x" * 80 + "\n") * 900])
def test_a_text_that_no_window_has_broken_has_no_other_form(text):
    assert list(unwrapped(text_of(text))) == []


def test_a_line_before_an_empty_one_is_not_joined():
    assert list(unwrapped(text_of("x" * 80 + "\n\nand more"))) == []


@pytest.mark.parametrize(
    "after",
    [
        "I cudart_stub.cc:29] more",
        "2024-06-28 more",
        '  File "main.py", line 3',
        "OSError: more",
        "[INFO] more",
        "$ ls",
    ],
)
def test_a_line_that_begins_something_of_its_own_is_not_joined(after):
    assert list(unwrapped(text_of(f"{'x' * 80}\n{after}"))) == []


@pytest.mark.parametrize(("text", "code"), [(ASKED, "ort_cpu_only"), (WARNED, "cuda_major_mismatch")])
def test_what_is_said_over_the_end_of_a_line_is_named(text, code, codes):
    assert codes(text)[0] == code


def test_the_words_of_a_joined_line_are_quoted_with_its_number(named):
    assert named(f"$ python app.py\n{ASKED}")[0].because[0].startswith("line 2: ")


def test_a_reason_that_was_broken_is_named_before_its_consequence(codes):
    broken = (
        'Error loading "C:\\\\onnxruntime_providers_cuda.dll" which depends on "cudnn\n'
        '64_9.dll" which is missing. (Error 126)'
    )
    assert codes(broken)[0] == "cudnn_missing"


def test_lines_are_joined_only_where_nothing_is_known_in_them_as_they_are(codes):
    alone = "CUDA failure 999: unknown error ; GPU=-1 ; hostname=box ; expr=cudaSetDevice(id);"
    assert codes(f"{alone}\nno further words") == codes(alone)
