"""Mirrors: HF_ENDPOINT before the hub, the rest as the recipe has them; who may see a token."""

import pytest
from lying_hub import model_of

from stackfix.hub.mirrors import Mirror, mirrors_of

HUB = "https://huggingface.co/a/b/resolve/1/net.onnx"
RELEASE = "https://github.com/a/b/releases/download/1/net.onnx"
MODEL = model_of(urls=(HUB, RELEASE))


def addresses(**variables):
    return [each.address for each in mirrors_of(MODEL, variables)]


def test_mirrors_are_tried_as_the_recipe_has_them():
    assert addresses() == [HUB, RELEASE]


@pytest.mark.parametrize(
    "endpoint", ["https://mirror.test", "https://mirror.test/", " https://mirror.test/ "]
)
def test_a_hub_of_the_users_stands_before_the_hub(endpoint):
    assert addresses(HF_ENDPOINT=endpoint) == ["https://mirror.test/a/b/resolve/1/net.onnx", HUB, RELEASE]


def test_the_hub_itself_as_the_endpoint_is_not_asked_twice():
    assert addresses(HF_ENDPOINT="https://huggingface.co") == [HUB, RELEASE]


@pytest.mark.parametrize("value", ["1", "true", "ON", "yes"])
def test_a_hub_that_is_switched_off_is_not_asked(value):
    assert addresses(HF_HUB_OFFLINE=value, HF_ENDPOINT="https://mirror.test") == [RELEASE]


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_a_hub_that_is_not_switched_off_is_asked(value):
    assert addresses(HF_HUB_OFFLINE=value) == [HUB, RELEASE]


@pytest.mark.parametrize(
    ("endpoint", "tokens"),
    [
        ("https://mirror.test", ["key", "key", ""]),
        ("http://mirror.test", ["", "key", ""]),
        ("http://127.0.0.1:8080", ["key", "key", ""]),
        ("http://[x", ["", "key", ""]),
    ],
)
def test_a_token_is_for_hubs_alone_and_not_for_the_open_network(endpoint, tokens):
    found = mirrors_of(MODEL, {"HF_ENDPOINT": endpoint, "HF_TOKEN": "key"})
    assert [each.token for each in found] == tokens


def test_the_older_name_of_the_token_serves_too():
    assert mirrors_of(MODEL, {"HUGGING_FACE_HUB_TOKEN": "key"})[0].token == "key"


@pytest.mark.parametrize(
    ("address", "host"),
    [("https://user:secret@a.test:1/net", "a.test"), ("net", "net"), ("http://[x", "http://[x")],
)
def test_a_mirror_is_shown_by_its_host(address, host):
    assert Mirror(address=address).host == host
