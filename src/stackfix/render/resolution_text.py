"""A resolution or an explanation, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stackfix.model.evidence import Known
from stackfix.model.machine import Machine
from stackfix.model.problem import Fact
from stackfix.model.resolution import Explanation, Newer, Pin, Resolution
from stackfix.render.units import size


def machine_line(machine: Machine, device: str) -> str:
    """Return the machine in one line: driver, GPUs, platform."""
    parts: list[str] = []
    driver = machine.driver
    if isinstance(driver, Known):
        parts.append(f"driver {driver.value}")
    elif device == "gpu":
        parts.append("driver unknown")
    if isinstance(machine.gpus, Known):
        for gpu in machine.gpus.value:
            capability = gpu.compute_capability
            shown = f"{capability.value}" if isinstance(capability, Known) else "capability unknown"
            parts.append(gpu.name if gpu.name.startswith("sm_") else f"{gpu.name} ({shown})")
        if not machine.gpus.value:
            parts.append("no GPU")
    elif device == "gpu":
        parts.append("GPU unknown")
    parts.append(machine.platform.label)
    if isinstance(machine.glibc, Known):
        parts.append(f"glibc {machine.glibc.value[0]}.{machine.glibc.value[1]}")
    return ", ".join(parts)


def resolution_lines(resolution: Resolution, roots: Sequence[str], facts_date: str) -> Iterator[str]:
    """Yield the set: what was asked for first, then what it brings; conditions; other sets; the date."""
    yield f"machine  {machine_line(resolution.machine, resolution.device)}"
    cuda = f", CUDA {resolution.cuda}" if resolution.cuda and resolution.device == "gpu" else ""
    yield f"set      Python {resolution.python.version.minor_version}{cuda}, facts of {facts_date}"
    yield ""
    named = [pin for name in roots for pin in resolution.pins if pin.name == name]
    newer = {each.name: each for each in resolution.newer}
    width = max((len(pin.name) for pin in named), default=0)
    for pin in named:
        blocked = "   (not the newest: `stackfix explain` says why)" if pin.name in newer else ""
        yield f"  {pin.name:<{width}}  {pin.version}{blocked}"
    added = [pin for pin in resolution.pins if pin.name not in roots]
    linked = [pin for pin in added if any(fact.rule == "linkage" for fact in _direct(pin))]
    for pin in linked:
        yield f"  {pin.name:<{width}}  {pin.version}   (added: {_direct(pin)[0].text})"
    if len(added) > len(linked):
        yield f"  and {len(added) - len(linked)} packages that these require"
    yield ""
    yield f"download {size(resolution.download_bytes)} at most"
    if resolution.device == "gpu" and not isinstance(resolution.machine.gpus, Known):
        yield "unknown  the GPU: whether the set has code for it was not judged"
    for fact in resolution.open_facts:
        yield f"unknown  holds only if: {fact.text} [{_cited(fact)}]"
    for alternative in resolution.alternatives:
        versions = ", ".join(f"{name} {version}" for name, version in alternative.packages if version)
        yield f"or       with {alternative.first} first: {versions}"
    for note in resolution.notes:
        yield f"note     {note}"


def _direct(pin: Pin) -> tuple[Fact, ...]:
    """Return the facts by which a package is there though no metadata asks for it."""
    if any(fact.rule in ("metadata", "request") for fact in pin.why if " provides " not in fact.text):
        return ()
    return pin.why


def why_lines(resolution: Resolution, roots: Sequence[str]) -> Iterator[str]:
    """Yield one line a pin: why it is there; and under it why nothing newer, each fact with its source."""
    newer = {each.name: each for each in resolution.newer}
    order = {name: place for place, name in enumerate(roots)}
    for pin in sorted(resolution.pins, key=lambda one: (order.get(one.name, len(order)), one.name)):
        reason = pin.why[0] if pin.why else None
        because = f"{reason.text} [{_cited(reason)}]" if reason is not None else "the set holds it"
        yield f"{pin.name} {pin.version}: {because}"
        if pin.name in newer:
            yield from newer_lines(newer[pin.name])
        else:
            yield "    newest release that stackfix knows"


def newer_lines(newer: Newer) -> Iterator[str]:
    """Yield why a newer release is not in the set."""
    given = f", given {' and '.join(newer.given)}" if newer.given else ""
    yield f"    not {newer.version}{given}, because"
    for fact in newer.facts:
        yield f"      {fact.text} [{_cited(fact)}]"


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """Yield why there is no set, then the ways out."""
    yield f"machine  {machine_line(explanation.machine, explanation.device)}"
    yield ""
    yield "no set works, because all of this holds:"
    for fact in explanation.conflict:
        yield f"  {fact.text} [{_cited(fact)}]"
    yield ""
    if not explanation.options:
        yield "no single change makes a set possible"
    for option in explanation.options:
        versions = ", ".join(f"{name} {version}" for name, version in option.packages)
        yield f"option   {option.text}{': ' if versions else ''}{versions}"


def way_out(releases: Sequence[str]) -> Iterator[str]:
    """Yield what gives facts to releases that were asked for and of which there is no row."""
    for release in releases:
        shown = release.replace("==", " ")
        yield f"there are no facts about {shown}; if it is on the index: `stackfix facts measure {release}`"


def _cited(fact: Fact) -> str:
    """Return the first place where a fact stands; `--json` has them all."""
    source = fact.source
    where = source.where.partition("; ")[0]
    return f"{source.method}: {where}" + (f", {source.seen}" if source.seen else "")
