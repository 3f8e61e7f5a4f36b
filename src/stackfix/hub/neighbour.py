"""Neighbour: the cache of Hugging Face's own libraries, where a model may lie that somebody has fetched before.

Source of the layout: https://github.com/huggingface/huggingface_hub/blob/main/docs/source/en/guides/manage-cache.md;
of the variables: src/huggingface_hub/constants.py there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from stackfix.hub.cache import what_is_wrong
from stackfix.hub.mirrors import HUB
from stackfix.model.recipe import Model

_ADDRESS = re.compile(re.escape(HUB) + r"/([\w.-]+)/([\w.-]+)/resolve/[\w.-]+/([\w./-]+)")


def lent_by_neighbour(model: Model, variables: Mapping[str, str]) -> Path | None:
    """Return where a model lies in that cache, with every byte of it read; None if it does not."""
    for path in _candidates(model, _folder(variables)):
        with suppress(OSError):
            if path.is_file() and path.stat().st_size == model.bytes and not what_is_wrong(path, model):
                return path
    return None


def _folder(variables: Mapping[str, str]) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if variables.get(name):
            return Path(variables[name]).expanduser()
    if variables.get("HF_HOME"):
        return Path(variables["HF_HOME"]).expanduser() / "hub"
    home = Path(variables.get("HOME") or Path.home())
    caches = Path(variables.get("XDG_CACHE_HOME") or home / ".cache").expanduser()
    return caches / "huggingface" / "hub"


def _candidates(model: Model, folder: Path) -> Iterator[Path]:
    for address in model.urls:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            continue
        owner, name, file = found.groups()
        kept = folder / f"models--{owner}--{name}"
        yield kept / "blobs" / model.sha256
        with suppress(OSError):  # where links can't be made, files lie in the folders of their revisions
            yield from sorted(kept.glob(f"snapshots/*/{file}"))
