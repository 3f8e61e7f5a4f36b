"""What documents say that other indexes hold of what is asked for: what could be measured there, never a row."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet

from stackfix.facts.database import Database
from stackfix.facts.sources import admitted
from stackfix.model.growth import Documented
from stackfix.model.machine import Machine
from stackfix.model.request import Request
from stackfix.rules.metadata import parse
from stackfix.rules.shipped_together import CUDA_ITSELF, cuda_wish
from stackfix.versions import canonical_name


def minors_of(specifier: SpecifierSet, facts: Database) -> list[str]:
    """Return the CUDA minors that a wish admits; a bare major stands for all of its minors."""
    wanted = cuda_wish(specifier)
    return [str(each) for each in facts.hardware.cuda_minors() if wanted.contains(str(each))]


def documented_for(request: Request, machine: Machine, facts: Database) -> tuple[Documented, ...]:
    """Return what documents say that other indexes hold of what is asked for, for a Python of the machine."""
    wishes = [parse(root.requirement) for root in request.roots if root.asked_by == "you"]
    cudas = {
        minor for wish in wishes if wish.name == CUDA_ITSELF for minor in minors_of(wish.specifier, facts)
    }
    found: list[Documented] = []
    for wish in wishes:
        name, label = canonical_name(wish.name), machine.platform.label
        found += admitted(facts.root, name, str(wish.specifier), label, cudas)
    here = [python.version.minor_version for python in machine.pythons]
    return tuple(one for one in found if not here or not all(one.excludes(python) for python in here))
