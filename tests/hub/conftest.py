"""A lying hub, a place for a model, and a patience that does not wait."""

from __future__ import annotations

import threading

import pytest
from lying_hub import Handler, Heard, Hub, Server, model_of

from stackfix.hub.cache import Place
from stackfix.hub.transfer import Patience
from stackfix.web import Web


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    made = Hub()
    with Server(("127.0.0.1", 0), Handler) as server:
        server.hub = made
        made.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "models", "pose", model_of())


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def patience(pauses):
    return Patience(stall_seconds=5, pause=pauses.append)


@pytest.fixture
def web():
    made = Web(connect_seconds=2, read_seconds=0.3)
    yield made
    made.close()
