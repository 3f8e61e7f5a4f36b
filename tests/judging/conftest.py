"""An environment of a test's own."""

from __future__ import annotations

import pytest
from patients import Site


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "env")
