"""What the index tells of a release at once is what its row requires."""

from pathlib import Path

import pytest

from stackfix import app
from stackfix.answering import database
from stackfix.asking import MachineQuestion, Question, request_of
from stackfix.model.problem import CUDA, Subjects
from stackfix.solve.pose import Universes, pose


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64", "win_amd64"])
def test_what_is_foretold_is_what_the_row_asks(platform):
    words = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12", platform=platform)
    facts, machine = database(), app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    universe = pose(machine, Universes(facts), request, machine.pythons[0]).universe
    of_cuda = pins = 0
    for package in facts.packages():
        for key in universe.keys(package):
            told = universe.foretold(package, key)
            asked = [(one.node, one.allowed) for one in universe.requires(package, key)]
            assert all(each in asked for each in told)
            assert {node for node, _ in asked} & {CUDA} <= {node for node, _ in told}
            of_cuda += sum(node == CUDA for node, _ in told)
            pins += sum(node != CUDA for node, _ in told)
    assert of_cuda > 100
    assert pins >= 20


def test_what_is_foretold_of_a_cuda_is_all_that_it_asks():
    words = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12")
    facts, machine = database(), app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    universe = pose(machine, Universes(facts), request, machine.pythons[0]).universe
    for key in universe.keys(CUDA):
        asked = [(one.node, one.allowed) for one in universe.requires(CUDA, key)]
        assert list(universe.foretold(CUDA, key)) == asked


def test_a_release_is_silent_exactly_where_it_requires_nothing_by_the_facts_in_question():
    words = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12")
    facts, machine = database(), app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    universe = pose(machine, Universes(facts), request, machine.pythons[0]).universe
    silent = 0
    for package in ("torch", "torchvision", "onnxruntime-gpu", "nvidia-cudnn-cu12", "numpy"):
        keys = universe.keys(package)
        for key in keys:
            every = [one.fact for one in universe.requires(package, key)]
            others = [one.fact for other in keys if other != key for one in universe.requires(package, other)]
            named = Subjects.of(fact for fact in others if fact.package)
            if universe.is_silent(package, key, named):
                silent += 1
                assert not any(map(named.hold, every))
            assert not universe.is_silent(package, key, Subjects.of(every)) or not every
    assert silent > 50
