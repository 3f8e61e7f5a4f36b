"""What the index has and the facts have not, and what came of measuring it: as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stackfix.model.growth import Compared, Documented, Measured, NotMeasured
from stackfix.model.wheel import Wheel
from stackfix.render.units import size
from stackfix.render.wheel_text import wheel_document
from stackfix.rules.architectures import architectures

_CUDNN = ("libcudnn", "cudnn64")


def growth_notes(compared: Compared | None) -> Iterator[str]:
    """Yield a line for each package of which the index has newer releases than the facts."""
    for one in compared.unmeasured if compared is not None else ():
        verb = "is on the index and has" if len(one.versions) == 1 else "are on the index and have"
        yield f"{one.package} {', '.join(one.versions)} {verb} no facts yet: `{one.command}`"


def outcomes_lines(
    outcomes: Sequence[Measured | NotMeasured], *, failures_only: bool = False
) -> Iterator[str]:
    """Yield what came of measuring several releases."""
    for outcome in outcomes:
        if not failures_only or isinstance(outcome, NotMeasured):
            yield from outcome_lines(outcome)


def documented_notes(documented: Sequence[Documented]) -> Iterator[str]:
    """Yield a line for each index that is said to hold something of what is asked for."""
    by_index: dict[tuple[str, str, str, str], list[str]] = {}
    for one in documented:
        by_index.setdefault((one.package, one.index, one.cuda, one.pythons), []).append(one.minor)
    for (package, index, cuda, pythons), minors in by_index.items():
        what = f"{package} {', '.join(minors)} for CUDA {cuda} on {index}"
        yield f"documented, not measured: {what}, {python_words(pythons)}"
    if by_index:
        yield (
            "where such an index is configured (`stackfix facts sources`), `stackfix facts measure --source NAME` "
            "measures a release of it and `--source NAME` uses it"
        )


def python_words(pythons: str) -> str:
    """Return for which Pythons a document says that a build is."""
    return f"Python {pythons}" if pythons else "for which Pythons is not documented"


def documented_document(documented: Sequence[Documented]) -> list[dict[str, Any]]:
    """Return what documents say as JSON."""
    return [
        {
            "package": one.package,
            "minor": one.minor,
            "index": one.index,
            "cuda": one.cuda,
            "pythons": one.pythons or None,
            "evidence": str(one.evidence),
        }
        for one in documented
    ]


def outcome_lines(outcome: Measured | NotMeasured) -> Iterator[str]:
    """Yield what came of measuring one release."""
    by = f", which {outcome.because} requires" if outcome.because else ""
    if isinstance(outcome, NotMeasured):
        yield f"{outcome.wanted}{by}: not measured: {outcome.reason}"
        return
    read = f"{size(outcome.read_bytes)} read in {outcome.seconds:.1f} s"
    yield f"{outcome.package} {outcome.version}{by}  {outcome.platform}: measured, {read}"
    for wheel in outcome.wheels:
        yield from _wheel_lines(wheel)
    if not outcome.on_record:
        yield "  no row was on record"
    elif outcome.differs:
        yield f"  differs from the row on record in: {', '.join(outcome.differs)}"
    else:
        yield "  as the row on record says"
    for path in outcome.written:
        yield f"  written to {path}"


def _wheel_lines(wheel: Wheel) -> Iterator[str]:
    for verb, by_feature in (("needs", wheel.needs), ("opens", wheel.opens)):
        for feature, names in sorted(by_feature.items()):
            yield f"  {verb}{f' ({feature})' if feature else ''}: {' '.join(sorted(names))}"
    if wheel.provides:
        yield f"  provides: {' '.join(sorted(wheel.provides))}"
    if wheel.cuda or wheel.cuda_major:
        yield f"  CUDA: {' '.join(map(str, wheel.cuda)) or wheel.cuda_major}"
    if cudnn := _cudnn(wheel):
        yield f"  cuDNN: {' '.join(cudnn)}"
    for code in wheel.code:
        yield f"  device code ({code.count} containers): {architectures([code])}"
    if wheel.numpy_abi:
        yield f"  numpy: {' or '.join(map(str, sorted(wheel.numpy_abi)))}"
    yield from (f"  a document disagrees: {text}" for text in wheel.disagrees)
    yield f"  {len(wheel.requires_dist)} requirements, {len(wheel.files)} files"


def _cudnn(wheel: Wheel) -> list[str]:
    names = {
        name for by_feature in (wheel.needs, wheel.opens) for each in by_feature.values() for name in each
    }
    return sorted(name for name in names if name.startswith(_CUDNN))


def outcome_document(outcome: Measured | NotMeasured) -> dict[str, Any]:
    """Return what came of measuring one release as JSON."""
    if isinstance(outcome, NotMeasured):
        return {
            "ok": False,
            "wanted": outcome.wanted,
            "reason": outcome.reason,
            "because": outcome.because or None,
        }
    return {
        "ok": True,
        "package": outcome.package,
        "version": outcome.version,
        "platform": outcome.platform,
        "because": outcome.because or None,
        "read_bytes": outcome.read_bytes,
        "seconds": round(outcome.seconds, 3),
        "on_record": outcome.on_record,
        "differs": list(outcome.differs),
        "written": list(outcome.written),
        "cudnn": sorted({name for wheel in outcome.wheels for name in _cudnn(wheel)}),
        "rows": [wheel_document(wheel) for wheel in outcome.wheels],
    }


def compared_document(compared: Compared | None) -> dict[str, Any]:
    """Return `unmeasured` (null where the index was not asked) and `index_problems` for JSON answers."""
    if compared is None:
        return {"unmeasured": None, "index_problems": []}
    return {
        "unmeasured": [
            {"package": one.package, "versions": list(one.versions), "command": one.command}
            for one in compared.unmeasured
        ],
        "index_problems": list(compared.problems),
    }
