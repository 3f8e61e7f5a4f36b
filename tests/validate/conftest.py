import sys
from pathlib import Path

import pytest

from stackfix.validate.weights import Weights, standins

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DATA = CHECKOUT / "data"
sys.path.insert(0, str(CHECKOUT / "tools"))


@pytest.fixture(scope="session")
def weights() -> Weights:
    return standins(DATA)
