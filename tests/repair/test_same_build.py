"""Companions of torch from another index: what METADATA calls a pair and the import refuses is mended."""

from __future__ import annotations

import pytest
from test_smallest import CUDA_12, environment, mended, newest

from stackfix.model.environment import Build

CUDA = {"cu128": "12.8", "cu126": "12.6", "cu118": "11.8", "cpu": ""}


def changed(torch, **companions):
    """Return what of torch and its companions a repair changes; versions are those of dist-info and of version.py."""
    said = {"torch": torch, **companions}
    built = {
        name: Build(
            name,
            version if "+" in version else f"{version}+cu128",
            CUDA[version.partition("+")[2] or "cu128"],
        )
        for name, version in said.items()
    }
    requires = dict.fromkeys(companions, ("torch==2.8.0",))
    there = environment(CUDA_12 | said | {"pillow": newest("pillow")}, requires=requires, builds=built)
    return {
        step.pin.name: (step.before, step.pin.version)
        for step in mended(there).steps
        if step.pin.name in said
    }


@pytest.mark.parametrize("torch", ["2.8.0", "2.8.0+cu126"])
def test_companions_of_torchs_own_index_stay(torch):
    local = torch.removeprefix("2.8.0")
    assert changed(torch, torchvision=f"0.23.0{local}", torchaudio=f"2.8.0{local}") == {}


def test_a_torchvision_of_another_minor_runs_and_stays():
    assert changed("2.8.0", torchvision="0.23.0+cu126") == {}
    assert changed("2.8.0+cu126", torchvision="0.23.0") == {}


@pytest.mark.parametrize("build", ["+cpu", "+cu118"])
def test_a_torchvision_that_torch_cannot_use_gives_way(build):
    assert changed("2.8.0", torchvision=f"0.23.0{build}") == {"torchvision": (f"0.23.0{build}", "0.23.0")}


def test_a_torchaudio_of_another_minor_gives_way():
    assert changed("2.8.0", torchaudio="2.8.0+cu126") == {"torchaudio": ("2.8.0+cu126", "2.8.0")}


def test_a_torch_of_another_minor_gives_way_to_a_torchaudio_of_the_main_index():
    assert changed("2.8.0+cu126", torchaudio="2.8.0") == {"torch": ("2.8.0+cu126", "2.8.0")}
