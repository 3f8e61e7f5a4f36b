"""RECORD, the list of a distribution's files: read, and kept true when a file is changed or taken out.

Files may be hard links into an installer's cache: a changed file is always written anew and renamed.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name


def replace_bytes(path: Path, data: bytes) -> None:
    """Give a file new content through a new file, with the old one's mode."""
    mode = path.stat().st_mode if path.exists() else 0o644
    fresh = path.with_name(f".{path.name}.stackfix-new")
    fresh.write_bytes(data)
    fresh.chmod(mode & 0o7777)
    fresh.replace(path)


def records(packages: Path) -> Iterator[tuple[Path, list[list[str]]]]:
    """Yield each RECORD of a site-packages folder with its rows."""
    for path in sorted(packages.glob("*.dist-info/RECORD")):
        text = path.read_text(encoding="utf-8")
        yield path, [row for row in csv.reader(io.StringIO(text)) if row]


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    replace_bytes(path, text.getvalue().encode())


def drop_files(packages: Path, names: Collection[str], of: Collection[str]) -> None:
    """Remove the files of these names from the dist-info folders of some packages, and their rows."""
    for path, rows in records(packages):
        if canonicalize_name(path.parent.name.partition("-")[0]) not in of:
            continue
        kept = [row for row in rows if not _is_named(row[0], names)]
        if len(kept) != len(rows):
            _write(path, kept)
        for name in names:
            path.with_name(name).unlink(missing_ok=True)


def _is_named(entry: str, names: Collection[str]) -> bool:
    folder, _, name = entry.rpartition("/")
    return name in names and folder.endswith(".dist-info") and "/" not in folder


def update_hashes(packages: Path, changed: Collection[Path]) -> None:
    """Write the new hash and size of changed files into the RECORD that owns them."""
    wanted = {os.path.normpath(path) for path in changed}
    if not wanted:
        return
    names = {os.path.basename(path) for path in wanted}  # noqa: PTH119 - 20,000 rows, few of which are looked at
    for path, rows in records(packages):
        touched = False
        for row in rows:
            if row[0].rpartition("/")[2] not in names:
                continue
            place = os.path.normpath(packages / row[0])
            if len(row) == 3 and row[1] and place in wanted:
                data = Path(place).read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                row[1], row[2] = f"sha256={digest}", str(len(data))
                touched = True
        if touched:
            _write(path, rows)
