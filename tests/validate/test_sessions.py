"""How sessions are opened on a GPU for numbers in 32 bits, and what of their words is kept."""

import os
import sys

import pytest

from stackfix.validate import child
from stackfix.validate.inside.sessions import CUDA, EXACT, exact_cuda, listening


@pytest.mark.parametrize("version", ["1.18.0", "1.31.1", "2.0.0.dev20261124"])
def test_numbers_in_32_bits_are_asked_of_the_session_and_not_of_the_process(monkeypatch, version):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    assert exact_cuda(version) == (CUDA, EXACT)
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ


@pytest.mark.parametrize("version", ["1.16.3", "1.17.1"])
def test_before_the_option_the_variable_has_to_do(monkeypatch, version):
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    assert exact_cuda(version) == CUDA
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"


def test_the_slow_search_that_was_asked_for_does_not_hide_what_went_wrong(tmp_path):
    warning = "[W:onnxruntime:Default, conv.cc:444 UpdateState] OP Conv(Conv_{}) running in Fallback mode. May be extremely slow.\n"
    with listening(str(tmp_path)) as heard:
        os.write(2, "".join(warning.format(number) for number in range(200)).encode())
        os.write(2, b"[E:onnxruntime:Default] CUDA failure 700: an illegal memory access\n")
    assert heard.text == "[E:onnxruntime:Default] CUDA failure 700: an illegal memory access\n"


def test_nor_does_it_where_the_process_dies(tmp_path):
    worker = tmp_path / "worker.py"
    line = "OP Conv(Conv_1) running in Fallback mode. May be extremely slow."
    worker.write_text(
        f"import os\nprint('the reason', flush=True)\nfor _ in range(500): print({line!r}, flush=True)\nos.abort()"
    )
    ended, printed = child._child([sys.executable, str(worker)], "{}", os.environ, tmp_path, 60, lambda: None)
    assert "SIGABRT" in ended
    assert printed.splitlines() == ["the reason"]
