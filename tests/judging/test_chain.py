"""Each link of the chain is what was seen of it: works, broken with its cause, not found, or unknown."""

import pytest
from msgspec.structs import replace

from stackfix.judging.chain import Evidence, chain
from stackfix.model.environment import Build, Distribution, Environment, SharedLibrary
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Machine, Platform, Trouble
from stackfix.model.report import Finding, Report
from stackfix.model.verdict import Check, Verdict
from stackfix.versions import DriverVersion, PythonVersion

SITE = "/home/ann/env/lib/python3.12/site-packages"
NOWHERE = Unknown(("NVML: libnvidia-ml.so.1 is not here", "nvidia-smi: not on PATH"))
CUDNN = "nvidia/cudnn/lib/libcudnn.so.9"
CUDART = "nvidia/cu13/lib/libcudart.so.13"
H100 = "torch 2.15.0 on NVIDIA H100, CUDA 13.0, cuDNN 91900: matmul 4e-07"
ORDERS = ("torch then onnxruntime", "onnxruntime then torch")


def distribution(name, version, *libraries, files=()):
    return Distribution(
        name=name,
        version=version,
        folder=f"{name}.dist-info",
        files=dict.fromkeys((*libraries, *files), ""),
        libraries=tuple(SharedLibrary(path=each) for each in libraries),
    )


GPU_SET = (
    distribution("nvidia-cuda-runtime", "13.0.96", CUDART),
    distribution("nvidia-cudnn-cu13", "9.19.0.56", CUDNN),
    distribution("torch", "2.15.0"),
    distribution("onnxruntime-gpu", "1.31.1", files=("onnxruntime/__init__.py",)),
)
CPU_SET = (distribution("onnxruntime", "1.31.1", files=("onnxruntime/__init__.py",)),)


def environment(distributions=GPU_SET):
    gpu = any(each.name == "torch" for each in distributions)
    return Environment(
        path="/home/ann/env",
        executable="/home/ann/env/bin/python",
        python=PythonVersion.parse("3.12.4"),
        site_packages=(SITE,),
        distributions=tuple(distributions),
        builds={"torch": Build("torch", "2.15.0", "13.0")} if gpu else {},
    )


def machine(driver="580.95.05", troubles=()):
    known = driver and Known(DriverVersion.parse(driver), "NVML")
    gpu = Gpu(name="NVIDIA H100", compute_capability=NOWHERE, memory_bytes=NOWHERE)
    return Machine(
        platform=Platform.parse("linux_x86_64"),
        glibc=Known((2, 36), "os.confstr"),
        driver=known or NOWHERE,
        cuda=NOWHERE,
        gpus=Known((gpu,), "NVML") if known else NOWHERE,
        pythons=(),
        free_disk_bytes=NOWHERE,
        troubles=troubles,
    )


def asked(*names, ok=True, text="fine"):
    return tuple(Check(name=name, ok=ok, text=text) for name in names)


def mapped(*paths):
    return Check(name="mapped libraries", ok=True, text=", ".join(paths))


ON_CPU = asked("import numpy", "import cv2", "import onnxruntime", "models", "finite numbers", "providers")
ON_GPU = (
    *ON_CPU,
    *asked("gpu session", "finite gpu numbers", "numbers", "own program", *ORDERS),
    Check(name="torch", ok=True, text=H100),
    mapped(f"{SITE}/{CUDART}", f"{SITE}/{CUDNN}", "/usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05"),
)


def verdict(state="proved on gpu", checks=ON_GPU, **more):
    provider = {"proved on gpu": "CUDAExecutionProvider", "proved on cpu": "CPUExecutionProvider"}.get(
        state, ""
    )
    return Verdict(
        **{
            "state": state,
            "reason": "DWPose ran",
            "checks": checks,
            "provider": provider,
            "weights": "standin",
            **more,
        }
    )


def finding(code, *about, severity="error"):
    return Finding(
        code=code,
        severity=severity,
        text=f"{code} it is",
        because=(),
        consequence="so",
        fix="mend it",
        about=about,
    )


def links(told, *findings, on=None, within=None):
    report = Report(path="/home/ann/env", findings=findings, good=(), unknown=())
    evidence = Evidence(
        verdict=told, report=report, machine=on or machine(), environment=within or environment()
    )
    return {each.name: each for each in chain(evidence)}


def states(found):
    return {name: link.state for name, link in found.items()}


def test_what_ran_on_the_gpu_works_and_says_of_which_package_and_which_path_it_is():
    found = links(verdict())
    assert set(states(found).values()) == {"works"}
    assert found["CUDA"].origin == (f"nvidia-cuda-runtime 13.0.96: {CUDART}",)
    assert found["cuDNN"].origin == (f"nvidia-cudnn-cu13 9.19.0.56: {CUDNN}",)
    assert found["driver"].origin == ("the system's /usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05",)
    assert found["driver"].text == "580.95.05 (NVML)"
    assert "torch computed right with cuDNN 91900 on NVIDIA H100" in found["cuDNN"].seen


def test_the_word_of_the_verdict_alone_proves_nothing():
    found = links(verdict(checks=()))
    assert states(found) == {
        "driver": "unknown",
        "CUDA": "unknown",
        "cuDNN": "unknown",
        "torch": "not asked",
        "onnxruntime": "not asked",
        "model": "not asked",
    }


def test_a_driver_that_no_reading_found_is_never_said_to_work_by_the_session_alone():
    unmapped = tuple(check for check in ON_GPU if check.name != "mapped libraries")
    found = links(verdict(checks=unmapped), on=machine(""))
    assert found["driver"].state == "unknown"


def test_a_driver_that_was_mapped_works_though_its_release_is_not_known():
    found = links(verdict(), on=machine(""))
    assert (found["driver"].state, found["driver"].text) == ("works", "its release is not known")
    assert "tried nvidia-smi: not on PATH" in found["driver"].seen


def test_a_driver_that_was_tried_and_not_found_is_not_found():
    found = links(verdict("proved on cpu", ON_CPU), on=machine(""), within=environment(CPU_SET))
    assert states(found) == {
        "driver": "not found",
        "CUDA": "not there",
        "cuDNN": "not there",
        "torch": "not there",
        "onnxruntime": "works",
        "model": "works",
    }
    assert found["driver"].seen[0] == "tried NVML: libnvidia-ml.so.1 is not here"


def test_a_gpu_set_that_ran_on_the_cpu_alone_is_unknown_on_the_gpu():
    checks = (*ON_CPU, *asked("torch", *ORDERS))
    found = links(verdict("not proved", checks, code="driver_missing", fix="ask elsewhere"), on=machine(""))
    assert states(found) == {
        "driver": "not found",
        "CUDA": "unknown",
        "cuDNN": "unknown",
        "torch": "unknown",
        "onnxruntime": "unknown",
        "model": "works",
    }
    assert [(why.code, why.fix) for why in found["driver"].broken] == [("driver_missing", "ask elsewhere")]


def test_a_trouble_of_the_machine_breaks_the_driver_and_not_the_packages():
    trouble = Trouble("nvml_mismatch", "the libraries are of another release")
    found = links(verdict(checks=()), finding("nvml_mismatch", "torch"), on=machine("", (trouble,)))
    assert found["driver"].state == "broken"
    assert found["torch"].state == "not asked"


def without(name, **failed):
    return tuple(
        Check(name=name, ok=False, text="it broke", **failed) if one.name == name else one for one in ON_GPU
    )


@pytest.mark.parametrize("name", ["torch", *ORDERS])
def test_a_failed_check_of_torch_in_any_order_breaks_torch_and_tells_cause_and_fix(name):
    found = links(verdict("failed", without(name, code="torch_broken", fix="do this")))
    assert found["torch"].state == "broken"
    assert [(why.code, why.text, why.fix) for why in found["torch"].broken] == [
        ("torch_broken", f"{name}: it broke", "do this")
    ]


def test_an_order_that_was_not_answered_leaves_torch_unknown():
    checks = tuple(
        Check(name=one.name, ok=None, text="no") if one.name == ORDERS[1] else one for one in ON_GPU
    )
    assert states(links(verdict(checks=checks)))["torch"] == "unknown"


def test_a_provider_that_cannot_load_breaks_onnxruntime_and_the_link_that_is_missing():
    text = "libcudnn.so.9 is missing (onnxruntime/capi/libonnxruntime_providers_cuda.so needs it)"
    check = Check(name="libraries", ok=False, text=text, code="cudnn_missing")
    found = links(
        verdict("failed", (check,)), finding("cudnn_missing", "onnxruntime-gpu", "nvidia-cudnn-cu13")
    )
    assert {name for name, state in states(found).items() if state == "broken"} == {"cuDNN", "onnxruntime"}
    assert found["onnxruntime"].broken[0].fix == "mend it"
    assert found["model"].seen == ("the proof ended before it: DWPose ran",)


def test_both_onnxruntime_packages_are_named():
    both = (distribution("onnxruntime", "1.30.0", files=("onnxruntime/__init__.py",)), *GPU_SET)
    found = links(verdict(), finding("both_ort_packages", "onnxruntime"), within=environment(both))
    assert found["onnxruntime"].text == "onnxruntime 1.30.0 and onnxruntime-gpu 1.31.1"
    assert found["onnxruntime"].state == "broken"


def test_a_warning_is_told_and_breaks_nothing():
    found = links(verdict(), finding("import_order_preload", "onnxruntime-gpu", severity="warning"))
    assert found["onnxruntime"].state == "works"
    assert [why.code for why in found["onnxruntime"].warnings] == ["import_order_preload"]


def test_what_crashed_while_torch_was_imported_breaks_torch():
    check = Check(
        name="run", ok=False, text="while it was to import torch: it crashed", code="validator_crashed"
    )
    found = links(verdict("failed", (check,)))
    assert [name for name, state in states(found).items() if state == "broken"] == ["torch"]


def test_wrong_numbers_break_the_model_alone():
    checks = (*ON_GPU, Check(name="keypoints", ok=False, text="off", code="wrong_numbers"))
    found = links(verdict("failed", checks, code="wrong_numbers"))
    assert [name for name, state in states(found).items() if state == "broken"] == ["model"]


def test_a_library_that_no_package_owns_is_said_to_be_the_systems():
    path = "/usr/local/cuda/lib64/libcudart.so.13"
    checks = tuple(one for one in ON_GPU if one.name != "mapped libraries")
    found = links(verdict(checks=(*checks, mapped(path))))
    assert found["CUDA"].origin == (f"the system's {path}",)


def test_a_library_of_a_conda_prefix_is_of_no_package_and_is_there():
    within = replace(environment(CPU_SET), beside=(SharedLibrary(path="../../libcudnn.so.9"),))
    found = links(verdict("proved on cpu", ON_CPU), within=within)
    assert (found["cuDNN"].state, found["cuDNN"].text) == ("unknown", "of no package")
    assert found["cuDNN"].origin == ("the environment's own: ../../libcudnn.so.9",)
