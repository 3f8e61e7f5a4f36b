"""The matrix as a table of at most 100 columns, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stackfix.model.machine import Machine
from stackfix.model.matrix import Matrix, Refused, Row
from stackfix.render.documents import fact_document
from stackfix.render.facts_text import wrapped
from stackfix.render.resolution_text import machine_line

_NONE = "none"


def matrix_lines(found: Matrix, facts_date: str) -> Iterator[str]:
    """Yield the table: the newest set marked, and under or in place of what is refused the reason."""
    yield from wrapped(f"machine  {machine_line(found.machine, found.device)}", 0, hang=9)
    yield f"Python   {_pythons_here(found.machine)}; facts of {facts_date}"
    yield ""
    gpu = found.device == "gpu"
    heads = [found.package, *found.beside[:1], *(("CUDA", "cuDNN") if gpu else ()), *found.beside[1:]]
    cells = [_cells(row, found, gpu=gpu) for row in found.rows]
    widths = [
        max([len(head), *(len(row[place]) for row in cells if place < len(row))])
        for place, head in enumerate(heads)
    ]
    yield (
        f"     {_joined(heads, widths)}  Python"
        if any(row.python for row in found.rows)
        else f"     {heads[0]}"
    )
    above: tuple[str, ...] = ()
    for row, shown in zip(found.rows, cells, strict=True):
        yield from _row_lines(row, shown, widths, found, above)
        above = tuple(refused.reason for refused in row.refused) if row.python else ()
    yield ""
    yield from _legend(found)


def _cells(row: Row, found: Matrix, *, gpu: bool) -> list[str]:
    """Return the cells of a row up to its Python; a row that is refused has only its release."""
    if not row.python:
        return [row.release]
    release = f"{row.release}*" if row.cpu_build else row.release
    packages = dict(row.packages)
    beside = [packages.get(name, _NONE) for name in found.beside]
    stack = [row.cuda or _NONE, row.cudnn or _NONE] if gpu else []
    return [release, *beside[:1], *stack, *beside[1:]]


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False))


def _row_lines(
    row: Row, shown: Sequence[str], widths: Sequence[int], found: Matrix, above: Sequence[str]
) -> Iterator[str]:
    mark = "  >  " if row.newest else "     "
    hang = 5 + widths[0] + 2
    if not row.python:
        first, *rest = wrapped(row.refused[0].reason, hang)
        yield f"{mark}{row.release:<{widths[0]}}  {first.strip()}"
        yield from rest
        return
    elsewhere = "" if row.here or not found.machine.pythons else " (not here)"
    yield f"{mark}{_joined(shown, widths)}  {in_words(row.pythons)}{elsewhere}"
    for refused in row.refused:
        reason = "as above" if refused.reason in above else refused.reason
        yield from wrapped(f"no {refused.package}: {reason}", hang, hang=2)


def in_words(pythons: Sequence[str]) -> str:
    """Return Pythons in few words, oldest first: those that follow each other as a span."""
    runs: list[list[str]] = []
    for python in pythons:
        if runs and int(python.partition(".")[2]) == int(runs[-1][-1].partition(".")[2]) + 1:
            runs[-1].append(python)
        else:
            runs.append([python])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _pythons_here(machine: Machine) -> str:
    minors = dict.fromkeys(one.version.minor_version for one in machine.pythons if not one.free_threaded)
    if not minors:
        return "any: none is said to be here"
    found_via = {one.found_via for one in machine.pythons}
    return f"{', '.join(minors)} {'(--python)' if found_via == {'--python'} else 'here'}"


def _legend(found: Matrix) -> Iterator[str]:
    if any(row.newest for row in found.rows):
        yield "  >  the newest set, as `stackfix resolve` gives it; each row is the newest with that release"
    else:
        yield "     no row holds them all on a Python that is here: `stackfix explain` names the ways out"
    if any(row.cpu_build for row in found.rows):
        yield from wrapped(
            f"*  a build without CUDA: that {found.package} runs on the CPU; `stackfix facts sources` names indexes "
            "with builds for CUDA",
            2,
            hang=3,
        )
    refused = next((row for row in found.rows if row.refused), None)
    if refused is not None:
        names = " ".join([f"{found.package}=={refused.release}", *_beside(refused)])
        yield f"     the whole of a reason: `stackfix explain {names}`; `--json` has them all"


def _beside(row: Row) -> list[str]:
    return [refused.package for refused in row.refused[:1]] if row.python else []


def matrix_document(found: Matrix, facts_date: str) -> dict[str, Any]:
    """Return the matrix as JSON, without schema."""
    return {
        "ok": any(row.python and not row.refused for row in found.rows),
        "device": found.device,
        "rows": [_row_document(row, found) for row in found.rows],
        "pythons_here": sorted({one.version.minor_version for one in found.machine.pythons}),
        "facts_date": facts_date,
    }


def _row_document(row: Row, found: Matrix) -> dict[str, Any]:
    return {
        found.package: row.release,
        "ok": bool(row.python) and not row.refused,
        "newest": row.newest,
        "packages": dict(row.packages),
        "cpu_build": row.cpu_build,
        "cuda": row.cuda or None,
        "cudnn": row.cudnn or None,
        "python": row.python or None,
        "pythons": list(row.pythons),
        "python_here": row.here,
        "refused": [_refused_document(refused) for refused in row.refused],
    }


def _refused_document(refused: Refused) -> dict[str, Any]:
    return {
        "package": refused.package,
        "reason": refused.reason,
        "conflict": [fact_document(fact) for fact in refused.conflict],
    }
