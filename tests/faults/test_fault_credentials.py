"""An index that wants a password gets it from where pip and uv keep it; without one it is said what is wanted."""

from __future__ import annotations

import base64

import pytest
from fault_bench import NEW, OLD
from fault_server import Handler

WANTED = "Basic " + base64.b64encode(b"anna:secret").decode()


def locked(handler: Handler, body: bytes) -> None:
    """Let in who has the password."""
    if handler.headers.get("Authorization") == WANTED:
        handler.whole(body)
        return
    handler.send_response(401)
    handler.send_header("WWW-Authenticate", 'Basic realm="index"')
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.fixture
def private(bench):
    for name in ("app", "lib"):
        bench.server.faults[name] = locked
        bench.server.faults[f"{name}-2.0-py3-none-any.whl"] = locked
    return bench.old()


def with_password(address: str) -> str:
    return address.replace("http://", "http://anna:secret@") + "/simple"


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.parametrize("where", ["address", "netrc", "mirror"])
def test_a_password_is_found_where_pip_and_uv_keep_it(private, installer, where):
    more = {}
    if where == "netrc":
        netrc = private.scratch / "home" / ".netrc"
        netrc.write_text("machine 127.0.0.1 login anna password secret\n")
        netrc.chmod(0o600)
    elif where == "address":
        address = with_password(private.server.address)
        more = {"PIP_INDEX_URL": address, "UV_DEFAULT_INDEX": address}
    else:
        more = {"STACKFIX_SOURCE_PYPI": with_password(private.server.address)}
    done = private.run([*private.asking(), "--installer", installer], **more)
    private.saw("password", f"in the {where} ({installer})", done, state=NEW, code=0, says="ready")
    assert "secret" not in done.out + done.err
    assert "secret" not in "".join(path.read_text() for path in private.target.glob("*.json"))
    private.then(private.asking())


def test_without_a_password_it_is_said_what_is_wanted(private):
    done = private.run(private.asking())
    private.saw("password", "nowhere", done, state=OLD, code=3, says=r"answered 401[\s\S]*\.netrc")
    private.then(private.asking())
