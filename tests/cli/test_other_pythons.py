"""`--python` says for which Python a set is; the machine's others are still here, and ways out name them."""

import pytest

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.model.machine import Interpreter
from stackfix.versions import PythonVersion


@pytest.fixture
def question(monkeypatch):
    here = Interpreter(version=PythonVersion.parse("3.11.7"), found_via="PATH", path="/opt/py311/bin/python")
    monkeypatch.setattr("stackfix.probe.python.find_pythons", lambda: (here,))
    machine = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",), python="3.12")
    return Question(targets=("dwpose",), machine=machine)


def test_an_option_says_that_another_python_is_here(question):
    asked = Question(targets=("dwpose", "numpy<1.26"), machine=question.machine)
    options = app.resolve(asked, reasons="none").result.options
    (option,) = [one for one in options if one.kind == "python"]
    assert option.python == "3.11"
    assert option.hint == "it is here: /opt/py311/bin/python"


def test_why_not_another_python_that_is_here_says_nothing_of_getting_it(question):
    answer = app.resolve(question, reasons="none")
    assert "uv python install" not in repr(app.why_not(answer, question, "python==3.11"))


def test_where_nothing_else_is_a_way_out_the_pythons_of_the_machine_are_tried(monkeypatch):
    here = Interpreter(version=PythonVersion.parse("3.10.13"), found_via="PATH", path="/opt/py310/bin/python")
    monkeypatch.setattr("stackfix.probe.python.find_pythons", lambda: (here,))
    machine = MachineQuestion(driver="580.95.05", gpus=("Tesla K80",), python="3.12")
    (option,) = app.resolve(Question(targets=("dwpose",), machine=machine), reasons="none").result.options
    assert option.text == "use Python 3.10, and install an NVIDIA driver of branch 470"
