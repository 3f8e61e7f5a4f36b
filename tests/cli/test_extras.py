"""What an extra asks for and the facts do not know is resolved beside the set; which releases have an extra is said."""

import json

import pytest
from binaries import part

CPU = ["--gpu", "none", "--python", "3.12", "--glibc", "2.35", "--platform", "linux_x86_64"]


@pytest.fixture
def whole(index):
    """An index with a measured package of three releases: the first has no extra, the last not all of the second's."""
    index.publish(*part("whole", "1.0"))
    index.publish(*part("whole", "2.0", ['deep>=1; extra == "More_of_it"', 'deep; extra == "gone"']))
    index.publish(*part("whole", "3.0", ['deep>=2; extra == "More_of_it"']))
    index.publish(*part("deep", "1.0"))
    index.publish(*part("deep", "2.0"))
    releases = [f"whole=={version}.0" for version in (1, 2, 3)]
    done = index.run("facts", "measure", *releases, "--platform", "linux_x86_64")
    assert done.returncode == 0, done.stderr
    return index


@pytest.mark.parametrize(("release", "asked"), [("", "deep>=2"), ("==2.0", "deep>=1")])
def test_what_an_extra_asks_for_without_facts_keeps_no_release_out_and_is_said(whole, release, asked):
    for verb in ("resolve", "explain"):
        answer = json.loads(whole.run(verb, f"whole[more-of-it]{release}", *CPU, "--json").stdout)
        assert answer["packages"] == {"whole": release[2:] or "3.0"}
        assert answer["notes"] == [
            f"not judged, for no facts are about it: {asked} (whole[more-of-it])",
        ]


def test_what_an_extra_asks_for_without_facts_is_in_the_lock_and_the_export(whole, tmp_path):
    cache = {"UV_CACHE_DIR": str(tmp_path / "c")}
    lock = tmp_path / "pylock.toml"
    done = whole.run("lock", "whole[more-of-it]", *CPU, "--json", "-o", str(lock), **cache)
    assert json.loads(done.stdout)["packages"] == {"deep": "2.0", "whole": "3.0"}
    assert f"{whole.address}/files/deep-2.0-py3-none-any.whl" in lock.read_text()
    done = whole.run("export", "whole[more-of-it]==2.0", *CPU, "--format", "requirements", "-o", "-", **cache)
    assert "deep==2.0 --hash" in done.stdout


def test_what_an_extra_asks_for_and_the_index_has_not_is_named_with_the_extra(whole, tmp_path):
    whole.publish(*part("lame", "1.0", ['absent>=1; extra == "all"']))
    assert whole.run("facts", "measure", "lame==1.0", "--platform", "linux_x86_64").returncode == 0
    done = whole.run("lock", "lame[all]", *CPU, "-o", "-", UV_CACHE_DIR=str(tmp_path / "c"))
    assert done.returncode == 3
    assert "`absent`, which lame[all] asks for, is not on the index" in done.stderr


def test_an_extra_that_the_newest_release_has_not_is_refused_with_the_release_that_has_it(whole):
    done = whole.run("resolve", "whole[gone]", *CPU)
    assert done.returncode == 2
    assert "whole 3.0 has no extra `gone`" in done.stderr
    assert "extras: more-of-it; the newest with it: whole==2.0" in done.stderr
    done = whole.run("resolve", "whole[more-of-it]<2", *CPU)
    assert done.returncode == 2
    assert "whole 1.0 has no extra `more-of-it`" in done.stderr
    assert whole.run("resolve", "whole[gone]<3", *CPU).returncode == 0


def test_a_release_without_the_extra_that_is_asked_for_is_not_taken_for_one_with_it(whole):
    done = whole.run("resolve", "whole[more-of-it]", "whole<2", *CPU)
    assert done.returncode == 1
    assert "you ask for whole[more-of-it], which 2.0 to 3.0 have" in done.stdout
    assert "leave out `whole<2`" in done.stdout
