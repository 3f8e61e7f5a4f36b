"""A set and its reasons, as lines for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stackfix.model.evidence import Known
from stackfix.model.machine import Machine
from stackfix.model.problem import Fact
from stackfix.model.resolution import Newer, Pin, Resolution
from stackfix.render.facts_text import cited, fact_lines, listed, wrapped
from stackfix.render.units import size

MOST_OTHERS = 3
MOST_AGAINST_NEWER = 5
MOST_AGAIN = 3
_GLIBC = re.compile(r" needs glibc (\d+)\.(\d+) or newer$")


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


def cpu_line(machine: Machine, device: str) -> str:
    """Return that a set is the one for the CPU, and why it is; "" for a GPU's."""
    if device == "gpu":
        return ""
    if isinstance(machine.gpus, Known):
        return "CPU: there is no GPU"
    return "CPU: no NVIDIA driver was found (`stackfix machine` says what was tried)"


def head_lines(resolution: Resolution, facts_date: str) -> Iterator[str]:
    """Yield for which machine a set is, and its Python and CUDA."""
    yield f"machine  {machine_line(resolution.machine, resolution.device)}"
    if why := cpu_line(resolution.machine, resolution.device):
        yield f"device   {why}"
    cuda = f", CUDA {resolution.cuda}" if resolution.cuda and resolution.device == "gpu" else ""
    yield f"set      Python {resolution.python.version.minor_version}{cuda}, facts of {facts_date}"
    yield ""


def note_lines(resolution: Resolution) -> Iterator[str]:
    """Yield what is to be said of a set besides its pins, such as that its torch is a build without CUDA."""
    for note in resolution.notes:
        yield from wrapped(f"note     {note}", 0, 9)


def resolution_lines(resolution: Resolution, roots: Sequence[str], facts_date: str) -> Iterator[str]:
    """Yield the set: what was asked for first, then what it brings; conditions; other sets; the date."""
    yield from head_lines(resolution, facts_date)
    named = [pin for name in roots for pin in resolution.pins if pin.name == name]
    width = max((len(pin.name) for pin in named), default=0)
    for pin in named:
        blocked = "   (not the newest: `stackfix explain` says why)" if pin.name in resolution.older else ""
        yield f"  {pin.name:<{width}}  {pin.version}{blocked}"
    added = [pin for pin in resolution.pins if pin.name not in roots]
    linked = [pin for pin in added if any(fact.rule == "linkage" for fact in _direct(pin))]
    for pin in linked:
        yield f"  {pin.name:<{width}}  {pin.version}   (added: {_direct(pin)[0].text})"
    if len(added) > len(linked):
        yield f"  and {len(added) - len(linked)} packages that these require"
    yield ""
    yield from note_lines(resolution)
    yield f"download {size(resolution.download_bytes)} at most"
    if resolution.device == "gpu" and not isinstance(resolution.machine.gpus, Known):
        yield "unknown  the GPU: whether the set has code for it was not judged"
    yield from _condition_lines(resolution.open_facts)
    for alternative in resolution.alternatives:
        versions = ", ".join(f"{name} {version}" for name, version in alternative.packages if version)
        yield f"or       with {alternative.first} first: {versions}"


def _condition_lines(facts: Sequence[Fact]) -> Iterator[str]:
    """Yield what a set rests on; of the packages that need a glibc the one that needs the newest, and how many others."""
    glibc = [
        (int(found[1]), int(found[2])) if (found := _GLIBC.search(fact.text)) else None for fact in facts
    ]
    needed = [one for one in glibc if one is not None]
    strictest = glibc.index(max(needed)) if needed else -1
    more = f", {len(needed) - 1} more packages this or an older one" if len(needed) > 1 else ""
    for number, fact in enumerate(facts):
        if glibc[number] is None or number == strictest:
            others = more if number == strictest else ""
            yield f"unknown  holds only if: {fact.text}{others} [{cited(fact)}]"


def _direct(pin: Pin) -> tuple[Fact, ...]:
    """Return the facts by which a package is there though no metadata asks for it."""
    if any(fact.rule in ("metadata", "request") for fact in pin.why if " provides " not in fact.text):
        return ()
    return pin.why


def why_lines(resolution: Resolution, roots: Sequence[str]) -> Iterator[str]:
    """Yield why each pin that was asked for or added is there, and why nothing newer; the others in groups."""
    newer = {each.name: each for each in resolution.newer}
    order = {name: place for place, name in enumerate(roots)}
    asked = sorted((pin for pin in resolution.pins if pin.name in order), key=lambda pin: order[pin.name])
    added = [pin for pin in resolution.pins if pin.name not in order]
    linked = [pin for pin in added if any(fact.rule == "linkage" for fact in _direct(pin))]
    said: set[Fact] = set()
    for pin in (*asked, *linked):
        because = _reason(pin.why[0]) if pin.why else "the set holds it"
        is_newest = "" if pin.name in newer else ", the newest release that stackfix knows"
        yield from wrapped(f"{pin.name} {pin.version}{is_newest}: {because}", 0, hang=4)
        if pin.name in newer:
            yield from newer_lines(newer[pin.name], said)
    yield from _required_lines([pin for pin in added if pin not in linked], resolution, newer, said)


def _reason(fact: Fact) -> str:
    """Return a fact and where it stands, unless it names that itself: "recipe dwpose asks for torch"."""
    return fact.text if fact.text.startswith(f"{fact.source.where} ") else f"{fact.text} [{cited(fact)}]"


def _required_lines(
    pins: Sequence[Pin], resolution: Resolution, newer: dict[str, Newer], said: set[Fact]
) -> Iterator[str]:
    """Yield what the packages asked for require: what one of them pins, what is newest, and what else is older."""
    pinned: dict[str, list[Pin]] = {}
    by_reading: dict[Fact, list[Pin]] = {}
    others: list[Pin] = []
    for pin in pins:
        older = newer.get(pin.name)
        if older is None:
            pinned.setdefault("", []).append(pin)
        elif len(older.facts) == 1 and older.given:
            pinned.setdefault(older.given[0], []).append(pin)
        elif (reading := _reading(older)) is not None:
            by_reading.setdefault(reading, []).append(pin)
        else:
            others.append(pin)
    newest = pinned.pop("", [])
    for holder, held in pinned.items():
        yield f"held by what {holder} {resolution.packages.get(holder, '')} requires:"
        yield from wrapped(listed((pin.name, pin.version) for pin in held), 4)
    if newest:
        yield "newest releases that stackfix knows, required by these:"
        yield from wrapped(listed((pin.name, pin.version) for pin in newest), 4)
    for reading, held in by_reading.items():
        yield f"required too, in the newest releases that have a wheel for this: {_reason(reading)}"
        yield from wrapped(listed((pin.name, pin.version) for pin in held), 4)
    for pin in others[:MOST_OTHERS]:
        yield f"{pin.name} {pin.version}"
        yield from newer_lines(newer[pin.name], said)
    if len(others) > MOST_OTHERS:
        left = listed((pin.name, pin.version) for pin in others[MOST_OTHERS:])
        yield from wrapped(f"and older than the newest: {left}; `--json` says why", 0, hang=4)


def _reading(newer: Newer) -> Fact | None:
    """Return the reading that alone stands against a newer release by its tags, None where it is not that simple."""
    readings = [fact for fact in newer.facts if fact.rule == "machine"]
    tags = [fact for fact in newer.facts if fact.rule == "metadata" and fact.short]
    return readings[0] if len(newer.facts) == 2 and len(readings) == len(tags) == 1 else None


def newer_lines(newer: Newer, said: set[Fact]) -> Iterator[str]:
    """Yield why a newer release is not in the set; of facts that were said before, how many, where they are many."""
    given = f", given {' and '.join(newer.given)}" if newer.given else ""
    yield f"    not {newer.version}{given}, because"
    facts = [fact for fact in newer.facts if fact.rule != "order"]  # said by "given"
    again = [fact for fact in facts if fact in said]
    fresh = facts if len(again) < MOST_AGAIN else [fact for fact in facts if fact not in said]
    yield from fact_lines(fresh, 6, most=MOST_AGAINST_NEWER)
    if len(again) >= MOST_AGAIN:
        yield f"      and {len(again)} facts that stand above"
    said.update(newer.facts)
