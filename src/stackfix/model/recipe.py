"""Recipe: what one word asks for; on a GPU and on a CPU, with the models and the validator that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFormat:
    """The ONNX opset and IR version of a model, None where nobody has said; `source` says where it stands."""

    file: str
    opset: int | None
    ir: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model file: its name, size and digest, and where it can be had, best first."""

    file: str
    bytes: int
    sha256: str
    urls: tuple[str, ...]
    licence: str
    format: ModelFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Root requirements, the order in which newness counts, and the features that must work."""

    roots: tuple[str, ...]
    newest: tuple[str, ...]
    features: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One recipe file."""

    name: str
    summary: str
    validator: str
    gpu: Variant
    cpu: Variant
    models: tuple[Model, ...]
