"""Commands of one report that install a package: together they lead to what all that is installed accepts."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients import finding, look

from stackfix.judging import remedy
from stackfix.judging.agreeing import _Ask, _together
from stackfix.probe.environment import read_environment
from stackfix.rules import plain


def wanted(fix):
    return shlex.split(fix)[-1]


def test_a_command_asks_for_what_those_accept_who_do_not_complain(site):
    site.healthy().install("protobuf", "6.33.0")
    site.install("mediapipe", "0.10.14", requires=["protobuf <5,>=4.25.3"])
    site.install("other", "1.0", requires=["protobuf>=4.25.8"])
    assert wanted(finding(look(site), "python_protobuf").fix) == "protobuf>=4.25.8,<5"


def test_what_serves_everybody_as_it_stands_stays_as_it_stands(site):
    site.healthy().install("protobuf", "6.33.0")
    site.install("mediapipe", "0.10.14", requires=["protobuf <5,>=4.25.3"])
    site.install("other", "1.0", requires=["protobuf>=3.20"])
    assert wanted(finding(look(site), "python_protobuf").fix) == "protobuf <5,>=4.25.3"


def test_two_commands_about_one_package_become_the_same(site):
    site.healthy().install("protobuf", "6.33.0")
    site.install("first", "1.0", requires=["protobuf>=3.20.3,<6"])
    site.install("second", "1.0", requires=["protobuf>=4.25,<7,!=6.33.0"])
    fixes = [wanted(one.fix) for one in look(site).findings if "protobuf" in one.about]
    assert len(fixes) == 2
    assert len(set(fixes)) == 1
    assert set(fixes[0].removeprefix("protobuf").split(",")) >= {">=4.25", "<6"}


def test_where_no_release_serves_both_the_one_that_complains_has_to_give_way(site):
    site.healthy().install("numpy", "2.2.6")
    site.install("pandas", "2.1.4", requires=["numpy<2,>=1.26.0"])
    site.install("opencv-python-headless", "4.13.0.90", requires=["numpy>=2"])
    found = finding(look(site), "numpy2_abi")
    assert found.fix.startswith(
        "no release of numpy serves pandas 2.1.4 (numpy<2,>=1.26.0) and opencv-python-headless 4.13.0.90 (numpy>=2)"
    )
    assert "--upgrade pandas`" in found.fix
    assert "an environment apart" in found.fix


def test_the_one_that_the_facts_do_not_know_has_to_give_way(site):
    site.healthy().install("numpy", "2.2.6")
    site.install("opencv-python-headless", "4.10.0.84", requires=["numpy<2"])
    site.install("stranger", "1.0", requires=["numpy>=2"])
    assert "--upgrade stranger`" in finding(look(site), "numpy2_abi").fix


def test_between_packages_that_the_facts_know_our_own_repair_decides(site):
    site.cuda12().torch().onnxruntime().install("numpy", "2.2.6")
    site.install("opencv-python-headless", "4.10.0.84", requires=["numpy<2"])
    site.install("torchvision", "0.23.0", requires=["numpy>=2"])
    fixes = {one.fix for one in look(site).findings if "opencv-python-headless" in one.about}
    assert fixes == {f"stackfix fix --venv {site.root}"}


def test_what_was_built_for_numpy_1_is_asked_too(site):
    site.cuda12().torch("2.2.2", build="+cu121", cuda="12.1").install("numpy", "1.26.4")
    site.install("stranger", "1.0", requires=["numpy>=2.0"])
    found = next(one for one in look(site).findings if one.about[:1] == ("stranger",))
    assert found.fix.startswith("no release of numpy serves stranger 1.0 (numpy>=2.0) and torch 2.2.2")


@pytest.mark.parametrize(
    "words", [["--force-reinstall", "--no-deps", "numpy==2.2.6"], ["/a/b.whl"], ["numpy", "--pre"]]
)
def test_only_a_plain_install_is_read_as_one(site, words):
    environment = read_environment(site.healthy().root)
    assert remedy.installed_by(remedy.install(environment, words), environment) == ()
    assert remedy.installed_by(remedy.mend(environment), environment) == ()
    assert remedy.installed_by(remedy.install(environment, ["a>=1", "b [c]<2"]), environment) == (
        "a>=1",
        "b [c]<2",
    )


VERSIONS = [
    f"{major}.{minor}{patch}" for major in range(4) for minor in range(4) for patch in ("", ".1", ".5")
]
CLAUSES = st.builds(
    "{}{}".format, st.sampled_from([">=", "<", "<=", ">", "!=", "=="]), st.sampled_from(VERSIONS)
)
SPECIFIERS = st.lists(CLAUSES, min_size=1, max_size=3).map(",".join)


@given(SPECIFIERS, st.lists(SPECIFIERS, max_size=3))
def test_a_narrowed_requirement_admits_what_all_admit_and_nothing_else(own, others):
    asks = [_Ask("own", own), *(_Ask("other", each) for each in others)]
    together = _together(f"thing{own}", {"thing": asks})
    all_admit = [one for one in VERSIONS if all(plain.admits(each.specifier, one) for each in asks)]
    if not together:
        assert all_admit == []
    elif together != f"thing{own}":
        assert [one for one in VERSIONS if plain.admits(together.removeprefix("thing"), one)] == all_admit


def test_a_bound_that_is_no_plain_number_is_left_to_the_installer():
    asks = [_Ask("own", "<2"), _Ask("other", ">=2.0rc1")]
    assert _together("thing<2", {"thing": asks}) == "thing<2"
