"""What documents say otherwise than the wheels, kept with the rows."""

from __future__ import annotations

import msgspec

from rowstore import DATA, read_rows, write_rows
from stackfix.facts.sources import disagreements, read_sources


def record_disagreements(platform: str) -> None:
    """Fill `disagrees` of every row that a document speaks of."""
    root = DATA.parent
    for package in {claim.package for claim in read_sources(root).claim}:
        rows = read_rows(package, platform)
        for version, each in rows.items():
            rows[version] = [
                msgspec.structs.replace(row, disagrees=disagreements(root, package, version, row.cuda))
                for row in each
            ]
        if rows:
            write_rows(package, rows)
