"""torch beside onnxruntime: what a child says of it, and what is made of a child that dies.

That torch itself computes right is asked of real environments; here are the numbers, and torches that break.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import standin_scene
from stackfix.facts.root import data_root
from stackfix.model.verdict import Verdict
from stackfix.validate import journal, truth
from stackfix.validate.child import Answer
from stackfix.validate.inside import torch_proof, torch_standin
from stackfix.validate.judge import judge
from stackfix.validate.run import run
from stackfix.validate.torch_orders import ORDERS, beside_torch
from stackfix.validate.weights import standins

FAKE = Path(__file__).parent / "fake_onnxruntime.py"
TORCH = """
import os, time
mode = os.environ["FAKE_TORCH"]
if mode == "segfault":
    os.kill(os.getpid(), 11)
if mode == "hang":
    time.sleep(600)
if mode == "library":
    raise ImportError("libcudnn.so.9: cannot open shared object file: No such file or directory")
if mode == "tell":
    import sys
    raise ImportError(f"told {sys.pycache_prefix} {sys.dont_write_bytecode}")
if mode == "binary":
    os.write(2, b"\\xff\\x00\\x1b[31m" * 9)
    os._exit(3)
__version__ = "2.0.0+cpu"
class version:
    cuda = None
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torch") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for name in ("torch", "onnxruntime"):
        (site / name).mkdir()
    (site / "torch" / "__init__.py").write_text(TORCH)
    shutil.copy(FAKE, site / "onnxruntime" / "__init__.py")
    (site / "more.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def asked(python: Path, weights, mode: str, *, device: str = "cpu", timeout: float = 60) -> Verdict:
    variables = {**os.environ, "FAKE_ONNXRUNTIME": "gpu", "FAKE_TORCH": mode, "LD_LIBRARY_PATH": ""}
    return run(python, device=device, weights=weights, timeout=timeout, repeats=1, environment=variables)


def test_children_share_what_they_compile_of_a_torch_that_is_not_and_write_nothing_beside_it(python, weights):
    torch = next(python.parent.parent.glob("lib/python*/site-packages/torch"))

    def told() -> list[str]:
        checks = asked(python, weights, "tell").checks
        return [check.text.partition("told ")[2] for check in checks if "told " in check.text]

    first, second = told()
    assert first == second
    assert Path(first.partition(" ")[0]).name.startswith("stackfix-validate-")
    assert first.endswith(" False")
    assert not Path(first.partition(" ")[0]).exists()
    assert not list(python.parent.parent.rglob("__pycache__"))
    compiled = torch / "__pycache__"
    compiled.mkdir()
    (compiled / "__init__.cpython-00.pyc").touch()
    try:
        assert told() == ["None True", "None True"]
    finally:
        shutil.rmtree(compiled)


@pytest.mark.parametrize(
    ("mode", "code", "word"),
    [
        ("segfault", "torch_onnxruntime_order", "SIGSEGV"),
        ("library", "cudnn_missing", "libcudnn.so.9"),
        ("binary", "torch_onnxruntime_order", "status 3"),
    ],
)
def test_a_torch_that_breaks_is_a_failed_verdict_with_its_reason(python, weights, mode, code, word):
    verdict = asked(python, weights, mode)
    assert (verdict.state, verdict.code) == ("failed", code)
    failed = [check for check in verdict.checks if check.ok is False]
    assert any(word in check.text for check in failed)
    assert all("\x1b" not in check.text for check in failed)
    assert any(check.name == "keypoints" and check.ok for check in verdict.checks)


def test_a_torch_that_hangs_ends_at_the_time_limit(python, weights):
    verdict = asked(python, weights, "hang", timeout=15)
    assert verdict.state == "failed"
    assert any(check.name == ORDERS[0] and "without an answer" in check.text for check in verdict.checks)


def test_a_torch_without_cuda_is_no_gpu_environment(python, weights):
    verdict = asked(python, weights, "plain", device="gpu")
    assert (verdict.state, verdict.code) == ("failed", "torch_cpu_build")


def answer(lines, ended=""):
    text = "\n".join(json.dumps(each) for each in [*lines, {"end": True}])
    return Answer(journal=journal.read(text), ended=ended, printed="")


def check(name, *, ok=True):
    return {"check": {"name": name, "ok": ok, "text": name}}


@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (2.0, False)])
def test_the_people_of_torchscript_are_held_against_the_truth(weights, shift, ok):
    people = json.loads(weights.truth.read_text())["people"]
    people[0]["keypoints"] = [[x + shift, y] for x, y in people[0]["keypoints"]]
    seen = []

    def ask(request):
        seen.append(request["order"])
        return answer([check("torch"), {"value": "torchscript people", "is": people}])

    done = beside_torch(ask, weights, "cpu", journal.read(""))
    assert seen == list(ORDERS)
    assert {each.ok for each in done.checks if each.name == "torchscript keypoints"} == {ok}


def test_where_torch_is_there_but_was_not_asked_nothing_is_proved():
    names = ["models", "providers", "finite numbers"]
    lines = [*[check(name) for name in names], {"value": "torch is here", "is": True}]
    verdict = judge(answer(lines).journal, "cpu", truths=None, weights="standin")
    assert verdict.state == "not proved"
    assert ORDERS[1] in verdict.reason


def test_the_places_of_the_torchscript_stand_in_are_those_that_the_picture_was_made_with(weights):
    places, scores = torch_standin.places_of(str(weights.truth))
    assert np.abs(places - standin_scene.KEYPOINT_PLACES).max() < 1e-4
    assert scores.tolist() == pytest.approx(standin_scene.KEYPOINT_SCORES)


def test_the_tolerance_of_torch_stands_between_32_bits_and_tf32():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(512, 768)), random.normal(size=(768, 384))
    single = first.astype(np.float32) @ second.astype(np.float32)

    def tf32(array):
        bits = array.astype(np.float32).view(np.uint32)
        return ((bits + 0x1000) & 0xFFFFE000).view(np.float32).astype(np.float64)

    truly = first @ second
    largest = np.abs(truly).max()
    assert np.abs(single - truly).max() / largest < torch_proof.RELATIVE / 10
    assert np.abs(tf32(first) @ tf32(second) - truly).max() / largest > torch_proof.RELATIVE * 2


def test_fives_are_filled_up_and_cut_again():
    class Answer(np.ndarray):
        device = type("Device", (), {"type": "cpu"})

        def float(self):
            return self

        def cpu(self):
            return self

        def numpy(self):
            return np.asarray(self)

    sizes = []

    class NoGradient:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    class Tensor(np.ndarray):
        def to(self, device):
            return self

    class Torch:
        no_grad = NoGradient
        from_numpy = staticmethod(lambda array: array.view(Tensor))

    def network(given):
        sizes.append(len(given))
        marks = given[:, 0, 0, 0]
        return tuple(
            np.tile(np.asarray(marks)[:, None, None], (1, 133, bins)).view(Answer) for bins in (576, 768)
        )

    script = torch_standin.Script.__new__(torch_standin.Script)
    script._torch, script._network, script._device = Torch, network, "cpu"
    crops = np.zeros((7, 3, 384, 288), np.float32)
    crops[:, 0, 0, 0] = np.arange(7)
    across, down = script.run_pose(crops)
    assert sizes == [5, 5]
    assert across[:, 0, 0].tolist() == down[:, 5, 9].tolist() == list(range(7))


def test_people_of_rubbish_are_a_failed_check(weights):
    rubbish = [{"value": "torchscript people", "is": [7]}]
    done = beside_torch(lambda _: answer(rubbish), weights, "cpu", journal.read(""))
    assert [each.ok for each in done.checks] == [False, False]
    assert truth.read(weights.truth)


def test_without_opencv_the_orders_are_not_asked_and_one_line_says_why(python, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(python.parents[1], bare, symlinks=True)
    next(bare.glob("lib/*/site-packages/more.pth")).unlink()
    verdict = asked(bare / "bin" / "python", standins(data_root()), "plain")
    orders = {check.name: check for check in verdict.checks if check.name in ORDERS}
    assert verdict.code == "wrong_python_environment"
    assert orders[ORDERS[1]].ok is None
    assert orders[ORDERS[1]].text == "no network can be run without `numpy`, which is not in this environment"
    assert not any("Traceback" in check.text for check in verdict.checks)


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        ({"found": False, "used": None, "text": "libcuda.so.1: no such file"}, "no driver answers"),
        ({"found": True, "used": []}, "no context of this process"),
        ({"found": True, "used": [0]}, ""),
        ({"found": True, "used": None}, ""),
    ],
)
def test_what_torch_says_to_have_computed_on_a_gpu_the_driver_must_know_of(monkeypatch, driver, said):
    monkeypatch.setattr(torch_proof.libraries, "driver", lambda: driver)
    if said:
        with pytest.raises(RuntimeError, match=said):
            torch_proof._seen_by_driver()
    else:
        torch_proof._seen_by_driver()
