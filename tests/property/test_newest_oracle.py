"""Brute force is the oracle: the same newest set, and none exactly when brute force has none."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackfix.model.evidence import Source
from stackfix.model.problem import Fact, Problem, Requirement, TableUniverse
from stackfix.solve.minimal import minimal
from stackfix.solve.newest import solve
from stackfix.solve.prove import Refutation, search

pytestmark = pytest.mark.property

NODES = ("a", "b", "c", "d", "e", "lib:x", "stack:cuda")
_SOURCE = Source(method="measured", where="a generated universe")


def _fact(text, package="", release=""):
    return Fact(text=text, rule="generated", source=_SOURCE, package=package, release=release)


@st.composite
def problems(draw):
    nodes = draw(st.lists(st.sampled_from(NODES), min_size=2, max_size=6, unique=True))
    keys = {node: [str(n) for n in range(draw(st.integers(1, 3)), 0, -1)] for node in nodes}
    counter = itertools.count()

    def requirement(node, package="", release=""):
        allowed = draw(st.frozensets(st.sampled_from(keys[node]), min_size=0 if draw(st.booleans()) else 1))
        of = (package, release) if package and ":" not in package and draw(st.booleans()) else ("", "")
        return Requirement(node, allowed, _fact(f"fact {next(counter)} on {node}", *of))

    table = {
        node: {
            key: tuple(
                requirement(other, node, key)
                for other in draw(st.lists(st.sampled_from(nodes), max_size=3, unique=True))
                if other != node
            )
            for key in keys[node]
        }
        for node in nodes
    }
    roots = tuple(
        Requirement(node, frozenset(keys[node]), _fact(f"root {node}"))
        for node in draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique=True))
    )
    order = tuple(draw(st.permutations([n for n in nodes if ":" not in n]))[: draw(st.integers(0, 4))])
    return Problem(TableUniverse(table), roots, order)


def every_set(problem):
    """All sets that hold: closed under requirements, and nothing in them that the roots do not lead to."""
    table = problem.universe.table
    nodes = list(table)
    for choice in itertools.product(*[(None, *table[node]) for node in nodes]):
        chosen = {node: key for node, key in zip(nodes, choice, strict=True) if key is not None}
        required = list(problem.roots) + [r for n, k in chosen.items() for r in table[n][k]]
        if any(chosen.get(r.node) not in r.allowed for r in required):
            continue
        reached, queue = set(), [r.node for r in problem.roots]
        while queue:
            node = queue.pop()
            if node not in reached:
                reached.add(node)
                queue += [r.node for r in table[node][chosen[node]]]
        if reached == set(chosen):
            yield chosen


def comparison(problem, chosen):
    """The key by which sets compare, written from the definition alone; smaller is newer."""
    table = problem.universe.table
    roots = {r.node for r in problem.roots}
    first = [list(table[n]).index(chosen[n]) for n in problem.order if n in roots]
    packages = [n for n in problem.order if n not in roots]
    packages += sorted(n for n in table if ":" not in n and n not in problem.order)
    rest = [list(table[n]).index(chosen[n]) if n in chosen else -1 for n in packages]
    return first, rest


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def test_the_newest_set_is_brute_forces_newest_set(problem):
    sets = list(every_set(problem))
    answer = solve(problem)
    if not sets:
        assert isinstance(answer, Refutation)
        return
    assert not isinstance(answer, Refutation)
    assert answer in sets
    assert comparison(problem, answer) == min(comparison(problem, chosen) for chosen in sets)


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def test_a_refutation_is_true_and_minimal(problem):
    answer = search(problem)
    if not isinstance(answer, Refutation):
        return
    facts = minimal(problem, answer.facts)
    assert facts
    assert not list(every_set(_only(problem, facts)))
    for fact in facts:
        assert list(every_set(_only(problem, facts - {fact})))


def _only(problem, facts):
    table = {
        node: {key: tuple(r for r in requires if r.fact in facts) for key, requires in keys.items()}
        for node, keys in problem.universe.table.items()
    }
    return Problem(TableUniverse(table), tuple(r for r in problem.roots if r.fact in facts), problem.order)


def test_what_the_order_does_not_name_is_the_newest_that_can_be_by_name():
    choices = {"3": {"1"}, "2": {"2"}, "1": {"3"}}
    table = {
        "app": {
            "1": (
                Requirement("b", frozenset("54321"), _fact("needs b")),
                Requirement("c", frozenset("321"), _fact("needs c")),
            )
        },
        "b": dict.fromkeys("54321", ()),
        "c": {
            key: (Requirement("b", frozenset(allowed), _fact(f"c {key} wants b {allowed}")),)
            for key, allowed in choices.items()
        },
    }
    root = Requirement("app", frozenset("1"), _fact("app is asked for"))
    problem = Problem(TableUniverse(table), (root,), ("app",))
    assert solve(problem) == {"app": "1", "b": "3", "c": "1"}


class _Counting:
    """A table universe that counts how often it is asked what a candidate requires."""

    def __init__(self, table):
        self.table, self.asked = TableUniverse(table), 0

    def __getattr__(self, name):
        return getattr(self.table, name)

    def requires(self, node, key):
        self.asked += 1
        return self.table.requires(node, key)


def test_a_conflict_of_many_releases_is_made_minimal_without_a_search_for_each():
    def asked(count):
        releases = {
            str(n): (Requirement("b", frozenset({"1"}), _fact(f"a {n} needs b 1", "a", str(n))),)
            for n in range(count)
        }
        universe = _Counting({"a": releases, "b": {"2": (), "1": ()}})
        roots = (
            Requirement("a", frozenset(releases), _fact("a is wished for")),
            Requirement("b", frozenset({"2"}), _fact("b is 2")),
        )
        problem = Problem(universe, roots, ("a", "b"))
        facts = search(problem).facts
        universe.asked = 0
        assert minimal(problem, facts) == facts
        assert len(facts) == count + 2
        return universe.asked

    assert asked(200) - asked(100) < 500


def test_of_two_facts_about_one_release_the_idle_one_is_left_out():
    needs_b = Requirement("b", frozenset({"1"}), _fact("a 1 needs b", "a", "1"))
    needs_c = Requirement("c", frozenset({"1"}), _fact("a 1 needs c", "a", "1"))
    broken = Requirement("d", frozenset(), _fact("b needs what is not there"))
    root = Requirement("a", frozenset({"1"}), _fact("a is wished for"))
    table = {"a": {"1": (needs_b, needs_c)}, "b": {"1": (broken,)}, "c": {"1": ()}, "d": {"1": ()}}
    problem = Problem(TableUniverse(table), (root,))
    every = {one.fact for one in (root, needs_b, needs_c, broken)}
    assert minimal(problem, every) == every - {needs_c.fact}
