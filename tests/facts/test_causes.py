"""Causes: read from their folder, told by file and key when they are broken; what releases are built for."""

from __future__ import annotations

import shutil

import pytest

from stackfix.errors import DataError
from stackfix.facts.builds import FactBuilds
from stackfix.facts.causes import load_causes
from stackfix.facts.database import Database
from stackfix.facts.root import data_root


@pytest.fixture
def with_causes(root):
    shutil.copytree(data_root() / "causes", root / "causes")
    return root


def test_all_causes_are_read(with_causes):
    known = load_causes(with_causes)
    assert len(known.words) > 35
    assert len(known.patterns) > 100
    assert known.source_lines["provider_bridge_ort"]["1745"] == ("1.18",)
    assert known.source_lines["onnxruntime_pybind_state"]["857"] == ("1.17",)


def test_a_phrase_stands_for_all_languages(with_causes):
    known = load_causes(with_causes)
    (pattern,) = [each for each in known.patterns if each.name == "cuda/loader-cannot-open"]
    assert "cannot open shared object file" in pattern.words
    assert any("öffnen" in word for word in pattern.words)
    assert "{" + "cannot_open" + "}" not in pattern.regex


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("gpu.toml", "weight = 0.93", "weight = 1.5", "weight"),
        ("gpu.toml", "weight = 0.93", "wait = 0.93", "wait"),
        ("gpu.toml", 'code = "gpu_arch_not_in_build"\nweight', "weight", "either a code or"),
        ("gpu.toml", 'code = "gpu_memory"\nconsequence', 'code = "wsl2"\nconsequence', "another file"),
        ("cuda.toml", "{cannot_open}'''", "{cannot_opn}'''", "no phrase"),
        ("common.toml", "[phrase]", "[phrases]", "phrases"),
        ("driver.toml", "[[cause]]", "[[cause", "not TOML"),
    ],
)
def test_a_broken_file_is_told_with_its_name(with_causes, file, old, new, reason):
    path = with_causes / "causes" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=reason) as caught:
        load_causes(with_causes)
    assert caught.value.file in {file, "wsl2", "gpu.toml", "driver.toml"}


def test_a_pattern_without_examples_is_refused(with_causes):
    (with_causes / "causes" / "own.toml").write_text(
        'summary = "s"\n[[pattern]]\nname = "n"\ndescription = "d"\ncode = "gpu_memory"\n'
        'words = ["w"]\nregex = "w"\nexamples = []\n'
    )
    with pytest.raises(DataError, match="has words and examples"):
        load_causes(with_causes)


@pytest.mark.parametrize(
    ("package", "version", "cuda", "cudnn"),
    [
        ("onnxruntime-gpu", "1.18", 11, 8),
        ("onnxruntime-gpu", "1.20.1", 12, 9),
        ("onnxruntime-gpu", "1.31.1", 13, 9),
        ("torch", "2.5.1+cu121", 12, 9),
        ("torch", "2.2", 12, 8),
        ("onnxruntime-gpu", "1.2", None, None),
        ("torch", "no version", None, None),
        ("nothing-known", "1.0", None, None),
    ],
)
def test_the_rows_say_what_a_release_is_built_for(package, version, cuda, cudnn):
    builds = FactBuilds(Database(data_root()))
    assert builds.cuda(package, version) == cuda
    assert builds.cudnn(package, version) == cudnn


def test_the_rows_say_when_a_release_came_out():
    builds = FactBuilds(Database(data_root()))
    assert builds.released("onnxruntime-gpu", "1.18").startswith("2024-06")
    assert builds.released("onnxruntime-gpu", "0.1") == ""
