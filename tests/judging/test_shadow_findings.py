"""Shadows: what LD_LIBRARY_PATH, LD_PRELOAD and the system put before an environment's own libraries."""

from __future__ import annotations

import pytest
from patients import codes, finding, look

from stackfix.model.surroundings import StrayLibrary, Surroundings


def around(
    path="/usr/local/cuda/lib64/libcublas.so.12",
    release="",
    through="LD_LIBRARY_PATH",
    soname="libcublas.so.12",
    size=0,
):
    stray = StrayLibrary(soname=soname, path=path, release=release, through=through, size=size)
    return Surroundings(strays=(stray,))


@pytest.mark.parametrize("through", ["LD_LIBRARY_PATH", "LD_PRELOAD"])
def test_a_variable_that_leads_to_another_release_is_an_error_and_unset(site, through):
    report = look(site.healthy(), surroundings=around(release="12.4.5.8", through=through))
    found = finding(report, "shadowed_libraries")
    assert (found.severity, found.fix) == ("error", f"unset {through}")
    assert report.mend == ""  # no change of packages takes a variable out of a shell
    assert (
        "(12.4.5.8); the environment has libcublas.so.12 of nvidia-cublas-cu12 12.8.4.1" in found.because[0]
    )


@pytest.mark.parametrize("release", ["12.8.4.1", "12.8", ""])
def test_the_same_or_an_unknown_release_is_a_warning(site, release):
    found = finding(look(site.healthy(), surroundings=around(release=release)), "shadowed_libraries")
    assert found.severity == "warning"


@pytest.mark.parametrize(("more", "severity"), [(0, "warning"), (1, "error")])
def test_a_file_that_tells_no_release_is_told_by_its_size(site, more, severity):
    own = (site.healthy().packages / "nvidia/cublas/lib/libcublas.so.12").stat().st_size
    found = finding(look(site, surroundings=around(size=own + more)), "shadowed_libraries")
    assert found.severity == severity
    assert (f"({own + 1} bytes)" in found.because[0]) is bool(more)


def test_a_library_that_the_environment_does_not_bring_shadows_nothing(site):
    assert codes(look(site.healthy(), surroundings=around(soname="libnvinfer.so.10"))) == []


@pytest.mark.parametrize("linked", [False, True])
def test_a_variable_that_leads_into_the_environment_itself_shadows_nothing(site, linked):
    """People put the environment's own nvidia/*/lib there, and an environment is often reached by a link."""
    site.healthy()
    root = site.root
    if linked:
        root = site.root.parent / "link"
        root.symlink_to(site.root)
    path = root / site.packages.relative_to(site.root) / "nvidia/cublas/lib/libcublas.so.12"
    assert codes(look(site, surroundings=around(path=str(path), release="1.2.3"))) == []


def test_the_systems_own_folders_shadow_only_where_nothing_leads_to_the_environment(site):
    stray = around(path="/usr/lib/libcublas.so.12", release="12.4.5.8", through="ld.so.conf")
    assert "shadowed_libraries" not in codes(look(site.healthy(), surroundings=stray))
    (site.packages / "stackfix_libraries.pth").unlink()
    assert finding(look(site, surroundings=stray), "shadowed_libraries").severity == "warning"
    for package in ("torch", "torchvision"):
        site.remove(package)
    assert finding(look(site, surroundings=stray), "shadowed_libraries").severity == "warning"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ((("PYTHONPATH", "/opt/x/lib/python3.12/site-packages"),), True),
        ((("PYTHONPATH", "/home/me/project"),), False),
        ((("PYTHONHOME", "/opt/python"),), True),
    ],
)
def test_variables_that_lead_python_elsewhere_are_told(site, variables, told):
    report = look(site.healthy(), surroundings=Surroundings(variables=variables))
    assert ("wrong_python_environment" in codes(report)) is told
    assert report.ok
