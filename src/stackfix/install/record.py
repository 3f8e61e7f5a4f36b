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


def drop_files(packages: Path, names: Collection[str], of: Collection[str]) -> None:
    """Remove the files of these names from the dist-info folders of some packages, and their rows."""
    for path, text in _records(packages):
        if canonicalize_name(path.parent.name.partition("-")[0]) not in of:
            continue
        if any(f"/{name}" in text for name in names):
            lines = text.split("\n")
            kept = [line for line in lines if not _is_named(_row(line)[0], names)]
            if len(kept) != len(lines):
                replace_bytes(path, "\n".join(kept).encode())
        for name in names:
            path.with_name(name).unlink(missing_ok=True)


def _records(packages: Path) -> Iterator[tuple[Path, str]]:
    """Yield each RECORD of a site-packages folder with its text."""
    for path in sorted(packages.glob("*.dist-info/RECORD")):
        yield path, path.read_text(encoding="utf-8")


def _row(line: str) -> list[str]:
    """Return path, hash and size of a line; hardly any of 20,000 needs the whole of CSV."""
    if '"' not in line:
        return line.split(",")
    return next(csv.reader([line]), [""])


def _is_named(entry: str, names: Collection[str]) -> bool:
    folder, _, name = entry.rpartition("/")
    return name in names and folder.endswith(".dist-info") and "/" not in folder


def update_hashes(packages: Path, changed: Collection[Path]) -> None:
    """Write the new hash and size of changed files into the RECORD that owns them."""
    wanted = {os.path.normpath(path) for path in changed}
    names = {os.path.basename(path) for path in wanted}  # noqa: PTH119 - 20,000 rows, few of which are looked at
    for path, text in _records(packages):
        if not any(name in text for name in names):
            continue
        lines = text.split("\n")
        for number, line in enumerate(lines):
            row = _row(line)
            if len(row) != 3 or not row[1] or row[0].rpartition("/")[2] not in names:
                continue
            place = os.path.normpath(packages / row[0])
            if place in wanted:
                data = Path(place).read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                lines[number] = _line([row[0], f"sha256={digest}", str(len(data))])
        if (written := "\n".join(lines)) != text:
            replace_bytes(path, written.encode())


def _line(row: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()
