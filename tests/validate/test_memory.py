"""Memory of the GPU that does not suffice is known as that, with who holds it and what would make room."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from stackfix.model.evidence import Known, Unknown
from stackfix.render.verdict_text import verdict_figures
from stackfix.validate.memory import lack_of_memory
from stackfix.validate.run import run

FAKE = Path(__file__).parent / "fake_onnxruntime.py"
STUB = Path(__file__).parent / "stub_memory.c"
GB = 1_000_000_000


@pytest.fixture(scope="module")
def place(tmp_path_factory, driver):
    """Return a folder with an interpreter that has the fake onnxruntime, and an NVML that says what it is told."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("memory")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    site = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    (site / "onnxruntime").mkdir()
    shutil.copy(FAKE, site / "onnxruntime" / "__init__.py")
    (site / "more.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made = [compiler, "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(STUB)]
    subprocess.run(made, check=True)
    for each in Path(driver).iterdir():
        shutil.copy(each, folder)
    return folder


def asked(place, weights, mode, *, total, free, held="", grows=0, **more):
    numbers = {"STUB_TOTAL": str(total), "STUB_FREE": str(free), "STUB_HELD": held, "STUB_GROWS": str(grows)}
    numbers |= more
    return run(
        place / "venv" / "bin" / "python",
        device="gpu",
        weights=weights,
        repeats=1,
        environment={
            **os.environ,
            "FAKE_ONNXRUNTIME": mode,
            "LD_LIBRARY_PATH": str(place),
            **numbers,
            "FAKE_DRIVER": str(place),
        },
    )


def test_cudnn_that_gets_no_memory_names_who_holds_it(place, weights):
    full = {"total": 24 * GB, "free": 300_000_000, "held": f"1:{23 * GB},0:200000000"}
    verdict = asked(place, weights, "cudnn gets no memory", **full)
    assert (verdict.state, verdict.code) == ("failed", "gpu_memory")
    assert verdict.reason == snapshot(
        "the GPU's memory did not suffice: cuDNN could not start, which it says when it gets no memory; 0.3 GB of 24.0 GB were free when this run had taken 0.2 GB and asked for more, the networks' weights alone take 1 MB"
    )
    assert "(process 1) 23.0 GB; end what is not needed" in verdict.fix
    assert "23.5 GB would be free without" in verdict.fix


@pytest.mark.parametrize(("counted", "code"), [("second", "gpu_memory"), ("first", "cudnn_broken")])
def test_of_two_gpus_the_memory_of_that_one_is_told_that_cuda_counts_first(place, weights, counted, code):
    full = {"total": 24 * GB, "free": 300_000_000, "held": f"1:{23 * GB}", "STUB_SECOND": counted}
    verdict = asked(place, weights, "cudnn gets no memory", **full)
    assert (verdict.state, verdict.code) == ("failed", code)
    assert ("(process 1) 23.0 GB" in verdict.fix) == (code == "gpu_memory")


@pytest.mark.parametrize(("instance", "code"), [("2", "gpu_memory"), ("1", "cudnn_broken")])
def test_of_a_gpu_that_is_cut_the_memory_of_the_own_instance_is_told(place, weights, instance, code):
    full = {"total": 80 * GB, "free": 300_000_000, "held": f"1:{7 * GB}", "STUB_MIG": instance}
    verdict = asked(place, weights, "cudnn gets no memory", **full)
    assert (verdict.state, verdict.code) == ("failed", code)
    assert ("0.3 GB of 8.0 GB were free" in verdict.reason) == (code == "gpu_memory")
    assert ("(process 1) 7.0 GB" in verdict.fix) == (code == "gpu_memory")


def test_cudnn_that_does_not_start_with_much_free_is_broken(place, weights):
    verdict = asked(place, weights, "cudnn gets no memory", total=24 * GB, free=20 * GB)
    assert (verdict.state, verdict.code) == ("failed", "cudnn_broken")


def test_a_run_that_finds_no_memory_says_what_it_had_taken(place, weights):
    verdict = asked(place, weights, "no memory to run", total=2 * GB, free=100_000_000, held=f"0:{GB}")
    assert (verdict.state, verdict.code) == ("failed", "gpu_memory")
    assert "had taken 1.0 GB and asked for more" in verdict.reason
    assert verdict.fix.startswith("end other programs on the GPU")


def test_memory_for_one_person_and_not_for_several_is_told_as_that(place, weights):
    verdict = asked(place, weights, "memory for one", total=2 * GB, free=100_000_000, held=f"0:{GB}")
    assert (verdict.state, verdict.code) == ("failed", "gpu_memory")
    assert "for one person at a time 1.0 GB sufficed" in verdict.reason
    assert verdict.fix.startswith("pose people one at a time")


def test_what_a_further_person_takes_is_measured_and_so_how_many_fit(place, weights):
    verdict = asked(place, weights, "gpu", total=24 * GB, free=4 * GB, held=f"0:{GB}", grows=30_000_000)
    assert verdict.state == "proved on gpu"
    assert verdict.gpu_free_bytes == Known(4 * GB, "NVML, after the run")
    assert isinstance(verdict.person_bytes, Known)
    free = dict(verdict_figures(verdict))["free"]
    assert free.startswith("4.0 GB of the GPU; a further person at once takes ")
    assert free.endswith(f": about {4 * GB // verdict.person_bytes.value} fit")


def test_a_process_that_does_not_grow_tells_nothing_of_further_people(place, weights):
    verdict = asked(place, weights, "gpu", total=24 * GB, free=4 * GB, held=f"0:{GB}")
    assert isinstance(verdict.person_bytes, Unknown)
    assert dict(verdict_figures(verdict))["free"] == "4.0 GB of the GPU"


def state(free, total, *held):
    processes = [{"pid": pid, "name": name, "bytes": count} for pid, name, count in held]
    return {"gpu state": [{"gpu": 0, "free": free, "total": total, "processes": processes}]}


@pytest.mark.parametrize(
    "text",
    [
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
        "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "CUBLAS_STATUS_NOT_INITIALIZED",
        "CUDNN_STATUS_INTERNAL_ERROR",
    ],
)
def test_the_words_of_each_library_are_known_where_little_is_free(text):
    assert lack_of_memory(text, state(10_000_000, 8 * GB)) is not None


@pytest.mark.parametrize(
    "text", ["CUBLAS_STATUS_NOT_INITIALIZED", "CUDNN_STATUS_INTERNAL_ERROR", "invalid argument"]
)
def test_with_room_enough_only_plain_words_are_taken_for_memory(text):
    assert lack_of_memory(text, state(7 * GB, 8 * GB)) is None


def test_no_more_programs_are_named_than_make_room():
    values = {
        **state(GB // 10, 24 * GB, (5, "small", GB), (7, "train", 20 * GB), (8, "serve", 2 * GB)),
        "network bytes": GB,
    }
    assert lack_of_memory("out of memory", values).fix == snapshot(
        "it is held by `train` (process 7) 20.0 GB; end what is not needed, then try again: 20.1 GB would be free without"
    )


def test_a_gpu_smaller_than_the_networks_is_said_to_be_too_small():
    lack = lack_of_memory("out of memory", {**state(10, 300_000_000), "network bytes": 350_000_000})
    assert lack.fix == "this GPU is too small for both networks, whatever else is ended"


def test_memory_that_nobody_is_named_for_is_held_outside():
    assert (
        "6.0 GB are held by programs that NVML does not name here"
        in lack_of_memory("out of memory", {**state(2 * GB, 8 * GB), "network bytes": GB}).fix
    )
