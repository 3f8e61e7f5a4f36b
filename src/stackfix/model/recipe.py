"""Recipe: what one word asks for; on a GPU and on a CPU, with the models and the validator that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal["onnx", "torchscript"]


class ModelFormat(Struct, frozen=True, kw_only=True):
    """The ONNX opset and IR version of a model, None where nobody has said; `source` says where it stands."""

    file: str
    opset: int | None
    ir: int | None
    source: str


class Model(Struct, frozen=True, kw_only=True):
    """One model file: its name, size and digest, and where it can be had, best first.

    An `optional` one is had only when it is asked for; nothing that a recipe promises needs it. `format` is None for
    a file that onnxruntime does not read.
    """

    file: str
    bytes: int
    sha256: str
    urls: tuple[str, ...]
    licence: str
    kind: Kind = "onnx"
    optional: bool = False
    format: ModelFormat | None = None


class Variant(Struct, frozen=True, kw_only=True):
    """Root requirements, the order in which newness counts, and the features that must work.

    `instead` names for a root the packages that serve as well, where a project asks for one of them.
    """

    roots: tuple[str, ...]
    newest: tuple[str, ...]
    features: Mapping[str, frozenset[str]]
    instead: Mapping[str, tuple[str, ...]] = {}


class Recipe(Struct, frozen=True, kw_only=True):
    """One recipe file."""

    name: str
    summary: str
    validator: str
    gpu: Variant
    cpu: Variant
    models: tuple[Model, ...]

    @property
    def needed(self) -> tuple[Model, ...]:
        """The models without which the validator can't run the real thing."""
        return tuple(model for model in self.models if not model.optional)

    @property
    def formats(self) -> tuple[ModelFormat, ...]:
        """What onnxruntime must be able to read."""
        return tuple(model.format for model in self.models if model.format is not None)
