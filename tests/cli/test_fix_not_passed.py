"""`stackfix fix` whose copy did not pass: what was wrong with it, and what is left to do."""

from __future__ import annotations

from click.testing import CliRunner

from stackfix import app
from stackfix.cli.mend import fix
from stackfix.model.repair import Repair
from stackfix.model.report import Finding, Report
from stackfix.repairing import Fixed

LOST = Finding(
    code="gutted_package",
    severity="error",
    text="app 1.0 has an empty file that RECORD lists as a whole one",
    because=("app/__init__.py has 0 bytes, where RECORD says 23",),
    consequence="loading them fails",
    fix="uv pip install app",
)


def test_a_copy_that_did_not_pass_leaves_another_way(tmp_path, monkeypatch):
    place = tmp_path / "my env"
    report = Report(path=str(place), findings=(LOST,), good=(), unknown=(), mend="")
    planned = Repair(steps=(), kept=(), hook=True)
    fixed = Fixed(before=report, repair=planned, constraints="", after=report)
    monkeypatch.setattr(app, "fix", lambda *_: fixed)
    place.mkdir()
    done = CliRunner().invoke(fix, ["--venv", str(place)])
    assert done.exit_code == 1
    assert "the mended copy did not pass, so nothing was changed:" in done.output
    assert "to mend it" not in done.output
    assert done.output.rstrip().endswith(f"stackfix install dwpose --venv '{place}-new'")
