"""Torch's symbols, on the disk: packages that were compiled for another torch than the one that is there.

torch promises no binary interface: the C++ names that xFormers 0.0.30 asks of torch 2.7 are not those of 2.8, and the
loader ends the import with `undefined symbol: _ZN3c104cuda9SetDeviceEa`. METADATA tells that only where it pins torch.
Of torchvision and torchaudio it is known which torch they go with; here are all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stackfix.errors import MeasureError
from stackfix.judging import remedy
from stackfix.judging.symbols import place
from stackfix.measure.elf_hash import offers
from stackfix.measure.elf_symbols import asked
from stackfix.measure.reader import held as opened
from stackfix.model.environment import Distribution, Environment
from stackfix.model.report import Finding
from stackfix.rules.scene import Scene

_SHOWN = 3
_OF_TORCH = re.compile(
    r"_Z[A-Z]*?K?(?:3c10|2at|5torch|6caffe2)\d"
)  # namespaces c10, at, torch and caffe2, mangled
_GOES_WITHOUT = (
    "torchao",
)  # torchao/__init__.py: "Skipping import of cpp extensions due to incompatible torch version"


def torch_symbols(environment: Environment, scene: Scene, unmet: Sequence[Finding]) -> Iterator[Finding]:
    """Yield packages without facts whose libraries ask names of torch that this torch does not offer.

    `unmet` are the findings about METADATA: where that names another torch, a repair can bring it.
    """
    pinned = {one.about[0] for one in unmet if one.about[1:] == ("torch",)}
    torch = next((each for each in environment.distributions if each.name == "torch"), None)
    if environment.windows or torch is None or torch.lost or torch.changed:
        return
    for each in environment.distributions:
        if each is torch or not each.compiled_for_torch or scene.facts.knows(each.name):
            continue
        wanted = _asked(environment, each)
        left = set(wanted)
        for library in (*torch.libraries, *each.libraries):
            if not left:
                break
            left -= _offered(environment, library.path, left)
        if left:
            fix = (
                remedy.mend(environment)
                if each.name in pinned
                else f"install the release of {each.name} that was built for torch {torch.version}"
            )
            yield _finding(each, torch, {name: wanted[name] for name in sorted(left)}, fix)


def _asked(environment: Environment, each: Distribution) -> dict[str, str]:
    """Return name -> library of what a package's libraries ask of torch's namespaces."""
    found: dict[str, str] = {}
    for library in each.libraries:
        try:
            with opened(place(environment, library.path)) as reader:
                names = asked(reader).get("", frozenset())
        except (MeasureError, OSError):
            continue  # a library that cannot be read is a finding already
        for name in names:
            if _OF_TORCH.match(name):
                found.setdefault(name, library.path)
    return found


def _offered(environment: Environment, path: str, names: set[str]) -> frozenset[str]:
    try:
        with opened(place(environment, path)) as reader:
            return offers(reader, names)
    except (MeasureError, OSError):
        return frozenset(names)  # of what cannot be read nothing is said


def _finding(each: Distribution, torch: Distribution, left: dict[str, str], fix: str) -> Finding:
    names = list(left)
    goes_without = each.name in _GOES_WITHOUT
    more = f" and {len(names) - 1} more names" if len(names) > 1 else ""
    return Finding(
        code="torch_torchvision_mismatch",
        severity="warning" if goes_without else "error",
        text=f"{each.name} {each.version} was compiled for another torch: {torch.version} does not have {names[0]}{more}",
        because=tuple(f"{left[name]} needs {name} [read: its symbol table]" for name in names[:_SHOWN]),
        consequence=(
            f"{each.name} leaves its compiled operators out"
            if goes_without
            else f"loading it fails with `undefined symbol: {names[0]}`: so does `import {remedy.import_name(each.name)}`, or the part that uses it"
        ),
        fix=fix,
        rule="torch symbols",
        about=(each.name, "torch"),
    )
