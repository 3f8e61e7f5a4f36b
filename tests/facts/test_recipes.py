"""Recipes: read by name, refused with the near names, and told by key when they are broken."""

from __future__ import annotations

import re

import pytest

from stackfix.errors import DataError, QuestionError
from stackfix.facts import prepared
from stackfix.facts.recipes import (
    PREPARED,
    encoded_recipes,
    load_recipe,
    looks_like_requirement,
    recipe_names,
)
from stackfix.facts.root import data_root


def test_dwpose_names_its_packages_in_the_order_in_which_newness_counts():
    recipe = load_recipe(data_root(), "dwpose")
    assert recipe.gpu.newest[:4] == ("torch", "onnxruntime-gpu", "torchvision", "python")
    assert recipe.gpu.features == {"onnxruntime-gpu": frozenset({"cuda"})}
    assert {"torch", "torchvision", "onnxruntime-gpu", "numpy"} <= set(recipe.gpu.roots)
    assert not any("gpu" in root or root == "torch" for root in recipe.cpu.roots)


def test_dwpose_names_its_models_by_size_and_digest():
    models = {model.file: model for model in load_recipe(data_root(), "dwpose").models}
    assert models["yolox_l.onnx"].bytes == 216746733
    assert models["dw-ll_ucoco_384.onnx"].sha256.startswith("724f4ff2439e")
    assert {model.licence for model in models.values()} == {"Apache-2.0"}


def test_the_model_that_torch_reads_is_optional_and_asks_nothing_of_onnxruntime():
    recipe = load_recipe(data_root(), "dwpose")
    torchscript = [model for model in recipe.models if model.kind == "torchscript"]
    assert [(model.file, model.bytes, model.format) for model in torchscript] == [
        ("dw-ll_ucoco_384_bs5.torchscript.pt", 135059124, None)
    ]
    assert [model.file for model in recipe.needed] == ["yolox_l.onnx", "dw-ll_ucoco_384.onnx"]
    assert [each.file for each in recipe.formats] == ["yolox_l.onnx", "dw-ll_ucoco_384.onnx"]


@pytest.mark.parametrize("name", recipe_names(data_root()))
def test_every_recipe_counts_newness_of_what_it_asks_for(name):
    recipe = load_recipe(data_root(), name)
    for variant in (recipe.gpu, recipe.cpu):
        names = {re.split(r"[<>=!~\[; ]", root)[0] for root in variant.roots}
        assert names <= set(variant.newest)
        assert set(variant.features) <= names
    for model in recipe.models:
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
        assert model.bytes > 0
        assert all(url.startswith("https://") for url in model.urls)
        assert "/" not in model.file
    assert len({model.file for model in recipe.models}) == len(recipe.models)


def test_the_prepared_recipes_of_this_checkout_were_made_from_its_toml(monkeypatch):
    assert (data_root() / PREPARED).read_bytes() == encoded_recipes(data_root())
    monkeypatch.setattr(prepared, "parse_toml", lambda _: pytest.fail("the TOML was parsed"))
    assert load_recipe(data_root(), "dwpose").gpu.roots


@pytest.mark.parametrize("there", [b"", b"{}", b'{"dwpose": 1}', None])
def test_a_recipe_is_read_from_its_toml_where_it_is_not_prepared(tmp_path, there):
    (tmp_path / "recipes").mkdir()
    path = tmp_path / "recipes" / "dwpose.toml"
    path.write_bytes((data_root() / "recipes" / "dwpose.toml").read_bytes())
    if there is not None:
        (tmp_path / PREPARED).write_bytes(there)
    assert load_recipe(tmp_path, "dwpose") == load_recipe(data_root(), "dwpose")


def test_a_changed_recipe_is_believed_and_not_the_prepared_file(tmp_path):
    (tmp_path / "recipes").mkdir()
    path = tmp_path / "recipes" / "dwpose.toml"
    text = (data_root() / "recipes" / "dwpose.toml").read_text()
    path.write_text(text)
    (tmp_path / PREPARED).write_bytes(encoded_recipes(tmp_path))
    assert load_recipe(tmp_path, "dwpose") == load_recipe(data_root(), "dwpose")
    path.write_text(re.sub(r'(?m)^summary = ".*"$', 'summary = "another"', text))
    assert load_recipe(tmp_path, "dwpose").summary == "another"


def test_an_unknown_recipe_is_refused_with_the_near_one():
    with pytest.raises(QuestionError, match="no recipe `dwpsoe`") as caught:
        load_recipe(data_root(), "dwpsoe")
    assert "`dwpose`" in caught.value.hint


def test_a_recipe_unlike_any_is_refused_with_all_of_them():
    with pytest.raises(QuestionError) as caught:
        load_recipe(data_root(), "zzzzzz")
    assert "dwpose" in caught.value.hint


@pytest.mark.parametrize("name", ["../drivers", "dwpose.toml", "", "DWPOSE/../dwpose"])
def test_a_name_never_leaves_the_folder_of_recipes(name):
    with pytest.raises(QuestionError, match="no recipe"):
        load_recipe(data_root(), name)


def test_a_new_recipe_is_one_file(root):
    text = (root / "recipes" / "dwpose.toml").read_text()
    (root / "recipes" / "pose2.toml").write_text(text)
    assert "pose2" in recipe_names(root)
    assert load_recipe(root, "pose2").name == "pose2"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("validator =", "validater =", "validat"),
        ("bytes = 216746733", 'bytes = "many"', "int"),
        ('kind = "torchscript"', 'kind = "pickle"', "pickle"),
        ("[gpu]", "[gpux]", "gpu"),
        ("[gpu]", "[gpu", "not TOML"),
    ],
)
def test_a_broken_recipe_is_told_with_its_file(root, old, new, reason):
    path = root / "recipes" / "dwpose.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=reason) as caught:
        load_recipe(root, "dwpose")
    assert caught.value.file == "dwpose.toml"


@pytest.mark.parametrize(
    ("word", "is_one"),
    [("torch>=2.4", True), ("torch[x]", True), ("torch==2.4", True), ("dwpose", False), ("torch", False)],
)
def test_a_requirement_is_told_from_a_recipe_by_its_marks(word, is_one):
    assert looks_like_requirement(word) is is_one
