"""An index that does not answer as it must: nothing is downloaded, the target is what it was."""

from __future__ import annotations

import shutil
import subprocess

import fault_server as faults
import pytest
from fault_bench import OLD

ROW = {"filename": "app-2.0-py3-none-any.whl", "url": "../../files/app-2.0-py3-none-any.whl", "hashes": {}}
OTHER = {**ROW, "hashes": {"sha256": "0" * 64}}
PAGES = {
    "the index answers 500": (faults.status(500), "the server answered 500"),
    "the index answers 503": (faults.status(503), "the server answered 503"),
    "the index answers 403": (faults.status(403), "the server answered 403"),
    "the index answers 401": (faults.status(401), "the server answered 401"),
    "the index does not know it (404)": (faults.status(404), "does not know `app`"),
    "a web page instead of a project page": (faults.web_page, "not a project page"),
    "half a project page": (faults.short, "not a project page"),
    "a project page that is cut": (faults.cut, "cut off"),
    "a project page that says nothing": (faults.says({}), "not a project page"),
    "a project page of an unknown kind": (faults.says([1, 2]), "not a project page"),
    "the index redirects in a circle": (faults.loop, "redirect"),
    "the index lists another file": (faults.says({"files": [OTHER]}), "expected sha256"),
    "the index lists the file no longer": (faults.says({"files": []}), "no longer lists|does not know"),
    "the index leads to a local file": (
        faults.says({"files": [{**ROW, "url": "file:///etc/hostname"}]}),
        "app-2.0-py3-none-any.whl",
    ),
    "a project page that unpacks to a thousand times itself": (
        faults.bomb,
        "more than [0-9]+ bytes is refused",
    ),
    "a project page without end": (faults.endless, "more than [0-9]+ bytes is refused"),
    "too many requests, try again in an hour": (faults.too_many(3600), "the server answered 429"),
    "the index stops in the middle": (faults.stall, "cut off|[Tt]imed out"),
}


@pytest.mark.parametrize("what", PAGES)
def test_a_bad_page_leaves_the_old_environment(bench, what):
    fault, says = PAGES[what]
    bench.old()
    bench.server.faults["app"] = fault
    done = bench.run(bench.asking())
    bench.saw("index", what, done, state=OLD, code=3, says=says)
    assert not [name for name in bench.server.asked if name.endswith(".whl")]
    assert bench.beside() == []
    bench.then(bench.asking())


def test_an_index_that_fails_once_is_asked_again(bench):
    bench.old()
    bench.server.faults["app"] = faults.once(faults.status(503))
    done = bench.run(bench.asking(), UV_HTTP_RETRIES="2")
    bench.saw("index", "the index answers 503 once", done, state="whole new", code=0, says="ready")
    bench.then(bench.asking())


def test_a_proxy_before_the_index_that_wants_a_password(bench):
    bench.old()
    with faults.serving(faults.Proxy) as proxy:
        done = bench.run(bench.asking(), HTTP_PROXY=proxy, http_proxy=proxy, NO_PROXY="", no_proxy="")
    bench.saw("index", "the proxy wants a password", done, state=OLD, code=3, says="407")
    bench.then(bench.asking())


@pytest.mark.parametrize("what", ["no network at all", "a name that nobody knows"])
def test_without_a_network(bench, what):
    bench.old()
    more = {}
    if what == "no network at all":
        if subprocess.run([shutil.which("unshare") or "false", "-n", "true"], capture_output=True).returncode:
            pytest.skip("a process without a network needs root")
        bench.prefix = ("unshare", "-n")
    else:
        more = {"PIP_INDEX_URL": "http://nowhere.invalid/simple", "UV_DEFAULT_INDEX": ""}
    done = bench.run(bench.asking(), **more)
    says = "[Nn]etwork is unreachable|[Nn]ame or service not known|resolution|refused"
    bench.saw("index", what, done, state=OLD, code=3, says=says)
    bench.prefix = ()
    bench.then(bench.asking())


def test_a_lock_without_a_network(bench):
    if subprocess.run([shutil.which("unshare") or "false", "-n", "true"], capture_output=True).returncode:
        pytest.skip("a process without a network needs root")
    bench.old()
    words = bench.words()
    bench.prefix = ("unshare", "-n")
    done = bench.run(words)
    bench.saw(
        "download", "no network at all, from a lock", done, state=OLD, code=3, says="could not download"
    )
    bench.prefix = ()
    bench.then()
