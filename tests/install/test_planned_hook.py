"""The import hook of a set that isn't installed: which libraries, from the facts alone."""

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.install.planned_hook import planned_hook, planned_order


def wheels(**machine):
    question = MachineQuestion(python="3.12", glibc="2.35", platform="linux_x86_64", **machine)
    found = app.resolve(Question(targets=("dwpose",), machine=question), reasons="none")
    return [pin.wheel for pin in found.result.pins]


def test_every_library_that_the_provider_needs_is_loaded_wheels_after_those_they_need():
    order = planned_order(wheels(driver="580.95.05", gpus=("RTX 4090",)))
    names = [path.rpartition("/")[2].partition(".")[0] for path in order]
    assert {"libcublas", "libcublasLt", "libcurand", "libcufft", "libcudart", "libcudnn"} <= set(names)
    assert names.index("libcublas") < names.index("libcudnn")
    assert names.index("libnvrtc") < names.index("libcudnn")
    assert len(set(order)) == len(order)


def test_a_set_without_onnxruntime_gpu_has_no_hook():
    assert planned_hook(wheels(gpus=("none",))) == {}


def test_the_hook_is_the_two_files_that_an_install_writes():
    files = planned_hook(wheels(driver="580.95.05", gpus=("RTX 4090",)))
    assert sorted(files) == ["_stackfix_libraries.py", "stackfix_libraries.pth"]
    for text in files.values():
        compile(text, "hook", "exec")
