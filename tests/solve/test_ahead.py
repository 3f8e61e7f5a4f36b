"""Looking ahead: what is worked out once for all that ask the same is right for each of them."""

from __future__ import annotations

from stackfix.model.evidence import Source
from stackfix.model.problem import Fact, Problem, Requirement, TableUniverse
from stackfix.solve.minimal import minimal
from stackfix.solve.prove import Refutation, search


def needs(node, key, text):
    source = Source(method="measured", where="a table")
    return Requirement(node, frozenset({key}), Fact(text=text, rule="generated", source=source))


def test_two_packages_that_ask_the_same_of_a_third_are_told_apart():
    table = {
        "a": {"2": (needs("b", "1", "a 2 needs b"),), "1": (needs("c", "1", "a 1 needs c"),)},
        "b": {"1": (needs("d", "2", "b needs d 2"),)},
        "c": {"1": (needs("d", "2", "c needs d 2"),)},
        "d": {"2": (), "1": ()},
    }
    here = needs("d", "1", "d is 1")
    asked = Requirement(
        "a", frozenset({"1", "2"}), Fact(text="a is asked for", rule="request", source=here.fact.source)
    )
    problem = Problem(TableUniverse(table), (asked, here), ("a",))
    answer = search(problem)
    assert isinstance(answer, Refutation)
    assert {fact.text for fact in minimal(problem, answer.facts)} == {
        "a is asked for",
        "d is 1",
        "a 2 needs b",
        "b needs d 2",
        "a 1 needs c",
        "c needs d 2",
    }


def test_a_fact_that_several_share_is_kept_where_only_one_of_them_fails_by_itself():
    table = {
        "a": {"2": (needs("d", "2", "the same"),), "1": (needs("d", "2", "another"),)},
        "d": {"3": (), "2": (), "1": ()},
    }
    source = Source(method="measured", where="a table")
    shared = Requirement("d", frozenset({"1", "3"}), Fact(text="the same", rule="generated", source=source))
    asked = Requirement(
        "a", frozenset({"1", "2"}), Fact(text="a is asked for", rule="request", source=source)
    )
    problem = Problem(TableUniverse(table), (asked, shared), ("a",))
    answer = search(problem)
    assert isinstance(answer, Refutation)
    assert {fact.text for fact in answer.facts} == {"a is asked for", "the same", "another"}
