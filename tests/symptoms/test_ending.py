"""What a program ended with stands before what it had only warned of; the first of a chain is the reason of the rest."""

from __future__ import annotations

import pytest

from stackfix.symptoms.ending import last_failure
from stackfix.symptoms.text import text_of

WARNED = "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.2.0"
TRACEBACK = 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n'
FULL = "torch.OutOfMemoryError: CUDA out of memory."
CHAINED = "\nDuring handling of the above exception, another exception occurred:\n\n"


def test_what_ends_the_program_comes_first(codes):
    assert codes(f"{WARNED}\n{TRACEBACK}{FULL}") == ["gpu_memory", "numpy2_abi"]
    assert codes(f"{WARNED}\n{FULL}") == ["numpy2_abi", "gpu_memory"]


def test_what_is_far_less_sure_does_not(codes):
    text = f"UserWarning: Found no NVIDIA driver on your system.\n{TRACEBACK}RuntimeError: but CUDA is not available"
    assert codes(text)[0] == "driver_missing"


@pytest.mark.parametrize("many", [1, 5, 300])
def test_a_chain_begins_with_its_first(many):
    first = f"one\n{TRACEBACK}ImportError: first\n"
    text = text_of(
        f"{TRACEBACK}ValueError: before\n{first}" + (CHAINED + f"{TRACEBACK}ImportError: next\n") * many
    )
    start = last_failure(text)
    assert text.text[start:].startswith("Traceback")
    if many < 20:
        assert start == text.text.index("one\n") + 4


def test_a_text_without_a_failure_has_none():
    assert last_failure(text_of("all is well")) == len("all is well")
    assert last_failure(text_of("")) == 0
