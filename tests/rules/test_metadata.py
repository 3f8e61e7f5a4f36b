"""What is read of Requires-Dist is what `packaging` reads, on every row there is and on broken ones."""

import pytest
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Requested
from packaging.specifiers import SpecifierSet

from stackfix import app
from stackfix.rules.metadata import parse_row


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
