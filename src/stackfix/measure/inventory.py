"""Inventory: which files of an import folder a wheel brings, and which names its Python and stub files define.

By two inventories it is told whether one wheel can stand in for another: it has every file and every name of it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive

PYTHON = ".py"
STUBS = ".pyi"
MAX_SOURCE = 8 << 20


@dataclass(frozen=True, slots=True)
class Inventory:
    """Files by path, names as `path:name` and `path:class.name`."""

    files: frozenset[str]
    names: frozenset[str]

    def covers(self, other: Inventory) -> bool:
        """Whether everything of another is here too."""
        return self.files >= other.files and self.names >= other.names


def inventory(archive: Archive, folder: str, told_by: str) -> Inventory:
    """Return what a wheel brings of an import folder; the names are those that its files of one kind define.

    `told_by` is the ending of the files that tell what the compiled modules hold: `.pyi` where there are stubs, `.py`
    where the package's own Python takes each name from them. MeasureError where there are none, or one cannot be read.
    """
    files = frozenset(name for name in archive.names if name.startswith(f"{folder}/") and name[-1] != "/")
    telling = sorted(name for name in files if name.endswith(told_by))
    if not telling:
        raise MeasureError(f"{archive.name}: no file of `{folder}` ends in {told_by}: its names are not told")
    names: set[str] = set()
    for file in telling:
        try:
            tree = ast.parse(archive.read(file, MAX_SOURCE))
        except (SyntaxError, ValueError, RecursionError) as error:
            raise MeasureError(f"{archive.name}: {file} cannot be read: {error}") from error
        names.update(f"{file}:{name}" for name in _names(tree.body, ""))
    return Inventory(files, frozenset(names))


def _names(body: Sequence[ast.stmt], within: str) -> Iterator[str]:
    """Yield what statements define, the members of classes too, but nothing that a function holds."""
    for each in body:
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{within}{each.name}"
        elif isinstance(each, ast.ClassDef):
            yield f"{within}{each.name}"
            yield from _names(each.body, f"{within}{each.name}.")
        elif isinstance(each, (ast.Import, ast.ImportFrom)):
            yield from (f"{within}{one.asname or one.name}" for one in each.names if one.name != "*")
        elif isinstance(each, (ast.Assign, ast.AnnAssign)):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            yield from (f"{within}{one.id}" for one in targets if isinstance(one, ast.Name))
        elif isinstance(each, (ast.If, ast.Try)):
            yield from _names(each.body, within)
            yield from _names(each.orelse, within)


def covered(found: Collection[tuple[str, Inventory]], by: Inventory) -> tuple[str, ...]:
    """Return the names of those inventories of which everything is in another."""
    return tuple(sorted(name for name, one in found if by.covers(one)))
