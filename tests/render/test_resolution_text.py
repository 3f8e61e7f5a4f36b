"""What people read of a set and of a refusal, whole."""

import contextlib
import re

from inline_snapshot import snapshot
from msgspec.structs import replace

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.errors import NetworkError
from stackfix.model.evidence import Unknown
from stackfix.render.explanation_text import explanation_lines
from stackfix.render.resolution_text import resolution_lines, why_lines


def answer(*targets, **machine):
    question = MachineQuestion(python="3.12", glibc="2.35", platform="linux_x86_64", **machine)
    return app.resolve(Question(targets=targets or ("dwpose",), machine=question))


def roots(found):
    return [name for name in found.request.newest if name != "python"]


def dateless(lines):
    return [re.sub(r"\d{4}-\d{2}-\d{2}", "DATE", line) for line in lines]


def test_a_set_with_a_library_that_nothing_asked_for():
    found = answer(driver="580.95.05", gpus=("RTX 4090",))
    assert dateless(resolution_lines(found.result, roots(found), found.facts_date)) == snapshot(
        [
            "machine  driver 580.95.05, GeForce RTX 4090 (8.9), linux_x86_64, glibc 2.35",
            "set      Python 3.12, CUDA 13.2, facts of DATE",
            "",
            "  torch                   2.15.0",
            "  onnxruntime-gpu         1.31.1",
            "  torchvision             0.29.2",
            "  opencv-python-headless  5.0.0.93",
            "  numpy                   2.5.5",
            "  pip                     26.3",
            "  nvidia-curand           10.4.2.66   (added: onnxruntime-gpu 1.31.1 needs libcurand.so.10 of CUDA 13)",
            "  and 32 packages that these require",
            "",
            "download 3.4 GB at most",
        ]
    )


def test_a_set_whose_driver_is_not_known_says_what_it_rests_on():
    found = answer(gpus=("RTX 4090",))
    assert dateless(resolution_lines(found.result, roots(found), found.facts_date)) == snapshot(
        [
            "machine  driver unknown, GeForce RTX 4090 (8.9), linux_x86_64, glibc 2.35",
            "set      Python 3.12, CUDA 13.2, facts of DATE",
            "",
            "  torch                   2.15.0",
            "  onnxruntime-gpu         1.31.1",
            "  torchvision             0.29.2",
            "  opencv-python-headless  5.0.0.93",
            "  numpy                   2.5.5",
            "  pip                     26.3",
            "  nvidia-curand           10.4.2.66   (added: onnxruntime-gpu 1.31.1 needs libcurand.so.10 of CUDA 13)",
            "  and 32 packages that these require",
            "",
            "download 3.4 GB at most",
            "unknown  holds only if: driver branch 520 is the first that knows compute capability 8.9 (Ada Lovelace) [documented: https://docs.nvidia.com/datacenter/tesla/drivers/cuda-toolkit-driver-and-architecture-matrix.html, DATE]",
            "unknown  holds only if: onnxruntime-gpu 1.31.1 needs libcuda.so.1, which the NVIDIA driver brings [measured: onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl, DATE]",
            "unknown  holds only if: CUDA 13 needs NVIDIA driver 580.65.06 or newer [documented: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (CUDA 13.4 Update 1 edition, sec. 2.2), DATE]",
        ]
    )


def test_a_machine_whose_glibc_is_not_known_is_told_the_newest_that_is_needed_once():
    question = MachineQuestion(python="3.12", platform="linux_aarch64", driver="580.95.05", gpus=("GH200",))
    found = app.resolve(Question(targets=("dwpose",), machine=question))
    needing = [fact for fact in found.result.open_facts if "needs glibc" in fact.text]
    assert len(needing) > 10
    told = [
        line for line in resolution_lines(found.result, roots(found), found.facts_date) if "glibc" in line
    ]
    assert len(told) == 1
    assert (
        f"onnxruntime-gpu 1.31.1 needs glibc 2.34 or newer, {len(needing) - 1} more packages this or an older one"
        in told[0]
    )


def test_why_not_newer_for_what_was_asked():
    found = answer(driver="535.104.05", gpus=("RTX 3090",))
    assert dateless(why_lines(found.result, ["torch", "onnxruntime-gpu", "torchvision"]))[:14] == snapshot(
        [
            "torch 2.10.0: recipe dwpose asks for torch",
            "    not 2.11.0, because",
            "      torch 2.11.0 was built with CUDA 13.0",
            "          [measured: torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl, DATE]",
            "      CUDA 13 needs NVIDIA driver 580.65.06 or newer",
            "          [documented: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (CUDA 13.4",
            "           Update 1 edition, sec. 2.2), DATE]",
            "      the NVIDIA driver is 535.104.05 [read: --driver]",
            "onnxruntime-gpu 1.26.0: recipe dwpose asks for onnxruntime-gpu",
            "    not 1.27.0, because",
            "      onnxruntime-gpu 1.27.0 is built for CUDA 13 (with toolkit 13.0)",
            "          [measured: onnxruntime_gpu-1.27.0-cp312-cp312-manylinux_2_27_x86_64….whl, DATE]",
            "      CUDA 13 needs NVIDIA driver 580.65.06 or newer",
            "          [documented: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (CUDA 13.4",
        ]
    )


def test_a_wish_that_the_driver_cannot_grant():
    found = answer("dwpose", "torch>=2.11", driver="535.104.05", gpus=("RTX 3090",))
    assert dateless(explanation_lines(found.result)) == snapshot(
        [
            "machine  driver 535.104.05, GeForce RTX 3090 (8.6), linux_x86_64, glibc 2.35, Python 3.12",
            "",
            "no set works, because all of this holds:",
            "  you ask for torch>=2.11 [asked: you]",
            "  torch 2.11.0 to 2.15.0 (7 releases) were built with CUDA 13",
            "      [measured: torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl and 6 more, DATE]",
            "  CUDA 13 needs NVIDIA driver 580.65.06 or newer",
            "      [documented: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (CUDA 13.4",
            "       Update 1 edition, sec. 2.2), DATE]",
            "  the NVIDIA driver is 535.104.05 [read: --driver]",
            "",
            "option   leave out `torch>=2.11`",
            "         torch 2.10.0, onnxruntime-gpu 1.26.0, torchvision 0.25.0, opencv-python-headless 5.0.0.93,",
            "         numpy 2.5.5, pip 26.3, CUDA 12.8, Python 3.12",
            "option   take torch 2.14 and torchvision 0.29 for CUDA 12.6 from pytorch-cu126",
            "         torch 2.14, onnxruntime-gpu 1.26.0, torchvision 0.29, opencv-python-headless 5.0.0.93,",
            "         numpy 2.5.5, pip 26.3, CUDA 12.6, Python 3.12",
            "         (documented, not measured, for Python >=3.10,<=3.15: that build is taken to need, and to",
            "         have code for, what its release on the main index does; `stackfix facts measure --source",
            "         pytorch-cu126 'torch==2.14.*'` measures it)",
            "         [documented: https://github.com/pytorch/pytorch/pull/194367 : 2.14 in the release",
            "          compatibility matrix, DATE]",
            "option   install NVIDIA driver 580.65.06 or newer",
            "         torch 2.15.0, onnxruntime-gpu 1.31.1, torchvision 0.29.2, opencv-python-headless 5.0.0.93,",
            "         numpy 2.5.5, pip 26.3, CUDA 13.2, Python 3.12",
        ]
    )


def test_a_cpu_set_says_that_it_is_one_and_why():
    asked = answer(gpus=("none",))
    assert list(resolution_lines(asked.result, roots(asked), ""))[1] == "device   CPU: there is no GPU"
    machine = replace(asked.result.machine, gpus=Unknown(("NVML",)), driver=Unknown(("libnvidia-ml.so.1",)))
    here = list(resolution_lines(replace(asked.result, machine=machine), roots(asked), ""))
    assert here[1] == ("device   CPU: no NVIDIA driver was found (`stackfix machine` says what was tried)")


def test_a_lock_for_the_cpu_says_so_while_it_is_made():
    said = []
    question = Question(targets=("dwpose",), machine=MachineQuestion(gpus=("none",)), offline=True)
    with contextlib.suppress(NetworkError):
        app.lock(question, say=said.append)
    assert "device: CPU: there is no GPU" in said
