"""What a failed proof says to do can be done on the machine that it failed on."""

import sys
from pathlib import Path

import pytest

from stackfix import app, proving


def test_a_cpu_environment_asked_for_a_gpu_that_is_not_here_is_not_to_be_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proving, "_has_gpu", lambda _: False)
    verdict = app.validate(Path(sys.prefix), device="gpu", weights="standin")
    assert (verdict.state, verdict.code) == ("failed", "ort_cpu_only")
    assert "there is no NVIDIA GPU with a driver here" in verdict.fix
    assert "--device cpu" in verdict.fix
    assert "--replace" not in verdict.fix
