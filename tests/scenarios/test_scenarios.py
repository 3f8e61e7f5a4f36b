"""Each TOML file beside this one is one machine and one question, with the answer that must come out."""

import sys
from pathlib import Path

import pytest

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.facts.prepared import parse_toml
from stackfix.model.resolution import Explanation, Resolution

FILES = sorted(Path(__file__).parent.glob("*.toml"))


def ask(scenario):
    machine = dict(scenario["machine"])
    machine["gpus"] = tuple(machine.pop("gpu", ()))
    machine.setdefault("platform", "linux_x86_64" if sys.platform != "linux" else "")
    machine.setdefault("glibc", "2.35")
    targets = tuple(scenario.get("targets", ["dwpose"]))
    return app.resolve(
        Question(targets=targets, machine=MachineQuestion(**machine), sources=("pypi",))
    ).result


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_answer_is_the_one_that_is_written_down(path):
    scenario = parse_toml(path.read_text())
    answer = ask(scenario)
    if "packages" in scenario:
        assert isinstance(answer, Resolution)
        assert {name: answer.packages.get(name) for name in scenario["packages"]} == scenario["packages"]
    else:
        assert isinstance(answer, Explanation)
        texts = [fact.text for fact in answer.conflict]
        assert [text for text in scenario["no"]["conflict"] if text not in texts] == []
        assert scenario["no"].get("option", "") in ["", *(option.text for option in answer.options)]


def test_there_are_scenarios():
    assert len(FILES) >= 10
