"""Whether the facts are sound: `stackfix facts check` and the tests ask this."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from stackfix.errors import DataError, StackfixError
from stackfix.facts import prepared
from stackfix.facts.covers import FILE as COVERS
from stackfix.facts.covers import cover_rows
from stackfix.facts.database import Database
from stackfix.facts.hardware_rows import Prepared
from stackfix.facts.recipes import PREPARED as PREPARED_RECIPES
from stackfix.facts.recipes import encoded_recipes, load_recipe, recipe_names
from stackfix.facts.row_files import read_rows, row_files, wheel_of
from stackfix.facts.row_index import INDEX, encoded_index
from stackfix.facts.rows import WheelRow
from stackfix.facts.sources import disagreements, read_sources
from stackfix.model.request import MAIN
from stackfix.rules.tags import build_number
from stackfix.versions import CudaVersion, DriverVersion

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LINKED = ("torch", "onnxruntime-gpu")


def check(root: Path, overlay: Path | None = None) -> list[str]:
    """Return every unsoundness of the facts, and of an overlay, in one line each; empty when there is none."""
    return [*_shipped(root), *_overlaid(overlay)]


def _covers(root: Path, database: Database) -> Iterator[str]:
    """Yield what stands in `covers.jsonl` of releases that no row is of, or that fill another folder."""
    for row in cover_rows(root):
        for name in (row.package, *row.covers):
            here = [one for one in database.listed(name, row.platform) if one.key == row.version]
            if not any(row.folder in one.wheel.owns for one in here):
                yield f"{COVERS}: {name} {row.version} ({row.platform}) has no row that fills `{row.folder}`"
        if not row.covers or not _DATE.fullmatch(row.seen):
            yield f"{COVERS}: {row.package} {row.version} ({row.platform}): covers nothing, or has no date"


def _overlaid(overlay: Path | None) -> Iterator[str]:
    """Yield what is wrong with the rows of an overlay, each with the whole path of its file."""
    for path in row_files(overlay):
        try:
            found = [*_rows(path), *_contradictions(path)]
            for number, row in enumerate(read_rows(path), start=1):
                wheel_of(row, path.name, number)
        except DataError as error:
            found = [
                f"{path.name}: {error.place}: {error.reason}"
                if error.place
                else f"{path.name}: {error.reason}"
            ]
        yield from (f"{path.parent}/{problem}" for problem in found)


def _shipped(root: Path) -> list[str]:
    """Return every unsoundness of what this installation carries."""
    try:
        facts = prepared.prepare(root)
        database = Database(root)
        found = [*_prepared_files(root, facts), *_drivers(facts), *_brackets(facts), *_capabilities(facts)]
        for path in row_files(root):
            found += [*_rows(path), *_contradictions(path)]
        found += _providers(database)
        found += _documents(root, database)
        found += _covers(root, database)
        for name in recipe_names(root):
            load_recipe(root, name)
    except StackfixError as error:
        return [error.message]
    return found


def _prepared_files(root: Path, facts: Prepared) -> Iterator[str]:
    path = root / prepared.PREPARED
    if not path.is_file() or path.read_bytes() != prepared.encoded(facts):
        yield f"{path.name}: not made from the TOML files that are there; run `python tools/prepare.py`"
    recipes = root / PREPARED_RECIPES
    if not recipes.is_file() or recipes.read_bytes() != encoded_recipes(root):
        yield f"{recipes.name}: not made from the TOML files that are there; run `python tools/prepare.py`"
    index = root / "wheels" / INDEX
    if not index.is_file() or index.read_bytes() != encoded_index(root):
        yield f"{index.name}: not made from the rows that are there; run `python tools/prepare.py`"


def _drivers(facts: Prepared) -> Iterator[str]:
    """Yield what is wrong with floors, branches and minors: each must be bracketed by the others."""
    drivers = facts.drivers
    for row in (
        *drivers.floor,
        *drivers.release,
        *drivers.minor,
        *drivers.branch,
        *drivers.forward_compatibility,
    ):
        if not row.source.strip():
            yield f"drivers.toml: {row}: no source"
        if row.method == "inferred" and not row.why and not isinstance(row, type(drivers.branch[0])):
            yield f"drivers.toml: {row}: inferred without `why`"
    floors = {row.major: DriverVersion.parse(row.linux) for row in drivers.floor}
    ordered = [floors[major] for major in sorted(floors)]
    if ordered != sorted(ordered):
        yield "drivers.toml: floor: a newer CUDA major has an older floor"
    for row in drivers.release:
        major = CudaVersion.parse(row.cuda).major
        shipped = DriverVersion.parse(row.linux) if row.linux else None
        if shipped is not None and shipped.branch != row.branch:
            yield f"drivers.toml: release {row.cuda} {row.release}: driver {shipped} is not of branch {row.branch}"
        if major in floors and row.branch < floors[major].branch:
            yield f"drivers.toml: release {row.cuda} {row.release}: branch {row.branch} is below the floor of {major}"
    minors = sorted(drivers.minor, key=lambda row: CudaVersion.parse(row.cuda))
    branches = [row.ptx_driver_branch for row in minors if row.ptx_driver_branch]
    if branches != sorted(branches):
        yield "drivers.toml: minor: a newer CUDA minor names an older driver branch"


def _brackets(facts: Prepared) -> Iterator[str]:
    """Yield each floor that the branches do not bracket: its own offers the major, the one below does not."""
    drivers = facts.drivers
    offered = {row.branch: CudaVersion.parse(row.max_cuda) for row in drivers.branch}
    if [offered[branch] for branch in sorted(offered)] != sorted(offered.values()):
        yield "drivers.toml: branch: a newer driver branch offers an older CUDA"
    for row in drivers.floor:
        floor = DriverVersion.parse(row.linux)
        if floor.branch not in offered or offered[floor.branch].major < row.major:
            yield f"drivers.toml: floor {row.major}: branch {floor.branch} is not known to offer CUDA {row.major}"
        for branch in sorted(offered):
            if branch < floor.branch and offered[branch].major >= row.major:
                yield f"drivers.toml: floor {row.major}: branch {branch} below it offers CUDA {row.major} too"


def _capabilities(facts: Prepared) -> Iterator[str]:
    known = {row.capability for row in facts.gpus.capability}
    if len(known) != len(facts.gpus.capability):
        yield "gpus.toml: a compute capability stands twice"
    for row in facts.gpus.capability:
        if row.last_cuda and CudaVersion.parse(row.last_cuda) < CudaVersion.parse(row.first_cuda):
            yield f"gpus.toml: {row.capability}: its last CUDA is before its first"
    names = [gpu.name for gpu in facts.gpus.gpu]
    for gpu in facts.gpus.gpu:
        if gpu.capability not in known:
            yield f"gpus.toml: {gpu.name}: compute capability {gpu.capability} is not in the table"
        if names.count(gpu.name) > 1:
            yield f"gpus.toml: {gpu.name} stands twice"


def _rows(path: Path) -> Iterator[str]:
    """Yield what is wrong with one package's rows."""
    files: set[str] = set()
    versions: list[Version] = []
    for number, row in enumerate(read_rows(path), start=1):
        place = f"{path.name}: line {number} ({row.package} {row.version})"
        if row.package != path.stem:
            yield f"{place}: stands in the wrong file"
        try:
            versions.append(Version(row.version))
        except InvalidVersion:
            yield f"{place}: not a version"
        if not row.evidence or not _DATE.fullmatch(row.seen):
            yield f"{place}: no evidence or no date"
        yield from (f"{place}: {problem}" for problem in _row(row))
        for file in row.files:
            if file.name in files:
                yield f"{place}: {file.name} stands twice"
            files.add(file.name)
    if versions != sorted(versions):
        yield f"{path.name}: not ordered by version"


def _row(row: WheelRow) -> Iterator[str]:
    if not row.files:
        yield "no files"
    for file in row.files:
        if not _SHA256.fullmatch(file.sha256) or file.size <= 0 or not _DATE.fullmatch(file.uploaded):
            yield f"{file.name}: sha256, size or upload date is not one"
        if "/" in file.name or not file.name.endswith(".whl"):
            yield f"{file.name}: not a wheel's file name"
    yield from (f"`{text}` is not a requirement" for text in row.requires_dist if not _is_requirement(text))


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def _documents(root: Path, database: Database) -> Iterator[str]:
    """Yield what is wrong with the documented facts, and each disagreement with a wheel that its row does not have."""
    rows = read_sources(root)
    names = {each.name for each in rows.source}
    for documented in rows.documented:
        yield from (
            f"sources.toml: {documented.package} {', '.join(documented.minors)}: no source `{name}`"
            for name in documented.sources
            if name not in names
        )
        if documented.pythons and not _is_specifier(documented.pythons):
            yield (
                f"sources.toml: {documented.package} {', '.join(documented.minors)}: "
                f"`{documented.pythons}` does not say which Pythons"
            )
    for package in {claim.package for claim in rows.claim}:
        for wheel in database.wheels(package):
            if wheel.source == MAIN:
                said = disagreements(root, package, wheel.key, [str(each) for each in wheel.cuda])
                if not set(said) <= set(wheel.disagrees):
                    yield f"{package} {wheel.key} ({wheel.platform}): a disagreement with a document is not recorded"


def _contradictions(path: Path) -> Iterator[str]:
    """Yield each release of which two rows for one platform and build say that they are of different CUDA majors."""
    majors: dict[tuple[str, str, int], set[int]] = {}
    for row in read_rows(path):
        build = build_number(row.files[0].name) if row.files else 0
        majors.setdefault((row.version, row.source, build), set()).add(row.cuda_major)
    for (version, _, _), each in majors.items():
        if len(each) > 1:
            yield f"{path.name}: {version}: rows of CUDA {' and '.join(map(str, sorted(each)))} contradict each other"


def _providers(database: Database) -> Iterator[str]:
    """Yield each library that a CUDA consumer needs and nothing on record, system or driver brings."""
    libraries = database.libraries
    for package in _LINKED:
        for wheel in database.wheels(package):
            wanted = {soname for feature in ("", "cuda") for soname in wheel.needs.get(feature, ())}
            wanted |= {
                soname
                for feature, opened in wheel.opens.items()
                for soname in opened
                if libraries.opened_and_required(soname, feature)
            }
            for soname in sorted(wanted - wheel.provides.keys()):
                if libraries.is_system(soname) or libraries.is_driver(soname):
                    continue
                if not database.providers(soname) and not libraries.is_missing(soname):
                    yield f"{package} {wheel.version} ({wheel.platform}): nothing on record provides {soname}"
