"""What the index tells of a release at once is what its row requires."""

from pathlib import Path

import pytest

from stackfix import app
from stackfix.answering import database
from stackfix.asking import MachineQuestion, Question, request_of
from stackfix.model.problem import CUDA
from stackfix.solve.pose import Universes, pose


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64", "win_amd64"])
def test_what_is_foretold_of_the_cuda_is_what_the_row_asks(platform):
    words = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12", platform=platform)
    facts, machine = database(), app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    universe = pose(machine, Universes(facts), request, machine.pythons[0]).universe
    compared = 0
    for package in facts.packages():
        for key in universe.keys(package):
            told = dict(universe.foretold(package, key))
            asked = [one.allowed for one in universe.requires(package, key) if one.node == CUDA]
            assert set(asked) <= set(told.values())
            assert len(asked) == len(told)
            compared += len(asked)
    assert compared > 100
