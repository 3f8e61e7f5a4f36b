"""What an install from a lock does not need it does not load: HTTP, the drivers' readers, what runs networks."""

import subprocess
import sys

import pytest

HTTP = "from stackfix.reaching import installer_variables; installer_variables()"
PROOF = "from stackfix.proving import proof"
MACHINE = (
    "from pathlib import Path; from stackfix.answering import database\n"
    "from stackfix.asking import MachineQuestion, machine_of\n"
    "asked = MachineQuestion(driver='580.95.05', gpus=('RTX 4090',), python=sys.executable)\n"
    "machine = machine_of(asked, database(), Path())\n"
    "assert str(machine.driver.value) == '580.95.05' and machine.gpus.value and machine.pythons[0].path"
)


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        pytest.param(HTTP, ("requests", "urllib3"), id="http"),
        pytest.param(PROOF, ("stackfix.validate.run", "stackfix.judging.examine"), id="proof"),
        pytest.param(MACHINE, ("stackfix.probe.nvidia", "stackfix.probe.libcuda"), id="machine"),
    ],
)
def test_what_is_not_needed_is_not_loaded(code, unwanted):
    script = f"import sys\n{code}\nprint([name for name in {unwanted!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
