"""Write data/prepared.json and data/wheels/index.ndjson from the facts they stand for."""

from __future__ import annotations

from pathlib import Path

from stackfix.facts import prepared
from stackfix.facts.row_index import INDEX, encoded_index

ROOT = Path(__file__).resolve().parent.parent / "data"


def main() -> None:
    """Write both files."""
    (ROOT / prepared.PREPARED).write_bytes(prepared.encoded(prepared.prepare(ROOT)))
    (ROOT / "wheels" / INDEX).write_bytes(encoded_index(ROOT))


if __name__ == "__main__":
    main()
