"""Models in the cache as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stackfix.model.kept import KeptModel
from stackfix.render.units import size


def models_document(models: Sequence[KeptModel]) -> list[dict[str, Any]]:
    """Return models as JSON."""
    return [
        {
            "name": each.model.file,
            "bytes": each.model.bytes,
            "sha256": each.model.sha256,
            "state": each.state,
            "path": each.path,
            "recipe": each.recipe,
            "optional": each.model.optional,
            "present": each.present,
            "why": each.why or None,
        }
        for each in models
    ]


def models_lines(models: Sequence[KeptModel]) -> Iterator[str]:
    """Yield a line a model, its path below, and what is wrong with it."""
    width = max((len(each.model.file) for each in models), default=0)
    for each in models:
        part = f", {size(each.present)} of it" if each.state == "partial" else ""
        optional = ", optional" if each.model.optional else ""
        yield (
            f"{each.model.file:<{width}}  {each.state}{part}  {size(each.model.bytes)}, recipe {each.recipe}{optional}"
        )
        yield f"  {each.path}"
        if each.why:
            yield f"  it is {each.why}"
