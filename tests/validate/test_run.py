import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from stackfix.errors import QuestionError, TargetError
from stackfix.model.verdict import Verdict
from stackfix.validate.inside import witness
from stackfix.validate.inside.reckoning import Reckoned
from stackfix.validate.run import run
from stackfix.validate.weights import Weights

FAKE = Path(__file__).parent / "fake_onnxruntime.py"

_TWINS = """
import sys
from pathlib import Path
from stackfix.facts.root import data_root
from stackfix.validate.inside import witness
from stackfix.validate.inside.reckoning import Reckoned
from stackfix.validate.run import run
from stackfix.validate.weights import twins
verdict = run(Path(sys.executable), device="cpu", weights=twins(data_root()), repeats=1)
print(verdict.state, verdict.code, verdict.reason, sep="|")
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "onnxruntime").mkdir()
    shutil.copy(FAKE, site / "onnxruntime" / "__init__.py")
    # numpy, cv2 and the real onnxruntime, which the fake computes with, come after it
    (site / "more.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def asked(
    python: Path, weights: Weights, mode: str, *, device: str = "gpu", timeout: float = 60, **more: str
) -> Verdict:
    variables = {**os.environ, "FAKE_ONNXRUNTIME": mode, "LD_LIBRARY_PATH": "", **more}
    return run(python, device=device, weights=weights, timeout=timeout, repeats=1, environment=variables)


def answer(verdict: Verdict, name: str) -> bool | None:
    return next(check.ok for check in verdict.checks if check.name == name)


def test_the_real_onnxruntime_proves_dwpose_on_the_cpu(weights):
    verdict = run(Path(sys.executable), device="cpu", weights=weights, repeats=1)
    assert verdict.state == "proved on cpu"
    assert verdict.provider == "CPUExecutionProvider"
    assert len(verdict.people) == verdict.detected == 3
    assert all(len(person.keypoints) == len(person.scores) == 134 for person in verdict.people)
    assert answer(verdict, "boxes") is answer(verdict, "keypoints") is True


def test_the_real_cpu_build_fails_a_gpu_request_with_its_own_words(weights):
    verdict = run(Path(sys.executable), device="gpu", weights=weights)
    assert (verdict.state, verdict.code) == ("failed", "ort_cpu_only")
    said = next(check.text for check in verdict.checks if check.name == "gpu session")
    assert "explicitly disabled" in said
    assert "\x1b" not in said


def test_sessions_that_stay_on_the_gpu_are_proved_there(python, weights, driver):
    verdict = asked(python, weights, "gpu", FAKE_DRIVER=driver)
    assert verdict.state == "proved on gpu", verdict.checks
    assert verdict.provider == "CUDAExecutionProvider"
    assert verdict.code == ""


def test_a_program_of_its_own_may_round_as_tf32_does(python, weights, driver):
    assert asked(python, weights, "own program rounds", FAKE_DRIVER=driver).state == "proved on gpu"


def test_what_onnxruntime_said_to_a_program_of_its_own_is_kept(python, weights, driver):
    verdict = asked(python, weights, "own program raises", FAKE_DRIVER=driver)
    said = next(check.text for check in verdict.checks if check.name == "own program")
    assert said.splitlines()[0] == "RuntimeError: no plan for this convolution"
    assert "EP Error" in said


def test_an_onnxruntime_that_cannot_be_asked_where_outputs_lie_is_proved_without(python, weights, driver):
    verdict = asked(python, weights, "has another binding", FAKE_DRIVER=driver)
    assert verdict.state == "proved on gpu", verdict.checks
    assert answer(verdict, "bound outputs") is None


def renamed(path: Path, folder: Path, **names: str) -> Path:
    """Write a network whose inputs and outputs have other names."""
    model = onnx.load(path)
    for each in (*model.graph.input, *model.graph.output):
        each.name = names.get(each.name, each.name)
    for node in model.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    onnx.save(model, folder / path.name)
    return folder / path.name


@pytest.mark.parametrize("device", ["gpu", "cpu"])
def test_networks_with_other_names_are_taken_as_dwposes_own_code_takes_them(
    python, weights, driver, tmp_path, device
):
    other = replace(
        weights,
        detector=renamed(weights.detector, tmp_path, images="x:0", output="boxes"),
        pose=renamed(weights.pose, tmp_path, input="crop", simcc_x="across", simcc_y="down"),
    )
    verdict = asked(python, other, "gpu", device=device, FAKE_DRIVER=driver)
    assert verdict.state == f"proved on {device}", verdict.checks
    assert answer(verdict, "boxes") is answer(verdict, "keypoints") is True


def test_networks_whose_shapes_run_on_the_cpu_are_proved_by_counting_nodes(python, weights, driver):
    verdict = asked(python, weights, "refuses strictly", FAKE_DRIVER=driver)
    assert verdict.state == "proved on gpu"
    assert "2 Shape" in next(check.text for check in verdict.checks if check.name == "placement")


@pytest.mark.parametrize(
    ("mode", "name", "code"),
    [
        ("silent", "gpu session", "dwpose_cpu_fallback"),
        ("cpu build", "gpu session", "ort_cpu_only"),
        ("falls back in a run", "providers", "dwpose_cpu_fallback"),
        ("convolutions on the cpu", "placement", "dwpose_cpu_fallback"),
        ("binds to the cpu", "bound outputs", "dwpose_cpu_fallback"),
        ("copies other numbers", "bound outputs", "dwpose_cpu_fallback"),
        ("binds other numbers", "bound numbers", "wrong_numbers"),
        ("no memory to bind", "gpu run", "gpu_memory"),
        ("several break off", "several people", "package_broken"),
        ("own program computes nothing", "own numbers", "wrong_numbers"),
        ("own program raises", "own program", "dwpose_cpu_fallback"),
        ("own program on the cpu", "own program", "dwpose_cpu_fallback"),
        ("wrong numbers", "numbers", "wrong_numbers"),
        ("no numbers", "finite gpu numbers", "wrong_numbers"),
        ("sees a crowd", "crowd", "wrong_numbers"),
        ("raises", "gpu session", "driver_too_old"),
        ("raises on import", "import onnxruntime", "cuda_runtime_missing"),
        ("leaves on import", "import onnxruntime", "package_broken"),
        ("is not whole", "import onnxruntime", "package_broken"),
    ],
)
def test_what_is_not_the_gpu_fails_by_the_check_that_sees_it(python, weights, driver, mode, name, code):
    verdict = asked(python, weights, mode, FAKE_DRIVER=driver)
    assert verdict.state == "failed", verdict
    assert answer(verdict, name) is False
    assert verdict.code == code
    assert verdict.fix or code in {"dwpose_cpu_fallback", "wrong_numbers"}


def test_onnxruntimes_word_alone_proves_nothing(python, weights):
    verdict = asked(python, weights, "gpu")
    assert (verdict.state, verdict.code) == ("failed", "dwpose_cpu_fallback")
    assert [check.name for check in verdict.checks if check.ok is False] == ["driver"]
    assert "sitecustomize.py" in verdict.fix


def test_what_answers_for_onnxruntime_is_seen_on_the_cpu_too(python, weights):
    verdict = asked(python, weights, "says cuda", device="cpu")
    assert (verdict.state, verdict.code) == ("failed", "dwpose_cpu_fallback")
    assert "opened on the CPU alone" in verdict.reason
    assert "sitecustomize.py" in verdict.fix


@pytest.mark.parametrize(
    ("mode", "more", "said"),
    [
        ("gpu", {"STUB_CONTEXT": "0"}, "has no context of this process on any GPU"),
        ("gpu", {"STUB_NO_GPU": "1"}, "gives no GPU: it finds no GPU"),
        ("has no provider", {}, "has not mapped libonnxruntime_providers_cuda.so"),
        ("gpu", {"STUB_COMPUTES": "nothing"}, "and 256 of 256 numbers are wrong"),
    ],
)
def test_what_the_driver_and_the_system_know_nothing_of_is_no_run_on_the_gpu(
    python, weights, driver, mode, more, said
):
    verdict = asked(python, weights, mode, FAKE_DRIVER=driver, **more)
    assert verdict.state == "failed"
    assert said in next(check.text for check in verdict.checks if check.name == "driver")


@pytest.mark.parametrize(
    ("memory", "said"), [("elsewhere", "knows of no GPU memory"), ("other", "holds other numbers")]
)
def test_outputs_that_the_driver_does_not_have_do_not_lie_on_the_gpu(python, weights, driver, memory, said):
    verdict = asked(python, weights, "gpu", FAKE_DRIVER=driver, STUB_MEMORY=memory)
    assert verdict.state == "failed"
    assert said in next(check.text for check in verdict.checks if check.name == "bound outputs")


@pytest.mark.parametrize(
    ("mode", "code", "word"),
    [
        ("segfault", "validator_crashed", "SIGSEGV"),
        ("abort", "validator_crashed", "SIGABRT"),
        ("killed", "validator_crashed", "SIGKILL"),
        ("stops", "validator_no_answer", "no complete answer"),
        ("answers by itself", "validator_no_answer", "no complete answer"),
        ("floods", "validator_crashed", "when it had printed "),
        ("binary", "gpu_memory", "status 3"),
    ],
)
def test_a_process_that_dies_is_a_failed_verdict_that_says_where(python, weights, mode, code, word):
    verdict = asked(python, weights, mode)
    assert (verdict.state, verdict.code) == ("failed", code)
    assert "open the networks on the GPU" in verdict.reason
    assert word in verdict.reason
    assert all("\x1b" not in check.text and "\x00" not in check.text for check in verdict.checks)
    assert answer(verdict, "models") is True  # what was answered before is kept


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process are set as on Linux")
def test_a_machine_without_memory_is_told_from_a_broken_network(weights):
    limited = [
        "sh",
        "-c",
        'ulimit -v "$1" && shift && exec "$@"',
        "sh",
        "1000000",
        sys.executable,
        "-c",
        _TWINS,
    ]
    done = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split("|")[:2] == ["failed", "system_memory"], done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are put first as on Linux")
@pytest.mark.parametrize(
    ("library", "code"),
    [("abort();", "validator_crashed"), ("for (;;) sleep(60);", "validator_hung")],
)
def test_a_library_before_the_environments_own_that_ends_an_import_is_suspected(
    tmp_path, weights, library, code
):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    (site,) = tmp_path.glob("venv/lib/python*/site-packages")
    (site / "numpy").mkdir()
    (site / "numpy" / "__init__.py").write_text("import ctypes\nctypes.CDLL('libfirst.so')\n")
    source = f"#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) void first(void) {{ {library} }}\n"
    (tmp_path / "first.c").write_text(source)
    made = [compiler, "-shared", "-fPIC", "-o", str(tmp_path / "libfirst.so"), str(tmp_path / "first.c")]
    subprocess.run(made, check=True)
    verdict = run(
        tmp_path / "venv" / "bin" / "python",
        device="cpu",
        weights=weights,
        timeout=5,
        environment={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
    )
    assert (verdict.state, verdict.code) == ("failed", code)
    assert "import numpy" in verdict.reason
    assert "`env -u LD_LIBRARY_PATH stackfix validate ...`" in verdict.fix


def test_a_hang_ends_at_the_time_limit(python, weights):
    verdict = asked(python, weights, "hang", timeout=8)
    assert (verdict.state, verdict.code) == ("failed", "validator_hung")
    assert "8 s" in verdict.reason
    assert "`--timeout SECONDS`" in verdict.fix


def test_python_variables_of_the_user_do_not_reach_the_child(python, weights, driver, tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    variables = {
        **os.environ,
        "FAKE_ONNXRUNTIME": "gpu",
        "FAKE_DRIVER": driver,
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": "/nowhere",
    }
    verdict = run(python, device="gpu", weights=weights, repeats=1, environment=variables)
    assert verdict.state == "proved on gpu"
    said = {check.name: check.text for check in verdict.checks if check.name.startswith("PYTHON")}
    assert said == {
        "PYTHONPATH": f"is set, and was left out: {tmp_path}; programs that keep it may import other packages",
        "PYTHONHOME": "is set, and was left out: /nowhere; programs that keep it may import other packages",
    }


def test_a_library_path_is_kept_and_said(python, weights):
    variables = {
        **os.environ,
        "FAKE_ONNXRUNTIME": "gpu",
        "LD_LIBRARY_PATH": "/opt/somewhere",
        "LD_PRELOAD": "/a.so",
    }
    verdict = run(python, device="gpu", weights=weights, repeats=1, environment=variables)
    assert any(check.name == "LD_LIBRARY_PATH" and "/opt/somewhere" in check.text for check in verdict.checks)
    assert any(check.name == "LD_PRELOAD" and "/a.so" in check.text for check in verdict.checks)


def test_a_picture_that_is_none_is_a_failed_verdict(weights, tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    verdict = run(Path(sys.executable), device="cpu", weights=weights, image=tmp_path / "text.png")
    assert (verdict.state, verdict.code) == ("failed", "picture_unreadable")


def test_a_python_that_is_not_there_is_an_error_not_a_verdict(weights, tmp_path):
    with pytest.raises(TargetError, match="no such Python"):
        run(tmp_path / "python", device="cpu", weights=weights)


def test_a_file_that_is_no_python_is_a_failed_verdict(weights, tmp_path):
    (tmp_path / "python").write_text("nothing")
    verdict = run(tmp_path / "python", device="cpu", weights=weights)
    assert verdict.state == "failed"
    assert "can't be started" in verdict.reason


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("import os; os._exit(0)", "validator_no_answer"),
        ("raise SystemExit(3)", "validator_crashed"),
        ("import time; time.sleep(60)", "validator_hung"),
    ],
)
def test_what_an_environment_runs_at_every_start_is_named_where_nothing_came(tmp_path, weights, start, code):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    (site,) = tmp_path.glob("lib/python*/site-packages")
    (site / "sitecustomize.py").write_text(start)
    verdict = run(tmp_path / "bin" / "python", device="cpu", weights=weights, timeout=5)
    assert (verdict.state, verdict.code) == ("failed", code)
    assert "sitecustomize.py" in verdict.fix


def test_an_unknown_device_is_a_question_error(weights):
    with pytest.raises(QuestionError, match="tpu"):
        run(Path(sys.executable), device="tpu", weights=weights)


def test_an_interpreter_named_from_the_folder_at_hand_is_found(python, weights, driver, monkeypatch):
    monkeypatch.chdir(python.parent)
    assert asked(Path(python.name), weights, "gpu", FAKE_DRIVER=driver).state == "proved on gpu"


REFUSED = Reckoned(ok=None, text="the driver runs no program of ours: cuModuleLoadData gives 221")


@pytest.mark.parametrize(
    ("files", "reckoned", "ok"),
    [
        ([], REFUSED, False),
        (["/dev/nvidia0"], REFUSED, True),
        (None, REFUSED, True),
        # a library that computes on a GPU of another machine has no device here
        ([], Reckoned(ok=True, text="right"), True),
        (["/dev/nvidia0"], Reckoned(ok=False, text="wrong"), False),
    ],
)
def test_a_driver_without_devices_must_compute_to_be_believed(files, reckoned, ok):
    driver = {"found": True, "result": 0, "devices": 1, "used": [0], "device files": files}
    seen = witness.judge(driver, None, lambda index: reckoned if index == 0 else None)
    assert seen.ok is ok
    assert reckoned.text in seen.text
