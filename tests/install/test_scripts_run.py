"""Scripts run from an environment's final path, whatever its name: the kernel's first line has its limits."""

import os
import subprocess
import sys

import pytest

from stackfix.install.relocate import relocate

pytestmark = pytest.mark.skipif(os.name == "nt", reason="scripts are programs there")


@pytest.mark.parametrize(("name", "by_sh"), [("env", False), ("a b", True), ("x" * 150, True)])
def test_a_script_runs_where_the_environment_ends_up(tmp_path, name, by_sh):
    staged, final = tmp_path / ".stackfix-1", tmp_path / name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", staged], check=True)
    tool = staged / "bin" / "tool"
    tool.write_text(f"#!{staged}/bin/python\n# coding: utf-8\nimport sys\nprint(sys.prefix, sys.argv[1:])\n")
    shell = staged / "bin" / "shell"
    shell.write_text(f"#!/bin/sh\necho {str(staged)!r}\n")
    for each in (tool, shell):
        each.chmod(0o755)
    relocate(staged, final)
    staged.rename(final)
    text = (final / "bin" / "tool").read_text()
    assert text.startswith("#!/bin/sh\n" if by_sh else f"#!{final}/bin/python\n")
    done = subprocess.run([final / "bin" / "tool", "an argument"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{final} ['an argument']\n"
    assert subprocess.check_output([final / "bin" / "shell"], text=True) == f"{final}\n"
