"""The report on an environment: its verdict, chain, findings, machine and picture as one HTML file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from stackfix.errors import DiskError, QuestionError
from stackfix.facts.database import Database
from stackfix.judging.chain import Evidence, chain
from stackfix.judging.examine import Patient, examine
from stackfix.model.environment import Environment
from stackfix.model.verdict import Check, Verdict
from stackfix.probe.machine import read_machine
from stackfix.probe.surroundings import read_surroundings
from stackfix.render.machine_text import machine_lines
from stackfix.render.redaction import Redaction
from stackfix.render.report_html import Page, verdict_html
from stackfix.whole_file import try_whole, write_whole

REPORT = "report"


def reported(
    environment: Environment,
    facts: Database,
    proved: Callable[[Path, str], Verdict],
    write: Callable[[str], None],
    hide: Redaction,
) -> Verdict:
    """Return the verdict that `proved` gives when it draws into a PNG file, after writing the report on it.

    What the reading of the machine says of its driver that does not come back is told to it too.

    A report that cannot be written loses no verdict: a check named "report" says so.
    """
    machine = read_machine(Path())
    with tempfile.TemporaryDirectory(prefix="stackfix-report-") as own:
        drawn = Path(own, "picture.png")
        verdict = proved(drawn, machine.driver_breaks)
        picture = drawn.read_bytes() if drawn.is_file() else b""
    report = examine(
        Patient(environment=environment, machine=machine, surroundings=read_surroundings()), facts
    )
    evidence = Evidence(
        verdict=verdict, report=report, machine=machine, environment=_with_links_followed(environment)
    )
    page = Page(
        verdict=verdict,
        chain=chain(evidence),
        report=report,
        packages=environment.packages,
        machine=machine_lines(machine),
        facts_date=facts.date,
        picture=picture,
    )
    try:
        write(verdict_html(page, hide))
    except DiskError as error:
        unwritten = Check(name=REPORT, ok=None, text=error.message)
        return replace(verdict, checks=(*verdict.checks, unwritten))
    return verdict


def into(path: Path) -> Callable[[str], None]:
    """Return what writes a page into a file, whole or not at all; through links, and into pipes and devices.

    That it can be written there is tried first: DiskError where it cannot.
    """
    target = path.resolve() if path.is_symlink() else path
    if target.is_dir() or not target.name:
        raise QuestionError(f"{path}: is a folder", hint="name a file: `--html FILE`, or `--html -`")
    if not target.absolute().parent.is_dir():
        raise QuestionError(f"{path}: there is no such folder to write a report into")
    try:
        try_whole(path)
    except OSError as error:
        raise DiskError(
            f"{path}: can't be written: {error.strerror or error}",
            hint="nothing was run; name another: `--html FILE`",
        ) from error

    def write(text: str) -> None:
        try:
            write_whole(path, text)
        except OSError as error:
            raise DiskError(f"{path}: can't be written: {error.strerror or error}") from error

    return write


def _with_links_followed(environment: Environment) -> Environment:
    """Return the environment with its folders also as the loader names them."""
    real = (str(Path(site).resolve()) for site in environment.site_packages)
    return replace(environment, site_packages=tuple(dict.fromkeys((*environment.site_packages, *real))))
