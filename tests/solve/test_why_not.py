"""Why a release is not chosen: refused with the minimal facts, possible at a price, chosen, or not known."""

import pytest
from inline_snapshot import snapshot

from stackfix import app
from stackfix.asking import MachineQuestion, Question, request_of
from stackfix.errors import QuestionError
from stackfix.model.resolution import Resolution
from stackfix.render.why_not_text import why_not_document, why_not_lines
from stackfix.solve.pose import Universes, pose
from stackfix.solve.prove import Refutation, search


def doubt(requirement, *targets, newest_before="", **machine):
    machine = {
        "glibc": "2.35",
        "python": "3.12",
        "platform": "linux_x86_64",
        "driver": "535.104.05",
        "gpus": ("RTX 4090",),
        **machine,
    }
    question = Question(
        targets=targets or ("dwpose",),
        machine=MachineQuestion(**machine),
        sources=("pypi",),
        newest_before=newest_before,
    )
    answer = app.resolve(question, reasons="none")
    return answer, app.why_not(answer, question, requirement)


def test_what_the_driver_rules_out_is_refused_with_its_chain_of_facts_and_a_way_out():
    answer, found = doubt("torch==2.15.0")
    assert found.kind == "refused"
    assert [fact.text for fact in found.conflict] == snapshot(
        [
            "--why-not asks for torch==2.15.0",
            "torch 2.15.0 was built with CUDA 13.2",
            "CUDA 13 needs NVIDIA driver 580.65.06 or newer",
            "the NVIDIA driver is 535.104.05",
        ]
    )
    assert [option.text for option in found.options] == ["install NVIDIA driver 580.65.06 or newer"]
    assert isinstance(answer.result, Resolution)


def test_the_facts_against_it_are_minimal():
    answer, found = doubt("torch==2.15.0", "torch")
    question = Question(targets=("torch", "torch==2.15.0"), sources=("pypi",))
    facts, machine = app.database(), answer.result.machine
    problem = pose(
        machine, Universes(facts), request_of(question, machine, facts.root), answer.result.python
    ).problem
    asked = {root.fact for root in problem.roots if root.fact.rule == "request"}
    against = {fact for fact in found.conflict if fact.rule != "request"}
    assert len(against) == 3
    assert isinstance(search(problem, only=asked | against), Refutation)
    for fact in against:
        assert not isinstance(search(problem, only=asked | against - {fact}), Refutation)


def test_an_older_release_can_be_had_and_what_it_costs_is_listed():
    _, found = doubt("torch==2.9.1")
    assert found.kind == "possible"
    assert found.text == "torch 2.9.1 can be had; the newest set has torch 2.10.0"
    assert {(change.name, change.before, change.after) for change in found.changes} == {
        ("torch", "2.10.0", "2.9.1"),
        ("torchvision", "0.25.0", "0.24.1"),
    }
    assert all(change.older for change in found.changes)


def test_a_newer_release_that_comes_later_in_the_order_names_what_would_have_to_be_older():
    _, found = doubt("onnxruntime-gpu==1.18.1", "torch", "onnxruntime-gpu", python="3.11", driver="580.95.05")
    assert found.kind == "possible"
    assert found.text == "onnxruntime-gpu 1.18.1 can be had; the newest set has onnxruntime-gpu 1.31.1"
    _, found = doubt("torch>=2.11", "onnxruntime-gpu<1.27", "torch", driver="580.95.05")
    assert found.kind == "refused"


def test_what_is_in_the_set_is_said_to_be_in_it():
    _, found = doubt("torch>=2.9")
    assert (found.kind, found.text) == ("chosen", "torch 2.10.0 is in the set")


def test_a_package_that_nothing_requires_can_be_had_beside_the_set():
    _, found = doubt("torchaudio==2.10.0")
    assert found.kind == "possible"
    assert found.text.startswith("nothing that is asked for requires torchaudio")
    assert [(change.name, change.before, change.after) for change in found.changes] == [
        ("torchaudio", "", "2.10.0")
    ]


def test_a_release_without_facts_is_unknown_and_not_refused():
    _, found = doubt("torch==2.99.0")
    assert found.kind == "no facts"
    assert found.text.startswith("there are no facts about torch==2.99.0: on record for linux_x86_64 are ")
    assert found.hint == "if it is on the index: `stackfix facts measure 'torch==2.99.0'`"
    _, found = doubt("tensorflow==2.16.0")
    assert found.kind == "no facts"
    assert "whether it goes with the set is not known" in found.text


def test_a_package_of_another_platform_is_said_to_have_no_wheel_on_record_here():
    _, found = doubt("pywin32")
    assert (found.kind, found.text) == ("no facts", "no wheel of pywin32 for linux_x86_64 is on record")


def test_what_the_question_leaves_out_by_its_date_is_refused_by_it():
    _, found = doubt("torch==2.14.1", newest_before="2026-06-01")
    assert found.kind == "refused"
    assert found.text.endswith("only files before 2026-06-01 were asked for")


@pytest.mark.parametrize(
    ("date", "driver", "gpus", "torch", "runtime"),
    [
        ("2025-01-01", "580.95.05", ("RTX 4090",), "2.5.1", "1.20.0"),
        ("2025-09-01", "580.95.05", ("RTX 4090",), "2.8.0", "1.22.0"),
        ("2025-09-01", "", ("none",), "", "1.22.1"),
    ],
)
def test_a_date_hides_no_helper_of_which_only_newer_releases_have_rows(date, driver, gpus, torch, runtime):
    question = Question(
        targets=("dwpose",),
        machine=MachineQuestion(
            glibc="2.35", python="3.12", platform="linux_x86_64", driver=driver, gpus=gpus
        ),
        sources=("pypi",),
        newest_before=date,
    )
    packages = app.resolve(question, reasons="none").result.packages
    assert packages.get("torch", "") == torch
    assert runtime in (packages.get("onnxruntime-gpu"), packages.get("onnxruntime"))


def test_a_cuda_and_a_python_can_be_asked_about_too():
    _, found = doubt("cuda==13")
    assert found.kind == "refused"
    assert "CUDA 13 needs NVIDIA driver 580.65.06 or newer" in [fact.text for fact in found.conflict]
    _, found = doubt("cuda==12")
    assert (found.kind, found.text) == ("chosen", "CUDA 12.8 is in the set")
    _, found = doubt("python==3.9")
    assert found.kind == "possible"
    assert ("torch", "2.10.0", "2.8.0") in [(c.name, c.before, c.after) for c in found.changes]
    assert "`uv python install 3.9`" in found.hint
    _, found = doubt("python==3.15")
    assert found.kind == "refused"
    with pytest.raises(QuestionError, match="names no Python"):
        doubt("python==2.7")


def test_where_there_is_no_set_at_all_the_release_is_not_blamed():
    _, found = doubt("torch==2.15.0", driver="550.54.14", gpus=("RTX 5090",))
    assert found.text == "there is no set at all, with torch==2.15.0 or without, because all of this holds"
    assert found.conflict


@pytest.mark.parametrize("text", ["torch=2", "torch @ https://example.com/torch.whl", ""])
def test_what_is_no_requirement_is_a_question_that_cannot_be_read(text):
    with pytest.raises(QuestionError):
        doubt(text)


def test_what_people_read_of_a_price():
    answer, found = doubt("torch==2.9.1")
    assert list(why_not_lines(found, answer.result)) == snapshot(
        [
            "machine  driver 535.104.05, GeForce RTX 4090 (8.9), linux_x86_64, glibc 2.35, Python 3.12",
            "",
            "torch 2.9.1 can be had; the newest set has torch 2.10.0:",
            "  torch        2.10.0 -> 2.9.1   (older)",
            "  torchvision  0.25.0 -> 0.24.1   (older)",
            "",
            "set      torch 2.9.1, onnxruntime-gpu 1.26.0, torchvision 0.24.1, opencv-python-headless 5.0.0.93,",
            "         numpy 2.5.5, pip 26.3, CUDA 12.8, Python 3.12",
        ]
    )


def test_what_people_read_of_a_refusal():
    answer, found = doubt("torch==2.15.0")
    lines = list(why_not_lines(found, answer.result))
    assert lines[2] == "no set has torch==2.15.0, because all of this holds:"
    assert lines[3] == "  --why-not asks for torch==2.15.0 [asked: --why-not]"
    assert any(line.startswith("option   install NVIDIA driver 580.65.06 or newer") for line in lines)


def test_json_has_the_answer_with_sources():
    _, found = doubt("torch==2.15.0")
    document = why_not_document(found)
    assert document["answer"] == "refused"
    assert all(fact["source"] and fact["evidence"] for fact in document["conflict"])
    assert document["options"][0]["kind"] == "driver"


def test_what_a_package_named_before_it_holds_back_is_not_said_to_be_the_newest():
    question = Question(
        targets=("dwpose",),
        machine=MachineQuestion(
            driver="450.80.02", gpus=("P100",), python="3.10", platform="linux_x86_64", glibc="2.35"
        ),
    )
    found = app.resolve(question).result
    (older,) = [one for one in found.newer if one.name == "sympy"]
    assert found.packages["sympy"] != older.version
    assert older.given == ("mpmath",)
    told = [fact.text for fact in older.facts if fact.rule == "metadata"]
    assert [text.partition("<")[0] for text in told] == [f"sympy {older.version} requires mpmath"]
