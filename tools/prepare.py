"""Write data/prepared.json, data/recipes.json and data/wheels/index.ndjson from the facts they stand for."""

from __future__ import annotations

from pathlib import Path

from stackfix.facts import prepared, recipes
from stackfix.facts.row_index import INDEX, encoded_index

ROOT = Path(__file__).resolve().parent.parent / "data"


def main() -> None:
    """Write all three."""
    (ROOT / prepared.PREPARED).write_bytes(prepared.encoded(prepared.prepare(ROOT)))
    (ROOT / recipes.PREPARED).write_bytes(recipes.encoded_recipes(ROOT))
    (ROOT / "wheels" / INDEX).write_bytes(encoded_index(ROOT))


if __name__ == "__main__":
    main()
