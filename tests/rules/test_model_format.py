"""A model that is newer than a runtime rules the runtime out; what is not known rules nothing out."""

from msgspec.structs import replace

from stackfix import app
from stackfix.asking import MachineQuestion, Question, machine_of, request_of
from stackfix.model.recipe import ModelFormat
from stackfix.model.resolution import Explanation, Resolution
from stackfix.solve.resolve import resolve


def ask(opset, ir=None):
    facts = app.database()
    question = Question(
        targets=("dwpose",),
        machine=MachineQuestion(gpus=("none",), python="3.12", glibc="2.35", platform="linux_x86_64"),
    )
    machine = machine_of(question.machine, facts, facts.root)
    request = request_of(question, machine, facts.root)
    models = (ModelFormat(file="m.onnx", opset=opset, ir=ir, source="a test"),)
    return resolve(machine, facts, replace(request, formats=models))


def test_a_model_of_the_future_is_read_by_no_runtime():
    answer = ask(opset=99)
    assert isinstance(answer, Explanation)
    assert any("and m.onnx is opset 99" in fact.text for fact in answer.conflict)


def test_the_newest_runtime_is_kept_for_what_it_reads():
    assert ask(opset=11).packages["onnxruntime"] == ask(opset=None).packages["onnxruntime"]
    assert isinstance(ask(opset=28, ir=14), Resolution)
    assert isinstance(ask(opset=28, ir=99), Explanation)
