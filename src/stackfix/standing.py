"""Stand-ins: a package in the place of others that fill its import folder, where it was measured to have all of theirs.

Two packages that fill one folder overwrite each other, and projects ask for both: opencv-contrib-python by way of one
package, opencv-python by way of another. What has everything of the other can serve for it, if its user agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from stackfix.asking import GPU_PACKAGES, Question, parted, request_of
from stackfix.errors import QuestionError
from stackfix.facts.covers import cover_rows
from stackfix.facts.covers import covers as covers_of
from stackfix.facts.database import Database
from stackfix.model.machine import Machine
from stackfix.model.request import Request, Root, StandIn
from stackfix.model.resolution import Explanation, Option, Resolution
from stackfix.rules.metadata import parse_wish
from stackfix.versions import canonical_name

Solve = Callable[[Request], Resolution | Explanation]


def requested(question: Question, machine: Machine, facts: Database) -> Request:
    """Return what a question asks for, what the facts do not know apart, and what stands in for what in its place."""
    request = parted(request_of(question, machine, facts.root), facts)
    return standing(request, question.stand_ins, facts, machine)


def standing(request: Request, names: Iterable[str], facts: Database, machine: Machine) -> Request:
    """Return a request in which these packages stand in for what they have everything of."""
    for name in dict.fromkeys(map(canonical_name, names)):
        request = _with(request, stand_in(name, facts, machine), facts, machine)
    return request


def stand_in(name: str, facts: Database, machine: Machine) -> StandIn:
    """Return what a package can stand in for; QuestionError where nothing of that is on record."""
    rows = covers_of(facts.root, name, machine.platform.label)
    if not rows:
        known = sorted({row.package for row in cover_rows(facts.root)})
        raise QuestionError(
            f"`{name}` was not measured to have everything of another package for {machine.platform.label}",
            hint=f"these were: {', '.join(known)}",
        )
    return StandIn(
        package=name,
        covers={version: row.covers for version, row in rows.items()},
        measured={version: f"{row.source.where}, measured {row.seen}" for version, row in rows.items()},
    )


def _with(request: Request, one: StandIn, facts: Database, machine: Machine) -> Request:
    served = {name for names in one.covers.values() for name in names}
    listed = [each.key for each in facts.listed(one.package, machine.platform.label)]
    roots = tuple(replaced(root, one, listed) for root in request.roots)
    here = request.device == "gpu" and one.package in GPU_PACKAGES
    newest = (one.package if name in served else name for name in request.newest)
    return replace(
        request,
        roots=tuple(dict.fromkeys(roots)),
        constraints=tuple(replaced(root, one, listed) for root in request.constraints),
        newest=tuple(dict.fromkeys(newest)),
        features={**request.features, one.package: GPU_PACKAGES[one.package]} if here else request.features,
        stand_ins=(*request.stand_ins, one),
    )


def replaced(root: Root, one: StandIn, listed: Sequence[str]) -> Root:
    """Return a wish for a package as one for what stands in for it, of `listed` releases those that have all of it."""
    try:
        wish = parse_wish(root.requirement)
    except ValueError:
        return root  # what asks for it refuses it, with its words
    name = canonical_name(wish.name)
    serving = {version for version, names in one.covers.items() if name in names}
    if not serving or wish.url:
        return root
    others = [f"!={version}" for version in listed if version not in serving]
    specifier = ",".join([*filter(None, [wish.specifier]), *others])
    marker = f"; {wish.marker}" if wish.marker else ""
    return replace(root, requirement=f"{one.package}{specifier}{marker}", instead_of=root.requirement)


def served(request: Request, pins: Mapping[str, str]) -> dict[str, str]:
    """Return what pins stand in for, with the release that they have everything of."""
    return {
        name: pins[one.package]
        for one in request.stand_ins
        if one.package in pins
        for name in one.covers.get(pins[one.package], ())
    }


def stands_for(
    request: Request, pins: Mapping[str, str], named: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return package -> what it stands in for, of what was asked for, or is `named` by what an installer resolved."""
    wished = {canonical_name(parse_wish(root.instead_of).name) for root in request.roots if root.instead_of}
    left = sorted((wished | set(named)) & set(served(request, pins)))
    found: dict[str, tuple[str, ...]] = {}
    for one in request.stand_ins:
        names = tuple(
            name for name in left if one.package in pins and name in one.covers.get(pins[one.package], ())
        )
        if names:
            found[one.package] = names
    return found


def stand_in_notes(
    request: Request, pins: Mapping[str, str], standing_for: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return what is left out for what, and how it is known that nothing of it is missed."""
    return tuple(
        f"{package} {pins[package]} stands in for {' and '.join(names)} {pins[package]}, as you let it; it has "
        f"{one.measured[pins[package]]}. An installer that resolves anew asks for {names[0]} again"
        for one in request.stand_ins
        if (package := one.package) in standing_for
        for names in [standing_for[package]]
    )


def with_stand_ins(
    found: Explanation, request: Request, facts: Database, machine: Machine, solve: Solve
) -> Explanation:
    """Return why there is no set, and before other ways out what can stand in for what else fills its folder."""
    wished = [canonical_name(parse_wish(root.requirement).name) for root in request.roots]
    label = machine.platform.label
    ways: list[Option] = []
    for folder in dict.fromkeys(row.folder for row in cover_rows(facts.root)):
        owners = facts.owners(folder)
        filling = [name for name in dict.fromkeys(wished) if name in owners]
        if len(filling) < 2:
            continue
        for name in sorted(owners, key=lambda name: (name not in filling, name)):
            others = {each for each in filling if each != name}
            if not any(others <= set(row.covers) for row in covers_of(facts.root, name, label).values()):
                continue
            changed = standing(request, (name,), facts, machine)
            answer = solve(changed)
            if isinstance(answer, Resolution):
                ways.append(_way(name, sorted(others), changed, answer))
                break
    return replace(found, options=(*ways, *found.options)) if ways else found


def _way(name: str, others: Sequence[str], request: Request, answer: Resolution) -> Option:
    return Option(
        text=f"let {name} stand in for {' and '.join(others)}, of which it has everything: `--stand-in {name}`",
        packages=tuple((each, answer.packages[each]) for each in request.newest if each in answer.packages),
        kind="stand-in",
        cuda=answer.cuda,
        python=answer.python.version.minor_version,
        hint=f"{name} {answer.packages[name]} has {request.stand_ins[-1].measured[answer.packages[name]]}",
    )
