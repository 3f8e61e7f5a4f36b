"""A repair that cannot be carried out is refused before anything is fetched, and its plan can be seen all the same."""

import pytest
from patients import Site

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.errors import TargetError
from stackfix.repairing import FixWish

MACHINE = MachineQuestion(
    driver="580.95.05", gpus=("RTX 4090",), platform="linux_x86_64", glibc="2.35", python="3.12"
)


class Heard(list):
    """Listens to progress, and keeps the stages."""

    stage = list.append

    def items(self, *_):
        """Hear nothing of single packages."""


@pytest.mark.parametrize("name", ["it's", "$HOME", "50%", 'a"b'])
def test_a_name_that_scripts_would_have_to_quote_is_refused_before_anything_else(tmp_path, name):
    site = Site(tmp_path / name).healthy().remove("nvidia-curand-cu12")
    heard = Heard()
    with pytest.raises(TargetError, match="cannot be an environment's name") as refused:
        app.fix(site.root, FixWish(machine=MACHINE), heard)
    assert "--dry-run" in refused.value.hint
    assert heard == []
    plan = app.fix(site.root, FixWish(machine=MACHINE, dry_run=True), heard)
    assert "nvidia-curand-cu12" in [step.pin.name for step in plan.repair.steps]


def test_what_is_right_already_is_not_refused_for_its_name(tmp_path):
    site = Site(tmp_path / "it's").install("app", "1.0")
    assert not app.fix(site.root, FixWish(machine=MACHINE, device="cpu"), Heard()).repair.steps
