"""What is known of error texts, and a question to it in one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stackfix.facts.builds import FactBuilds
from stackfix.facts.causes import load_causes
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.model.cause import Cause, Knowledge
from stackfix.symptoms.name import causes_of
from stackfix.symptoms.text import text_of


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return load_causes(data_root())


@pytest.fixture(scope="session")
def named(knowledge: Knowledge) -> Callable[[str], tuple[Cause, ...]]:
    """The causes of a text."""
    builds = FactBuilds(Database(data_root()))
    return lambda text: causes_of(text_of(text), knowledge, builds)


@pytest.fixture(scope="session")
def codes(named: Callable[[str], tuple[Cause, ...]]) -> Callable[[str], list[str]]:
    """The codes of a text's causes, the likeliest first."""
    return lambda text: [cause.code for cause in named(text)]
