"""RECORD, the list of a distribution's files: read, and kept true when a file is changed or taken out.

Files may be hard links into an installer's cache: a changed file is always written anew and renamed.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
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
    """Yield each RECORD of a site-packages folder with its rows; one that is none is left out."""
    for path in sorted(packages.glob("*.dist-info/RECORD")):
        rows = rows_of(path)
        if rows is not None:
            yield path, rows


def rows_of(path: Path) -> list[list[str]] | None:
    """Return the rows of a RECORD, None where it is damaged: not text, not CSV, or of other rows than RECORD has."""
    try:
        rows = [row for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8")), strict=True) if row]
    except (OSError, ValueError, csv.Error):
        return None
    return rows if all(len(row) == 3 for row in rows) else None


def folders_of(packages: Path, names: Collection[str]) -> list[Path]:
    """Return the dist-info folders of packages by these names; several of one name where an installer left one."""
    found = (path for path in packages.glob("*.dist-info") if path.is_dir())
    return sorted(path for path in found if canonicalize_name(path.name.partition("-")[0]) in names)


def mend_records(packages: Path, names: Collection[str]) -> None:
    """Give packages whose RECORD is lost or damaged one of what lies in their folders, so that they can be removed."""
    for info in folders_of(packages, names):
        if rows_of(info / "RECORD"):
            continue
        own = packages / canonicalize_name(info.name.partition("-")[0]).replace("-", "_")
        files = [each for folder in (info, own) for each in sorted(folder.rglob("*")) if each.is_file()]
        paths = dict.fromkeys([*files, info / "RECORD"])
        _write(info / "RECORD", [[each.relative_to(packages).as_posix(), "", ""] for each in paths])


def take_out_doubles(packages: Path, names: Collection[str]) -> list[str]:
    """Remove the records of packages that have several, all but the one that fits the disk best; return their files."""
    found: dict[str, list[Path]] = {}
    for info in folders_of(packages, names):
        found.setdefault(canonicalize_name(info.name.partition("-")[0]), []).append(info)
    files: list[str] = []
    for infos in found.values():
        listed = {info: [row[0] for row in rows_of(info / "RECORD") or ()] for info in infos}
        best = max(reversed(infos), key=lambda info: _share_there(packages, listed[info]))
        for info in infos:
            if info != best:
                files += listed[info]
                shutil.rmtree(info)
    return files


def _share_there(packages: Path, files: Sequence[str]) -> float:
    return sum((packages / path).is_file() for path in files) / len(files) if files else 0.0


def remove_files(packages: Path, files: Collection[str]) -> None:
    """Remove files of a site-packages folder that no package lists any more, and the folders that are then empty."""
    if not files:
        return
    owned = {row[0] for _, rows in records(packages) for row in rows}
    for path in files:
        place = packages / path
        if path in owned or ".." in place.parts or not place.is_file():
            continue
        place.unlink()
        with suppress(OSError):  # not empty
            for folder in place.parents:
                if folder == packages:
                    break
                folder.rmdir()


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    replace_bytes(path, text.getvalue().encode())


def drop_files(packages: Path, names: Collection[str], of: Collection[str]) -> None:
    """Remove the files of these names from the dist-info folders of some packages, and their rows."""
    for path, text in _records(packages):
        if canonicalize_name(path.parent.name.partition("-")[0]) not in of:
            continue
        kept = text
        for start, end in reversed(_lines_with(text, (".dist-info/",))):
            if _is_named(_row(text[start:end])[0], names):
                kept = kept[:start] + kept[end + 1 :]
        if kept != text:
            replace_bytes(path, kept.encode())
        for name in names:
            path.with_name(name).unlink(missing_ok=True)


def _records(packages: Path) -> Iterator[tuple[Path, str]]:
    """Yield each RECORD of a site-packages folder with its text."""
    for path in sorted(packages.glob("*.dist-info/RECORD")):
        with suppress(UnicodeDecodeError):  # a damaged one is nobody's to keep true
            yield path, path.read_bytes().decode()


def _lines_with(text: str, words: Collection[str]) -> list[tuple[int, int]]:
    """Return where the lines begin and end that hold one of some words: of 20,000 hardly any is looked at."""
    found: set[tuple[int, int]] = set()
    for word in words:
        at = text.find(word)
        while at >= 0:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            found.add((text.rfind("\n", 0, at) + 1, end))
            at = text.find(word, end)
    return sorted(found)


def _row(line: str) -> list[str]:
    """Return path, hash and size of a line; hardly any needs the whole of CSV."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line]), [""])
    except csv.Error:
        return [""]


def _is_named(entry: str, names: Collection[str]) -> bool:
    folder, _, name = entry.rpartition("/")
    return name in names and folder.endswith(".dist-info") and "/" not in folder


def update_hashes(packages: Path, changed: Collection[Path]) -> None:
    """Write the new hash and size of changed files into the RECORD that owns them."""
    wanted = {os.path.normpath(path) for path in changed}
    inside = {path.name for path in changed if packages in path.parents}
    words = ("../", *inside)  # scripts lie outside of site-packages
    for path, text in _records(packages):
        written = text
        for start, end in reversed(_lines_with(text, words)):
            row = _row(text[start:end])
            if len(row) != 3 or not row[1]:
                continue
            place = os.path.normpath(packages / row[0])
            if place in wanted:
                data = Path(place).read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                line = _line([row[0], f"sha256={digest}", str(len(data))])
                written = written[:start] + line + written[end:]
        if written != text:
            replace_bytes(path, written.encode())


def _line(row: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()
