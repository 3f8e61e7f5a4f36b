"""bundle.json: what a bundle is for, and every file of it by size and sha256."""

from __future__ import annotations

import json
from typing import Any

from stackfix.model.bundle import Bundle

SCHEMA = "stackfix.bundle/1"


def bundle_document(bundle: Bundle) -> dict[str, Any]:
    """Return the object; `install.sh` reads its words line by line, so each stands on a line of its own."""
    lock = bundle.lock
    return {
        "schema": SCHEMA,
        "name": bundle.name,
        "recipe": lock.recipe,
        "python": lock.python,
        "platform": lock.platform,
        "glibc": bundle.glibc,
        "device": lock.device,
        "cuda": lock.cuda,
        "driver": bundle.driver_floor,
        "models": bundle.models,
        "facts": lock.facts_date,
        "bytes": bundle.bytes,
        "packages": lock.versions,
        "files": [
            {"path": each.path, "size": each.size, "sha256": each.sha256}
            for each in sorted(bundle.files, key=lambda one: one.path)
        ],
    }


def bundle_text(bundle: Bundle) -> str:
    """Return bundle.json."""
    return json.dumps(bundle_document(bundle), indent=2) + "\n"
