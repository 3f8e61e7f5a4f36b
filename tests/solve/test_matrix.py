"""The matrix is the solver's own answers: its marked row is the newest set, its reasons are the explained conflicts."""

import pytest

from stackfix import app
from stackfix.asking import MachineQuestion, Question

MACHINES = [
    {"driver": "580.95.05", "gpus": ("RTX 4090",), "python": "3.12"},
    {"driver": "535.104.05", "gpus": ("RTX 3090",), "python": "3.10"},
    {"driver": "470.256.02", "gpus": ("GTX 1080 Ti",), "python": "3.11"},
    {"driver": "580.95.05", "gpus": ("V100",), "python": "3.9"},
    {"driver": "570.124.06", "gpus": ("RTX 5090", "RTX 4090"), "python": "3.13"},
    {"driver": "580.95.05", "gpus": ("sm_90",), "python": "3.12", "platform": "linux_aarch64"},
]


def asked(targets, machine):
    question = MachineQuestion(glibc="2.35", **machine)
    return Question(targets=targets, machine=question, sources=("pypi",))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda one: f"{one['gpus'][0]} on {one['driver']}")
def test_the_marked_row_is_what_resolve_gives(machine):
    found, _ = app.matrix(asked((), machine))
    (marked,) = [row for row in found.rows if row.newest]
    resolved = app.resolve(asked(("torch", "torchvision", "onnxruntime-gpu"), machine)).result
    assert dict(marked.packages) == {name: resolved.packages[name] for name, _ in marked.packages}
    assert marked.cuda == resolved.cuda
    assert marked.cudnn in [version for name, version in resolved.packages.items() if "cudnn" in name]


REFUSING = [
    {"driver": "535.104.05", "gpus": ("RTX 4090",), "python": "3.12"},
    {"driver": "470.256.02", "gpus": ("GTX 1080 Ti",), "python": "3.11"},
]


@pytest.mark.parametrize("machine", REFUSING, ids=lambda one: f"{one['gpus'][0]} on {one['driver']}")
def test_what_a_row_refuses_is_refused_by_explain_for_the_same_facts(machine):
    found, _ = app.matrix(asked((), machine))
    refused = [row for row in found.rows if not row.python]
    assert len(refused) > 3
    for row in refused[::2]:
        explained = app.resolve(asked((f"torch=={row.release}",), machine)).result
        said = {fact.text for fact in row.refused[0].conflict if fact.rule not in ("wish", "request")}
        assert said == {fact.text for fact in explained.conflict if fact.rule != "request"}


@pytest.mark.parametrize("machine", MACHINES[:3], ids=lambda one: f"{one['gpus'][0]} on {one['driver']}")
def test_every_python_of_a_row_has_the_rows_set(machine):
    found, _ = app.matrix(asked((), machine))
    for row in [row for row in found.rows if row.python][::5]:
        pins = tuple(f"{name}=={version}" for name, version in row.packages)
        for python in ("3.8", "3.11", "3.14", "3.15"):
            resolved = app.resolve(asked(pins, {**machine, "python": python}), reasons="none").result
            assert hasattr(resolved, "pins") == (python in row.pythons)
