"""An error that is told of, in a FAQ, a list of changes or a table, is none; pasted with words around it, it is."""

from __future__ import annotations

import pytest

TOLD = {
    "a question of a FAQ": "## Problems\n\n### CUDA error: no kernel image is available\n\nTake a newer torch.\n\n### More\n",
    "a list of changes": "## 1.4.2\n- Fixed `torch.OutOfMemoryError: CUDA out of memory` when loading twice",
    "a fix of a commit": "* fix: handle operator torchvision::nms does not exist (#12)",
    "if you see": "If you see `Torch not compiled with CUDA enabled`, install torch from another index.",
    "the line after it": "If you get the following error:\nImportError: libGL.so.1: cannot open shared object file\ninstall it",
    "a row of a table": "| `CUDA out of memory` | take a smaller batch |",
}


@pytest.mark.parametrize("text", list(TOLD.values()), ids=list(TOLD))
def test_an_error_that_is_told_of_is_none(text, codes):
    assert codes(text) == []


PASTED = {
    "a question": "Hi, when I run it I get this error:\n\nAssertionError: Torch not compiled with CUDA enabled\n\nHelp?",
    "a form": "### What happened\nIt ends\n### Log\n```\nAssertionError: Torch not compiled with CUDA enabled\n```\n### System\n",
    "a heading and a traceback": "### a\n### b\n### AssertionError: Torch not compiled with CUDA enabled\n"
    "Traceback (most recent call last):\n",
    "nvidia-smi's table": "| NVIDIA-SMI 535.1   Driver Version: 535.1   CUDA Version: 12.2 |\n"
    "AssertionError: Torch not compiled with CUDA enabled",
}


@pytest.mark.parametrize("text", list(PASTED.values()), ids=list(PASTED))
def test_an_error_that_is_pasted_is_one(text, codes):
    assert codes(text) == ["torch_cpu_build"]
