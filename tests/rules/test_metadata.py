"""What is read of Requires-Dist is what `packaging` reads, on every row there is and on broken ones."""

from types import SimpleNamespace

import pytest
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Requested
from packaging.specifiers import SpecifierSet

from stackfix import app
from stackfix.model.machine import Platform
from stackfix.rules.metadata import file_for, parse_row
from stackfix.versions import PythonVersion


def test_every_requirement_on_record_is_read_as_packaging_reads_it():
    facts = app.database()
    texts = {
        text for name in facts.packages() for wheel in facts.wheels(name) for text in wheel.requires_dist
    }
    assert len(texts) > 500
    for text in texts:
        ours, theirs = parse_row(text), Requested(text)
        assert (ours.name, ours.extras) == (theirs.name, theirs.extras), text
        assert SpecifierSet(ours.specifier) == theirs.specifier, text
        assert (Marker(ours.marker) if ours.marker else None) == theirs.marker, text


@pytest.mark.parametrize(
    "text", ["", "torch >", "torch==", "torch; python_version", "a b", "torch[", "==1.0"]
)
def test_what_is_no_requirement_is_refused_as_packaging_refuses_it(text):
    with pytest.raises(InvalidRequirement):
        Requested(text)
    with pytest.raises(InvalidRequirement):
        parse_row(text)


def test_of_two_builds_of_a_release_the_row_of_the_one_that_is_installed_counts():
    rows = tuple(
        one
        for one in app.database().wheels("torchvision")
        if one.key == "0.20.0" and one.platform == "linux_aarch64"
    )
    assert {one.cuda_major for one in rows} == {0, 12}
    scene = SimpleNamespace(
        python=SimpleNamespace(version=PythonVersion(3, 12), free_threaded=False),
        machine=SimpleNamespace(platform=Platform.parse("linux_aarch64")),
        glibc=(2, 35),
    )
    for order in (rows, rows[::-1]):
        row, file = file_for(order, scene)
        assert (row.cuda_major, file.name.split("-")[2]) == (0, "1")
