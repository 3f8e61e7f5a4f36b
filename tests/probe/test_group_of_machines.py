"""One lock for several machines: the newest set that serves each as it is, or which of them splits the group."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackfix import app
from stackfix.asking import MachineQuestion, Question, machine_of
from stackfix.errors import QuestionError
from stackfix.model.resolution import Explanation, Resolution
from stackfix.probe.document import to_document


def described(folder: Path, name: str, **flags: object) -> str:
    question = MachineQuestion(**{"python": "3.12", "glibc": "2.35", "platform": "linux_x86_64", **flags})
    path = folder / f"{name}.json"
    path.write_text(json.dumps(to_document(app.machine(question))))
    return str(path)


@pytest.fixture
def files(tmp_path):
    return {
        "a100": described(tmp_path, "a100", driver="535.104.05", gpus=("A100",), glibc="2.31"),
        "5090": described(tmp_path, "5090", driver="580.95.05", gpus=("RTX 5090",)),
        "4090": described(tmp_path, "4090", driver="590.44.01", gpus=("RTX 4090",)),
        "1080": described(tmp_path, "1080", driver="580.95.05", gpus=("GTX 1080 Ti",)),
        "b300": described(tmp_path, "b300", driver="580.95.05", gpus=("B300",)),
        "arm": described(tmp_path, "arm", driver="580.95.05", gpus=("GH200",), platform="linux_aarch64"),
        "python": described(tmp_path, "python", driver="580.95.05", gpus=("RTX 5090",), python="3.13"),
    }


def resolved(files: dict[str, str], *names: str) -> Resolution | Explanation:
    machines = MachineQuestion(machine=tuple(files[name] for name in names))
    return app.resolve(Question(targets=("dwpose",), machine=machines), reasons="none").result


def versions(found: Resolution | Explanation) -> tuple[str, str]:
    assert isinstance(found, Resolution)
    return found.packages["torch"], found.packages["onnxruntime-gpu"]


def test_machines_that_want_the_same_get_it(files):
    assert versions(resolved(files, "5090", "4090")) == versions(resolved(files, "5090"))


def test_the_oldest_driver_decides_the_cuda_and_the_newest_gpu_the_kernels(files):
    both = resolved(files, "a100", "5090")
    assert isinstance(both, Resolution)
    assert both.cuda.startswith("12.")
    assert versions(both) <= versions(resolved(files, "5090"))
    for name in ("a100", "5090"):
        exact = tuple(f"{package}=={version}" for package, version in both.packages.items())
        alone = MachineQuestion(machine=files[name])
        answer = app.resolve(Question(targets=exact, machine=alone), reasons="none").result
        assert isinstance(answer, Resolution), name


def test_a_driver_counts_for_the_gpu_beside_it_alone(files):
    assert isinstance(resolved(files, "a100", "5090"), Resolution)  # no 535 knows a 5090, and none has to


def test_the_order_of_the_machines_makes_no_difference(files):
    assert versions(resolved(files, "a100", "5090", "4090")) == versions(
        resolved(files, "4090", "5090", "a100")
    )


def test_what_splits_a_group_is_named_with_the_facts_of_each_machine(files):
    split = resolved(files, "1080", "b300")
    assert isinstance(split, Explanation)
    texts = " ".join(fact.text for fact in split.conflict)
    assert f"{files['1080']}: GPU 0 is GeForce GTX 1080 Ti" in texts
    assert f"{files['b300']}: GPU 0 is NVIDIA B300" in texts
    assert [option.text for option in split.options[:2]] == [
        f"leave out {files['1080']}, which splits the group",
        f"leave out {files['b300']}, which splits the group",
    ]
    assert dict(split.options[0].packages)["torch"] == resolved(files, "b300").packages["torch"]


def drivers(found: Resolution | Explanation) -> list[tuple[str, dict[str, str]]]:
    """Return the ways out that are a driver, each held against the rules again."""
    assert isinstance(found, Explanation)
    return [(one.text, dict(one.packages)) for one in found.options if one.kind == "driver"]


def test_a_newer_driver_on_the_one_machine_that_needs_it_is_a_way_out(files, tmp_path):
    files["old"] = described(tmp_path, "old", driver="550.54.14", gpus=("RTX 5090",))
    ((text, packages),) = drivers(resolved(files, "a100", "old"))
    assert text == f"install NVIDIA driver 570 or newer on {files['old']}"
    files["old"] = described(tmp_path, "new", driver="570.26", gpus=("RTX 5090",))
    assert packages["torch"] == resolved(files, "a100", "old").packages["torch"]


def test_where_no_driver_alone_helps_all_that_are_too_old_are_named(files, tmp_path):
    files["older"] = described(tmp_path, "older", driver="525.60.13", gpus=("H100",))
    machines = (files["a100"], files["older"])
    question = Question(targets=("torch>=2.13",), machine=MachineQuestion(machine=machines))
    ((text, packages),) = drivers(app.resolve(question, reasons="none").result)
    assert text == f"install NVIDIA driver 580.65.06 or newer on {machines[0]}, {machines[1]}"
    assert packages["torch"].startswith("2.1")


@pytest.mark.parametrize(
    ("names", "said"),
    [(("5090", "arm"), "a lock is for one platform"), (("5090", "python"), "no Python that all of these")],
)
def test_machines_that_no_lock_can_serve_are_refused(files, names, said):
    with pytest.raises(QuestionError, match=said):
        resolved(files, *names)


def test_one_file_named_twice_is_one_machine(files):
    assert versions(resolved(files, "4090", "4090")) == versions(resolved(files, "4090"))


def test_an_environment_is_judged_on_one_machine(files, tmp_path):
    with pytest.raises(QuestionError, match="an environment stands on one machine"):
        machine_of(
            MachineQuestion(machine=(files["4090"], files["5090"])), app.database(), tmp_path, pythons=False
        )
