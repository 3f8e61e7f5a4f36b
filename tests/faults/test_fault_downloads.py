"""Files that do not arrive, or not as they are: the target is what it was, and it is said why."""

from __future__ import annotations

import fault_server as faults
import pytest
from fault_bench import ABSENT, NEW, OLD

FILE = "app-2.0-py3-none-any.whl"
HASH = "not the one that the lock names"
NETWORK = "could not download"
EITHER = f"{HASH}|{NETWORK}"

DOWNLOADS = {
    "the server answers 500": (faults.status(500), NETWORK),
    "the server answers 503": (faults.status(503), NETWORK),
    "the server answers 403": (faults.status(403), NETWORK),
    "the server answers 401": (faults.status(401), NETWORK),
    "the file is gone (404)": (faults.status(404), NETWORK),
    "the file is gone (410)": (faults.status(410), NETWORK),
    "too many requests (429)": (faults.status(429), NETWORK),
    "a web page instead of the file": (faults.web_page, HASH),
    "the file is too short": (faults.short, EITHER),
    "the file is too long": (faults.longer, HASH),
    "the file is empty": (faults.empty, EITHER),
    "one bit of the file is wrong": (faults.corrupt, HASH),
    "the download is cut": (faults.cut, EITHER),
    "the connection is reset": (faults.reset, NETWORK),
    "a redirect loop": (faults.loop, EITHER),
    "a redirect to another file": (faults.elsewhere("lib-2.0-py3-none-any.whl"), HASH),
    "the server stops in the middle": (faults.stall, NETWORK),
    "a file without end": (faults.endless, EITHER),
    "too many requests, try again in an hour": (faults.too_many(3600), NETWORK),
}
BY_PIP = (
    "the server answers 500",
    "a web page instead of the file",
    "one bit of the file is wrong",
    "the download is cut",
    "a redirect loop",
    "the server stops in the middle",
    "a file without end",
)


@pytest.mark.parametrize(
    ("installer", "what"), [*(("uv", what) for what in DOWNLOADS), *(("pip", what) for what in BY_PIP)]
)
def test_a_bad_download_leaves_the_old_environment(bench, installer, what):
    fault, says = DOWNLOADS[what]
    bench.old()
    bench.server.faults[FILE] = fault
    done = bench.run(bench.words(installer=installer))
    bench.saw("download", f"{what} ({installer})", done, state=OLD, code=3, says=says)
    assert installer == "pip" or "`app==2.0`" in done.err
    assert bench.beside() == []
    bench.then()


def test_a_bad_first_download_leaves_no_target(bench):
    bench.server.faults[FILE] = faults.cut
    done = bench.run(bench.words())
    bench.saw(
        "download", "the download is cut, nothing was there before", done, state=ABSENT, code=3, says=EITHER
    )
    assert bench.beside() == []
    bench.then()


def test_a_slow_server_is_waited_for(bench):
    bench.old()
    bench.server.faults[FILE] = faults.slow
    done = bench.run(bench.words())
    bench.saw("download", "the server is slow", done, state=NEW, code=0, says="ready")
    bench.then()


@pytest.mark.parametrize(
    ("what", "fault"), [("answers 503", faults.status(503)), ("resets the connection", faults.reset)]
)
def test_a_server_that_fails_once_is_asked_again(bench, what, fault):
    bench.old()
    bench.server.faults[FILE] = faults.once(fault)
    done = bench.run(bench.words(), UV_HTTP_RETRIES="3")
    bench.saw("download", f"the server {what} once", done, state=NEW, code=0, says="ready")
    bench.then()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_proxy_that_wants_a_password_is_named(bench, installer):
    bench.old()
    with faults.serving(faults.Proxy) as proxy:
        done = bench.run(bench.words(installer=installer), HTTP_PROXY=proxy, http_proxy=proxy, NO_PROXY="")
    what = f"the proxy wants a password ({installer})"
    bench.saw("download", what, done, state=OLD, code=3, says="HTTPS_PROXY=http://name:password")
    bench.then()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_proxy_that_is_not_there(bench, installer):
    bench.old()
    proxy = "http://127.0.0.1:9"
    done = bench.run(bench.words(installer=installer), HTTP_PROXY=proxy, http_proxy=proxy, NO_PROXY="")
    bench.saw("download", f"the proxy is down ({installer})", done, state=OLD, code=3, says=NETWORK)
    bench.then()


def test_offline_a_lock_is_installed_from_uvs_cache(bench):
    bench.old()
    cold = bench.run([*bench.words(), "--offline"])
    bench.saw(
        "offline",
        "nothing is in the cache",
        cold,
        state=OLD,
        code=3,
        says="(app|lib)-2.0-py3-none-any.whl in its cache",
    )
    assert bench.server.asked == []
    bench.then()
    bench.again()
    bench.server.asked.clear()
    done = bench.run([*bench.words(), "--offline"])
    bench.saw("offline", "everything is in the cache", done, state=NEW, code=0, says="ready")
    assert bench.server.asked == []
    bench.then()
