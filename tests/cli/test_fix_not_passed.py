"""`stackfix fix` whose copy did not pass: what was wrong with it, and what is left to do."""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import Site

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


def test_what_the_facts_do_not_know_is_left_to_its_own_command(tmp_path):
    site = Site(tmp_path / "env").install("onnx", "1.19.1", requires=("ml_dtypes>=0.5.0",))
    done = CliRunner().invoke(fix, ["--venv", str(site.root), "--gpu", "none"])
    assert done.exit_code == 1
    assert "nothing has to be changed" not in done.output
    assert "the facts know nothing of what is wrong, and the command beside it mends it:" in done.output
    assert "'ml_dtypes>=0.5.0'" in done.output
