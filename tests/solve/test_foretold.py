"""What the index tells of a release at once is what its row requires."""

from pathlib import Path

import pytest

from stackfix import app
from stackfix.answering import database
from stackfix.asking import MachineQuestion, Question, request_of
from stackfix.facts.database import Database
from stackfix.model.problem import CUDA, Subjects
from stackfix.solve.pose import Universes, pose
from stackfix.solve.resolve import resolve


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64", "win_amd64"])
def test_what_is_foretold_is_what_the_row_asks(platform):
    words = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12", platform=platform)
    facts, machine = database(), app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    universe = pose(machine, Universes(facts), request, machine.pythons[0]).universe
    of_cuda = pins = facts_told = 0
    for package in facts.packages():
        for key in universe.keys(package):
            told = universe.foretold(package, key)
            at_once = tuple(universe.at_once(package, key))
            required = tuple(universe.requires(package, key))
            assert set(at_once) <= set(required)
            facts_told += len(at_once)
            asked = [(one.node, one.allowed) for one in required]
            assert all(each in asked for each in told)
            assert {node for node, _ in asked} & {CUDA} <= {node for node, _ in told}
            of_cuda += sum(node == CUDA for node, _ in told)
            pins += sum(node != CUDA for node, _ in told)
    assert of_cuda > 100
    assert pins >= 20
    assert facts_told > 300


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


def test_what_is_told_at_once_reads_no_row(monkeypatch):
    words = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12")
    facts, machine = database(), app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    universe = pose(machine, Universes(Database(facts.root)), request, machine.pythons[0]).universe
    monkeypatch.setattr(Database, "_row_at", lambda *_: pytest.fail("a row was read"))
    rules = {
        one.fact.rule
        for package in ("torch", "torchvision", "onnxruntime-gpu", "nvidia-cublas-cu12")
        for key in universe.keys(package)
        for one in universe.at_once(package, key)
    }
    assert rules == {"metadata", "one CUDA", "shipped together", "kernels", "pairs"}


def test_why_no_package_is_newer_is_told_from_few_rows_beside_those_of_the_set(monkeypatch):
    read = []
    row_at = Database._row_at
    monkeypatch.setattr(Database, "_row_at", lambda *asked: read.append(asked) or row_at(*asked))
    words = MachineQuestion(driver="535.104.05", gpus=("RTX 4090",), python="3.12")
    facts = Database(database().root)
    machine = app.machine(words, Path())
    request = request_of(Question(targets=("dwpose",), machine=words), machine, facts.root)
    found = resolve(machine, facts, request, reasons="all")
    assert {"torch", "onnxruntime-gpu", "torchvision"} <= {each.name for each in found.newer}
    assert len(read) < len(found.pins) + 8
