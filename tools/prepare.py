"""Write data/prepared.json and data/wheels/index.json from the facts they stand for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stackfix.facts import prepared
from stackfix.facts.row_index import INDEX, index_of

ROOT = Path(__file__).resolve().parent.parent / "data"


def main() -> None:
    """Write both files."""
    (ROOT / prepared.PREPARED).write_bytes(prepared.encoded(prepared.prepare(ROOT)))
    (ROOT / "wheels" / INDEX).write_bytes(msgspec.json.encode(index_of(ROOT)) + b"\n")


if __name__ == "__main__":
    main()
