"""The rules held against installed releases: breaches, the agreed CUDA, Requires-Dist on the disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import facts, machine

from stackfix.judging.examine import scene_of
from stackfix.model.environment import Distribution, Environment
from stackfix.rules.installed import held_releases, judge, unmet
from stackfix.versions import PythonVersion


def environment(*distributions):
    return Environment(
        path="/env",
        executable="/env/bin/python",
        python=PythonVersion(3, 12, 4),
        site_packages=("/env/lib/python3.12/site-packages",),
        distributions=tuple(distributions),
    )


def release(name, version, *requires):
    return Distribution(
        name=name, version=version, folder=f"{name}-{version}.dist-info", requires_dist=requires
    )


def judged(*pairs, on=None):
    patient = environment(*(release(*pair) for pair in pairs))
    scene = scene_of(patient, on or machine(), facts())
    return judge(held_releases(patient, scene), scene, others=patient.packages)


def missing(*distributions):
    patient = environment(*distributions)
    scene = scene_of(patient, machine(), facts())
    return [(one.by.name, one.name, one.found) for one in unmet(patient, scene)]


def test_the_cuda_that_all_agree_on_is_torchs():
    found = judged(("torch", "2.8.0"), ("onnxruntime-gpu", "1.22.0"))
    assert (found.breaches, found.cuda) == ((), "12.8")


def test_two_cuda_majors_are_a_breach_against_torch():
    breaches = [
        one
        for one in judged(("torch", "2.8.0"), ("onnxruntime-gpu", "1.31.1")).breaches
        if one.other == "torch"
    ]
    assert breaches[0].package == "onnxruntime-gpu"
    assert breaches[0].against is not None


def test_releases_that_nobody_has_facts_about_break_nothing():
    assert judged(("thing", "1.0"), ("torch", "99.0")).breaches == ()


def test_a_local_version_is_not_taken_for_the_release_of_the_index():
    patient = environment(release("torch", "2.8.0+rocm6.3"))
    assert held_releases(patient, scene_of(patient, machine(), facts())) == ()


def test_what_is_required_is_asked_under_this_python_and_system():
    by = release(
        "a",
        "1",
        "b",
        "c; python_version < '3.12'",
        "d; sys_platform == 'win32'",
        "e; platform_machine == 'x86_64'",
    )
    assert missing(by) == [("a", "b", ""), ("a", "e", "")]


def test_a_version_that_does_not_fit_is_told_with_what_is_there():
    assert missing(release("a", "1", "b>=2,<3"), release("b", "3.0")) == [("a", "b", "3.0")]


def test_a_prerelease_that_is_installed_may_serve():
    assert missing(release("a", "1", "b>=2"), release("b", "3.0rc1")) == []


def test_names_are_one_however_they_are_written():
    assert missing(release("a", "1", "Foo_Bar.baz"), release("foo-bar-baz", "1")) == []


def test_extras_lead_from_package_to_package():
    rows = (
        release("a", "1", "b[x]"),
        release("b", "1", "c[y]; extra == 'x'", "never; extra == 'z'"),
        release("c", "1", "gone; extra == 'y'"),
    )
    assert missing(*rows) == [("c", "gone", "")]


def test_packages_that_ask_for_each_others_extras_come_to_an_end():
    assert missing(release("a", "1", "b[x]"), release("b", "1", "a[x]; extra == 'x'")) == []


def test_what_is_required_twice_is_told_once():
    assert missing(release("a", "1", "gone", "gone")) == [("a", "gone", "")]


@pytest.mark.parametrize("text", ["", ";", "a b c", "a; (" + "(" * 5000, "b; bogus == '1'", "b[", "b @ "])
def test_a_requirement_that_is_none_is_let_be(text):
    assert missing(release("a", "1", text, "gone")) == [("a", "gone", "")]


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(max_size=60), max_size=4))
def test_no_text_as_a_requirement_raises(texts):
    assert isinstance(missing(release("a", "1", *texts)), list)
