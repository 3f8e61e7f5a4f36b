"""Request: what is asked for, by one word or by requirements, in the order in which newness counts."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from stackfix.model.recipe import ModelFormat

MAIN = "pypi"  # the main index, whose rows ship


class Root(Struct, frozen=True, kw_only=True):
    """One requirement that the set must hold: `torch>=2.4`, and who asks ("recipe dwpose", "you")."""

    requirement: str
    asked_by: str
    relaxable: bool = False


class Request(Struct, frozen=True, kw_only=True):
    """What is asked for, on "gpu" or "cpu".

    `newest` are package names in the order in which newness counts ("python" among them says where the
    Python comes). `formats` are those of the models that must be read. `features` are the optional parts that must work: "onnxruntime-gpu" -> {"cuda"}.
    """

    device: str
    roots: tuple[Root, ...]
    newest: tuple[str, ...]
    features: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset({MAIN})
    newest_before: str = ""
    recipe: str = ""
    formats: tuple[ModelFormat, ...] = ()
