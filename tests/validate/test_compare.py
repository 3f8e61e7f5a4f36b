"""Options side by side: each in a child of its own; one that fails is told and ends no other."""

import os
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from stackfix.model.evidence import Known, Unknown
from stackfix.model.trial import Comparison, Trial
from stackfix.render.comparison_text import (
    comparison_document,
    comparison_lines,
    provider_lines,
    provider_list,
)
from stackfix.validate import compare as comparing
from stackfix.validate.compare import CPU_TRIALS, GPU_TRIALS, compare


def test_the_cpu_is_timed_with_each_option(weights):
    found = compare(Path(sys.executable), device="cpu", weights=weights, repeats=1)
    assert [trial.name for trial in found.trials] == [trial.name for trial in CPU_TRIALS]
    assert all(
        isinstance(trial.latency_ms, Known) and isinstance(trial.memory_bytes, Known)
        for trial in found.trials
    )
    assert provider_list(found) == ["CPUExecutionProvider"]


def test_a_trial_that_fails_says_why_and_the_others_run(weights, monkeypatch):
    broken = Trial(name="broken", settings={"no_such_setting": 1})
    monkeypatch.setattr(
        comparing, "CPU_TRIALS", (broken, Trial(name="one", settings={"intra_op_num_threads": 1}))
    )
    found = compare(Path(sys.executable), device="cpu", weights=weights, repeats=1)
    assert "no_such_setting" in found.trials[0].failed
    assert found.best is found.trials[1]


def test_a_build_without_cuda_recommends_nothing_for_the_gpu(weights):
    found = compare(
        Path(sys.executable),
        device="gpu",
        weights=weights,
        repeats=1,
        environment={**os.environ, "LD_LIBRARY_PATH": ""},
    )
    assert len(found.trials) == len(GPU_TRIALS)
    assert all("CPUExecutionProvider" in trial.failed for trial in found.trials)
    assert found.best is None
    assert provider_lines(found) == ["no trial ran, so nothing can be recommended"]


def trial(name, latency, **more):
    return Trial(name=name, latency_ms=Known(latency, "clock"), first_ms=Known(latency * 9, "clock"), **more)


UNKNOWN = Unknown(("not asked",))


def comparison(*trials, free=UNKNOWN, again=UNKNOWN):
    return Comparison(device="gpu", weights="twin", trials=trials, free_bytes=free, again=again)


@pytest.mark.parametrize(("again", "steady"), [(10.9, True), (11.1, False), (9.0, False), (9.2, True)])
def test_where_the_defaults_themselves_vary_nothing_is_recommended(again, steady):
    found = comparison(trial("defaults", 10.0), trial("other", 5.0), again=Known(again, "clock"))
    assert found.steady is steady
    assert found.best is found.trials[1 if steady else 0]
    assert any("too busy" in line for line in comparison_lines(found)) is not steady
    assert any("too busy" in line for line in provider_lines(found)) is not steady


@pytest.mark.parametrize(
    ("latency", "best"), [(9.5, "defaults"), (9.0, "defaults"), (8.9, "other"), (20.0, "defaults")]
)
def test_an_option_is_recommended_only_where_it_is_a_tenth_faster(latency, best):
    found = comparison(trial("defaults", 10.0), trial("other", latency))
    assert found.best is not None
    assert found.best.name == best


def test_trials_are_told_side_by_side_and_the_best_as_code():
    found = comparison(
        trial("defaults", 10.0, memory_bytes=Known(1_900_000_000, "NVML")),
        trial("heuristic search", 8.0, provider_options={"cudnn_conv_algo_search": "HEURISTIC"}),
        Trial(name="channels last", failed="Unknown provider option: prefer_nhwc\nmore"),
        free=Known(8_000_000_000, "NVML"),
    )
    assert comparison_lines(found) == snapshot(
        [
            "the full-size twins on the GPU, opened in several ways",
            "options               median       first  memory",
            "defaults             10.0 ms     90.0 ms  1.9 GB",
            "heuristic search      8.0 ms     72.0 ms  not known",
            "channels last     failed: Unknown provider option: prefer_nhwc",
        ]
    )
    lines = provider_lines(found)
    assert lines == snapshot(
        [
            "# measured here with the full-size twins: heuristic search (8.0 ms), against onnxruntime's defaults (10.0 ms)",
            "# gpu_mem_limit: for each of the two sessions half of nine tenths of the 8.0 GB that were free",
            "import onnxruntime",
            "",
            "options = onnxruntime.SessionOptions()",
            "providers = [('CUDAExecutionProvider', {'cudnn_conv_algo_search': 'HEURISTIC', 'gpu_mem_limit': 3600000000}), 'CPUExecutionProvider']",
            'session = onnxruntime.InferenceSession("yolox_l.onnx", sess_options=options, providers=providers)',
        ]
    )
    compile("\n".join(lines), "pasted", "exec")
    assert comparison_document(found)["options"][2]["failed"].startswith("Unknown provider")


def test_defaults_that_nothing_beats_are_named_so():
    found = comparison(trial("defaults", 10.0), trial("heuristic search", 9.8))
    assert provider_lines(found)[0] == snapshot(
        "# measured here with the full-size twins: onnxruntime's defaults (10.0 ms); nothing that was tried is faster by a tenth"
    )
