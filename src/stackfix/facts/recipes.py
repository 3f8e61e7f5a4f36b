"""Recipes: one TOML file each, read when one is asked for by name; prepared as JSON, which takes 5 ms less.

Annotations are evaluated here, not kept as text: msgspec would compile each text before it reads a row.
"""

import re
from pathlib import Path

import msgspec

from stackfix.errors import QuestionError
from stackfix.facts.prepared import digest_of, read_toml
from stackfix.model.recipe import Kind, Model, ModelFormat, Recipe, Variant

PREPARED = "recipes.json"


class _VariantRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roots: tuple[str, ...]
    newest: tuple[str, ...]
    features: dict[str, tuple[str, ...]] = {}
    instead: dict[str, tuple[str, ...]] = {}


class _ModelRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    bytes: int
    sha256: str
    urls: tuple[str, ...]
    licence: str
    kind: Kind = "onnx"
    optional: bool = False
    opset: int = 0
    ir: int = 0
    format_source: str = ""


class _RecipeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    summary: str
    validator: str
    gpu: _VariantRow
    cpu: _VariantRow
    model: tuple[_ModelRow, ...] = ()


class _PreparedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recipe, and the digest of the TOML file that it was made from."""

    digest: str
    recipe: _RecipeRow


def recipe_names(root: Path) -> list[str]:
    """Return the names of all recipes."""
    return sorted(path.stem for path in (root / "recipes").glob("*.toml"))


def load_recipe(root: Path, name: str) -> Recipe:
    """Return a recipe; QuestionError with the near names for one that is not there."""
    names = recipe_names(root)
    if name not in names:
        import difflib  # noqa: PLC0415 - 5 ms that an answer does not need

        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        known = f"did you mean `{near[0]}`?" if near else f"recipes: {', '.join(names)}"
        hint = (
            f"{known}; `stackfix facts` says which packages it has facts about, "
            "and others come with `-r requirements.txt`"
        )
        raise QuestionError(
            f"there is no recipe `{name}`, and no facts about a package of that name", hint=hint
        )
    row = _prepared(root, name) or read_toml(root / "recipes" / f"{name}.toml", _RecipeRow)
    return Recipe(
        name=name,
        summary=row.summary,
        validator=row.validator,
        gpu=_variant(row.gpu),
        cpu=_variant(row.cpu),
        models=tuple(_model(each) for each in row.model),
    )


def _prepared(root: Path, name: str) -> _RecipeRow | None:
    """Return a recipe from the prepared file, None where that is not there or was made from another TOML file."""
    try:
        rows = msgspec.json.decode((root / PREPARED).read_bytes(), type=dict[str, _PreparedRow])
    except (OSError, msgspec.DecodeError):
        return None
    row = rows.get(name)
    return row.recipe if row and row.digest == digest_of(root / "recipes" / f"{name}.toml") else None


def encoded_recipes(root: Path) -> bytes:
    """Return the bytes of the prepared file, made from the TOML files themselves."""
    paths = [root / "recipes" / f"{name}.toml" for name in recipe_names(root)]
    rows = {path.stem: _PreparedRow(digest_of(path), read_toml(path, _RecipeRow)) for path in paths}
    return msgspec.json.encode(rows) + b"\n"


def looks_like_requirement(word: str) -> bool:
    """Whether a target has the marks of a requirement (`torch>=2.4`, `torch[x]`)."""
    return bool(re.search(r"[<>=!~\[;@ ]", word))


def _variant(row: _VariantRow) -> Variant:
    features = {package: frozenset(names) for package, names in row.features.items()}
    return Variant(roots=row.roots, newest=row.newest, features=features, instead=row.instead)


def _model(row: _ModelRow) -> Model:
    read_by_onnxruntime = ModelFormat(
        file=row.file, opset=row.opset or None, ir=row.ir or None, source=row.format_source
    )
    return Model(
        file=row.file,
        bytes=row.bytes,
        sha256=row.sha256,
        urls=row.urls,
        licence=row.licence,
        kind=row.kind,
        optional=row.optional,
        format=read_by_onnxruntime if row.kind == "onnx" else None,
    )
