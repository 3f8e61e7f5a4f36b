"""Ways out on described machines: what each kind of option says, the set that it gives, and that asking it gives that set."""

import pytest
from msgspec.structs import replace

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Interpreter
from stackfix.model.resolution import Resolution
from stackfix.solve.resolve import resolve
from stackfix.versions import ComputeCapability, PythonVersion


def asked(*targets, **machine):
    machine = {"glibc": "2.35", "python": "3.12", "platform": "linux_x86_64", **machine}
    return Question(targets=targets, machine=MachineQuestion(**machine), sources=("pypi",))


def options(*targets, **machine):
    return app.resolve(asked(*targets, **machine)).result.options


def kinds(found):
    return [option.kind for option in found]


def test_a_data_centre_gpu_is_offered_forward_compatibility_before_a_driver():
    found = options("dwpose", "torch==2.15.0", driver="535.104.05", gpus=("H100 PCIe",))
    assert kinds(found) == ["wish", "forward compatibility", "driver"]
    forward = found[1]
    assert forward.text == "install NVIDIA's cuda-compat-13-4 beside driver 535.104.05"
    assert "forward-compatibility.html" in forward.evidence
    assert dict(forward.packages)["torch"] == "2.15.0"


def test_a_geforce_is_not_offered_forward_compatibility():
    found = options("dwpose", "torch==2.15.0", driver="535.104.05", gpus=("RTX 4090",))
    assert "forward compatibility" not in kinds(found)
    assert "driver" in kinds(found)


def test_forward_compatibility_does_not_teach_a_driver_a_new_gpu():
    found = options("dwpose", driver="535.104.05", gpus=("NVIDIA B200",))
    assert "forward compatibility" not in kinds(found)


def test_the_driver_that_is_named_is_the_first_that_serves():
    question = {"gpus": ("RTX 4090",), "python": "3.12"}
    (option,) = [
        one for one in options("dwpose", "cuda==13", driver="535.104.05", **question) if one.kind == "driver"
    ]
    assert option.text == "install NVIDIA driver 580.65.06 or newer"
    there = app.resolve(asked("dwpose", "cuda==13", driver="580.65.06", **question)).result
    assert isinstance(there, Resolution)
    assert dict(option.packages).items() <= there.packages.items()
    below = app.resolve(asked("dwpose", "cuda==13", driver="580.65.05", **question)).result
    assert not isinstance(below, Resolution)


def test_where_newer_drivers_no_longer_know_the_gpu_the_last_branch_is_named():
    (option,) = [
        one for one in options("dwpose", driver="470.256.02", gpus=("GTX 1080 Ti",)) if one.kind == "driver"
    ]
    assert option.hint == "but none newer than branch 580"


def test_a_driver_that_is_too_new_is_answered_with_an_older_branch():
    (option,) = options("dwpose", driver="590.48.01", gpus=("GTX 1080 Ti",))
    assert option.text == "install an NVIDIA driver of branch 580"
    assert option.hint == "older than the one that is there (590.48.01)"


def test_one_gpu_of_two_is_offered_with_how_to_keep_to_it():
    machine = {"driver": "580.95.05", "gpus": ("RTX 5090", "GTX 1080 Ti")}
    found = [one for one in options("dwpose", **machine) if one.kind == "gpu"]
    assert [one.text for one in found] == [
        "use GPU 0 (GeForce RTX 5090) alone",
        "use GPU 1 (GeForce GTX 1080 Ti) alone",
    ]
    for index, option in enumerate(found):
        assert f"--gpu-index {index}" in option.hint
        assert f"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES={index}" in option.hint
        alone = app.resolve(asked("dwpose", gpu_index=index, **machine)).result
        assert dict(option.packages).items() <= alone.packages.items()


def test_a_gpu_with_an_identity_is_named_by_it():
    question = asked("dwpose", driver="580.95.05", gpus=("RTX 5090", "GTX 1080 Ti"))
    machine = app.machine(question.machine)
    gpus = tuple(
        Gpu(
            name=gpu.name,
            compute_capability=gpu.compute_capability,
            memory_bytes=Unknown(()),
            index=gpu.index,
            uuid=f"GPU-{gpu.index}",
        )
        for gpu in machine.gpus.value
    )
    found = again(question, gpus=Known(gpus, "NVML"))
    assert "run with CUDA_VISIBLE_DEVICES=GPU-0" in found.options[0].hint


def again(question, **readings):
    """The explanation of a question on its machine with other readings."""
    answer = app.resolve(question)
    machine = replace(answer.result.machine, **readings)
    return resolve(machine, app.database(), answer.request)


def test_a_python_that_is_here_comes_before_a_newer_one_that_is_not():
    here = Interpreter(version=PythonVersion.parse("3.11.4"), path="/opt/python3.11", found_via="PATH")
    question = asked("dwpose", "torch==2.15.0", driver="580.95.05", gpus=("RTX 4090",), python="3.9")
    (option,) = [one for one in again(question, other_pythons=(here,)).options if one.kind == "python"]
    assert (option.text, option.python) == ("use Python 3.11", "3.11")
    assert option.hint == "it is here: /opt/python3.11"
    (option,) = [one for one in app.resolve(question).result.options if one.kind == "python"]
    assert option.text == "use Python 3.14"
    assert "`uv python install 3.14`" in option.hint


def test_a_python_without_the_lock_is_never_a_way_out():
    free = Interpreter(version=PythonVersion.parse("3.14.1"), path="/opt/t", free_threaded=True)
    question = asked("dwpose", "torch==2.15.0", driver="580.95.05", gpus=("RTX 4090",), python="3.9")
    found = again(question, other_pythons=(free,)).options
    assert all("/opt/t" not in option.hint for option in found)


def test_another_index_is_offered_as_documented_and_never_as_verified():
    found = options("dwpose", driver="470.256.02", gpus=("GTX 1080 Ti",))
    (option,) = [one for one in found if one.kind == "source"]
    assert option.text == "take torch 2.7 and torchvision 0.22 for CUDA 11.8 from pytorch-cu118"
    assert not option.verified
    assert option.evidence
    assert "not measured" in option.hint
    assert "`stackfix facts measure --source pytorch-cu118 'torch==2.7.*'`" in option.hint
    assert dict(option.packages)["onnxruntime-gpu"] == "1.18.1"
    assert option.cuda == "11.8"


def test_an_option_says_for_which_pythons_its_document_is_or_that_it_does_not_say():
    found = options("torch==2.7.1", "cuda==11.8", driver="535.104.05", gpus=("RTX 3090",), python="3.12")
    (option,) = [one for one in found if one.kind == "source"]
    assert "documented, not measured, for Python >=3.9,<=3.13: " in option.hint
    found = options("onnxruntime-gpu==1.17.0", "cuda==12.1", driver="535.104.05", gpus=("RTX 3090",))
    (option,) = [one for one in found if one.kind == "source"]
    assert "documented, not measured, and for which Pythons is not said: " in option.hint


def test_another_index_is_not_offered_for_a_python_that_its_document_excludes():
    wish = ("torch==1.13.1", "cuda==11.6")
    found = options(*wish, driver="535.104.05", gpus=("RTX 3090",), python="3.10")
    assert "source" in kinds(found)
    found = options(*wish, driver="535.104.05", gpus=("RTX 3090",), python="3.11")
    assert found
    assert "source" not in kinds(found)


def test_an_index_is_offered_for_aarch64_where_its_document_names_it():
    there = {"driver": "580.95.05", "gpus": ("H100",), "platform": "linux_aarch64"}
    (option,) = [one for one in options("torch==2.11.0", "cuda==12.6", **there) if one.kind == "source"]
    assert option.text == "take torch 2.11 for CUDA 12.6 from pytorch-cu126"
    assert "source" not in kinds(options("torch==2.11.0", "cuda==12.9", **there))


@pytest.mark.parametrize(
    ("targets", "driver"),
    [
        (("torch==2.10.0", "torchvision==0.20.0"), "580.95.05"),  # a pair that no index mends
        (("dwpose", "numpy<2", "opencv-python-headless>=5"), "580.95.05"),
        (("torch==2.15.0",), "580.95.05"),  # no code for the GPU, and of the other build nothing is known
    ],
)
def test_another_index_is_not_offered_where_nothing_says_that_it_would_help(targets, driver):
    assert "source" not in kinds(options(*targets, driver=driver, gpus=("V100",)))


def test_a_build_that_the_main_index_has_already_is_no_way_out():
    found = options("torch==2.3.1", "onnxruntime-gpu", driver="580.95.05", gpus=("RTX 4090",))
    texts = [one.text for one in found if one.kind == "source"]
    assert not any("CUDA 12.1" in text for text in texts)
    assert any("pytorch-cu118" in text for text in texts)


def test_a_wish_without_which_its_package_is_gone_says_so():
    found = options("torch==2.15.0", "onnxruntime-gpu==1.18.0", driver="580.95.05", gpus=("RTX 4090",))
    assert [one.text for one in found] == [
        "leave out `onnxruntime-gpu==1.18.0`",
        "leave out `torch==2.15.0`",
    ]
    assert found[0].hint == ""
    assert found[1].hint == "then there is no torch in the set: no release of it fits"


def test_releases_asked_for_by_the_label_of_a_build_are_offered_without_it():
    asks = ("torch==2.4.0+cu121", "torchvision==0.19.0+cu121")
    found = options(*asks, driver="580.95.05", gpus=("RTX 4090",))
    assert found[0].text == "ask for `torch==2.4.0` and `torchvision==0.19.0`, without the label of a build"
    assert found[0].kind == "wish"
    assert found[0].cuda == "12.1"
    there = app.resolve(asked("torch==2.4.0", "torchvision==0.19.0", driver="580.95.05", gpus=("RTX 4090",)))
    assert dict(found[0].packages).items() <= there.result.packages.items()


def test_a_label_is_nothing_that_its_release_does_not_have():
    texts = [one.text for one in options("torch==2.4.99+cu121", driver="580.95.05", gpus=("RTX 4090",))]
    assert texts == ["leave out `torch==2.4.99+cu121`"]


def test_two_changes_are_offered_where_one_does_not_do():
    found = options("dwpose", "torch==2.15.0", driver="550.54.14", gpus=("RTX 5090",), python="3.9")
    (option,) = found
    assert option.kind == "several"
    assert " and " in option.text
    assert dict(option.packages)["torch"]


def test_of_several_pythons_the_conflict_is_one_that_no_other_python_mends():
    question = asked("dwpose", driver="550.54.14", gpus=("RTX 5090",))
    pythons = tuple(Interpreter(version=PythonVersion.parse(one)) for one in ("3.15", "3.12", "3.11"))
    found = again(question, pythons=pythons)
    assert all(not fact.text.startswith("Python is") for fact in found.conflict)
    assert found.python.version.minor_version == "3.15"
    assert found.other_pythons == ("3.12", "3.11")


def test_of_several_pythons_the_way_out_is_that_of_the_newest_that_is_not_in_its_way():
    question = asked("dwpose", "cuda==13", driver="580", gpus=("RTX 4090",))
    pythons = tuple(Interpreter(version=PythonVersion.parse(one)) for one in ("3.13", "3.12", "3.11"))
    found = again(question, pythons=pythons)
    assert found.python.version.minor_version == "3.13"
    (driver,) = [one for one in found.options if one.kind == "driver"]
    assert driver.python == "3.13"


def test_capabilities_that_are_not_known_are_no_obstacle_to_an_answer():
    question = asked("dwpose", "torch==2.15.0", driver="535.104.05", gpus=("RTX 4090", "H100 PCIe"))
    odd = (
        Gpu(name="x", compute_capability=Unknown(("NVML",)), memory_bytes=Unknown(()), index=0),
        Gpu(
            name="sm_90",
            compute_capability=Known(ComputeCapability.parse("9.0"), "NVML"),
            memory_bytes=Unknown(()),
            index=1,
        ),
    )
    found = again(question, gpus=Known(odd, "NVML"))
    assert "forward compatibility" not in kinds(found.options)
    assert "driver" in kinds(found.options)


def test_a_driver_and_a_glibc_are_offered_together_where_neither_alone_helps():
    machine = {"driver": "455", "gpus": ("NVIDIA A2",), "glibc": "2.27"}
    question = asked("dwpose", **machine)
    answer = app.resolve(question)
    found = app.why_not(answer, question, "cuda==13.0").options
    assert [one.text for one in found] == [
        "install NVIDIA driver 580.65.06 or newer, and move to a system with glibc 2.28 or newer"
    ]
    after = {"driver": "580.65.06", "gpus": ("NVIDIA A2",), "glibc": "2.28"}
    there = app.resolve(asked("dwpose", "cuda==13.0", **after)).result
    assert dict(found[0].packages).items() <= there.packages.items()
    for alone in ({**after, "driver": "455"}, {**after, "glibc": "2.27"}):
        assert not isinstance(app.resolve(asked("dwpose", "cuda==13.0", **alone)).result, Resolution)


def test_an_older_driver_is_offered_with_the_python_of_the_machine_that_it_needs():
    question = asked("dwpose", driver="580.95.05", gpus=("Tesla K80",), python="3.13")
    older = Interpreter(
        version=PythonVersion.parse("3.10.13"), found_via="PATH", path="/opt/py310/bin/python"
    )
    (option,) = again(question, other_pythons=(older,)).options
    assert option.text == "use Python 3.10, and install an NVIDIA driver of branch 470"
    assert (option.python, option.cuda) == ("3.10", "11.7")
