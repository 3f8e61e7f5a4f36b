"""Which packages another index's build may help with, told from a conflict."""

from stackfix.cli.newer import packages_concerned
from stackfix.model.evidence import Source
from stackfix.model.problem import Fact

SOURCE = Source(method="asked", where="you")


def wish(text):
    return Fact(text=f"you ask for {text}", rule="request", source=SOURCE, general=text)


def test_a_package_with_a_fact_in_the_conflict_is_concerned():
    built = Fact(
        text="torch 2.15.0 was built with CUDA 13",
        rule="one CUDA",
        source=SOURCE,
        package="torch",
        release="2.15.0",
    )
    assert packages_concerned([wish("torch==2.15.0"), wish("cuda==12"), built]) == {"torch"}


def test_wishes_that_contradict_each_other_concern_no_index():
    assert packages_concerned([wish("torch==2.15.0"), wish("torch<2.14")]) == set()


def test_a_wish_that_nothing_on_record_grants_concerns_its_package():
    assert packages_concerned([wish("Onnxruntime_GPU==1.17.9")]) == {"onnxruntime-gpu"}
