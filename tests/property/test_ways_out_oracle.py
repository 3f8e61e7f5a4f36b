"""Ways out of generated conflicts, held against brute force: each option really has the set that it names."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from test_newest_oracle import every_set

from stackfix.model.evidence import Source, Unknown
from stackfix.model.machine import Interpreter
from stackfix.model.problem import DEFINITION, Fact, Problem, Requirement, TableUniverse
from stackfix.solve import explain
from stackfix.solve.case import Case
from stackfix.solve.prove import Refutation, search
from stackfix.solve.relax import options
from stackfix.versions import PythonVersion

pytestmark = pytest.mark.property

PACKAGES = ("a", "b", "c")
READINGS = {"machine:driver": ("470", "450", "535", "580"), "machine:glibc": ("2.28", "2.17", "2.35")}
_SOURCE = Source(method="measured", where="a generated universe")
HARDWARE = SimpleNamespace(
    branch_of=lambda driver: driver.branch, forward_packages=lambda *_: (), gpu_kind=lambda _: ""
)
FACTS = SimpleNamespace(hardware=HARDWARE, documented=lambda *_: ())
MACHINE = SimpleNamespace(
    driver=Unknown(()),
    gpus=Unknown(()),
    wsl=False,
    pythons=(),
    other_pythons=(),
    group=(),
    platform=SimpleNamespace(label="linux_x86_64"),
)
PYTHON = Interpreter(version=PythonVersion.parse("3.12"))


def _fact(text, rule="generated", **more):
    return Fact(text=text, rule=rule, source=_SOURCE, **more)


@st.composite
def wishes(draw):
    """Packages that require each other, a driver and a glibc; wishes for some releases; the readings as they are."""
    keys = {node: tuple(str(n) for n in range(draw(st.integers(1, 3)), 0, -1)) for node in PACKAGES}
    keys |= READINGS
    counter = itertools.count()

    def requirement(node):
        allowed = draw(st.frozensets(st.sampled_from(keys[node]), max_size=2))
        rule = draw(st.sampled_from(["generated", "generated", DEFINITION]))
        return Requirement(node, allowed, _fact(f"fact {next(counter)} on {node}", rule))

    table = {
        node: {
            key: tuple(
                requirement(other)
                for other in draw(st.lists(st.sampled_from(list(keys)), max_size=2, unique=True))
                if other != node
            )
            if node in PACKAGES
            else ()
            for key in keys[node]
        }
        for node in keys
    }
    asked = []
    for node in draw(st.lists(st.sampled_from(PACKAGES), min_size=1, max_size=3, unique=True)):
        allowed = draw(st.frozensets(st.sampled_from(keys[node]), min_size=1))
        mine = draw(st.booleans())
        asked.append(
            Requirement(
                node,
                allowed,
                _fact(f"wish for {node}", "request", relaxable=mine, general=f"{node} as wished"),
            )
        )
    read = [
        Requirement(node, frozenset({values[0]}), _fact(f"{node} is read", "machine", relaxable=True))
        for node, values in READINGS.items()
    ]
    return Problem(TableUniverse(table), (*asked, *read), draw(st.permutations(PACKAGES)))


def refused(problem):
    """The case of a problem that has no set."""
    answer = search(problem)
    assume(isinstance(answer, Refutation))
    conflict = explain.why_not_at_all(problem, answer)
    return Case(
        problem=problem,
        machine=MACHINE,
        python=PYTHON,
        facts=FACTS,
        conflict=conflict,
        pose=lambda machine, python: problem,
    )


def said(problem, facts):
    """The problem in which only some facts and the definitions are said."""
    table = {
        node: {
            key: tuple(r for r in requires if r.fact in facts or r.fact.rule == DEFINITION)
            for key, requires in keys.items()
        }
        for node, keys in problem.universe.table.items()
    }
    return Problem(TableUniverse(table), tuple(r for r in problem.roots if r.fact in facts), problem.order)


def main(problem, chosen):
    return tuple((name, chosen[name]) for name in problem.order if name in chosen)


def changed(problem, text):
    """The problem after a single change, written from the option's text alone."""
    if text.startswith("leave out"):
        (node,) = re.findall(r"`(\w) as wished`", text)
        free = frozenset(problem.universe.table[node])
        for allowed in (free, None):
            roots = [
                Requirement(r.node, allowed, r.fact) if r.node == node else r
                for r in problem.roots
                if r.node != node or allowed is not None
            ]
            yield Problem(problem.universe, tuple(roots), problem.order)
        return
    node = "machine:driver" if "driver" in text else "machine:glibc"
    (key,) = re.findall(r"(?:driver|glibc|branch) (\d[\d.]*)", text)
    roots = [Requirement(r.node, frozenset({key}), r.fact) if r.node == node else r for r in problem.roots]
    yield Problem(problem.universe, tuple(roots), problem.order)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(wishes())
def test_a_conflict_is_true_minimal_and_names_no_definition(problem):
    case = refused(problem)
    every = {r.fact for r in problem.roots} | {
        r.fact for keys in problem.universe.table.values() for rs in keys.values() for r in rs
    }
    assert set(case.conflict) <= every
    assert all(fact.rule != DEFINITION for fact in case.conflict)
    assert not list(every_set(said(problem, set(case.conflict))))
    for fact in case.conflict:
        assert list(every_set(said(problem, set(case.conflict) - {fact})))


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(wishes())
def test_each_single_option_has_the_set_that_it_names(problem):
    for option in options(refused(problem)):
        if option.kind != "several":
            sets = [
                main(problem, chosen)
                for after in changed(problem, option.text)
                for chosen in every_set(after)
            ]
            assert option.packages in sets


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(wishes())
def test_no_single_way_out_is_passed_over(problem):
    found = options(refused(problem))
    kinds = {option.kind for option in found}
    wished = [r for r in problem.roots if r.fact.relaxable and r.fact.rule == "request"]
    for wish in wished:
        helps = any(
            main(problem, chosen)
            for after in changed(problem, f"leave out `{wish.fact.general}`")
            for chosen in every_set(after)
        )
        assert helps == any(f"`{wish.fact.general}`" in o.text for o in found if o.kind == "wish")
    for node, kind in (("machine:driver", "driver"), ("machine:glibc", "glibc")):
        others = READINGS[node] if kind == "driver" else ("2.35",)
        helps = any(
            list(every_set(after))
            for key in others
            for after in changed(problem, f"{node.partition(':')[2]} {key}")
        )
        assert helps == (kind in kinds)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(wishes())
def test_pairs_are_offered_only_where_no_single_change_helps(problem):
    found = options(refused(problem))
    several = [option for option in found if option.kind == "several"]
    assert not several or several == list(found)
    assert all(" and " in option.text for option in several)
