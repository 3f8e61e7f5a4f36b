"""The server counts: what is installed is downloaded, once, and nothing before it is known that it will do."""

from __future__ import annotations

import shutil

import pytest
from fault_bench import NEW, OLD, VERSION

WHEELS = ["app-2.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl"]


def wheels(bench):
    return sorted(name for name in bench.server.asked if name.endswith(".whl"))


@pytest.fixture
def crowded(bench):
    """An index with more than is asked for."""
    bench.server.publish("app", "0.9")
    bench.server.publish("other", "1.0")
    return bench.old()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_what_is_installed_is_downloaded_once(crowded, installer):
    done = crowded.run(crowded.words(installer=installer))
    crowded.saw("download", f"a lock, counted ({installer})", done, state=NEW, code=0, says="ready")
    assert wheels(crowded) == WHEELS
    assert sorted(crowded.server.asked) == WHEELS  # nor any page
    crowded.then()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_all_pages_are_read_before_the_first_file(crowded, installer):
    words = [*crowded.asking(), "--installer", installer]
    done = crowded.run(words)
    crowded.saw("download", f"a question, counted ({installer})", done, state=NEW, code=0, says="ready")
    assert wheels(crowded) == WHEELS
    asked = [name.strip("/") for name in crowded.server.asked]
    first = next(at for at, name in enumerate(asked) if name.endswith(".whl"))
    assert sorted(asked[:first]) == ["app", "lib"]  # each once, though two want it
    assert all(name.endswith(".whl") for name in asked[first:])
    crowded.then(words)


def test_what_uv_has_already_is_not_downloaded_again(crowded):
    assert crowded.run(crowded.words()).code == 0
    shutil.rmtree(crowded.target)
    crowded.old()
    crowded.server.asked.clear()
    done = crowded.run(crowded.words())
    crowded.saw(
        "download", "all of it in uv's cache, counted", done, state=NEW, code=0, says="0 B to download"
    )
    assert crowded.server.asked == []
    crowded.then()


@pytest.mark.parametrize(
    ("what", "words", "code"),
    [
        ("a driver that is too old", ["torch>=2.14", "--driver", "450.80.02", "--gpu", "sm_89"], 1),
        ("a release that the index has not", ["app==9.0", "--gpu", "none"], 3),
    ],
)
def test_nothing_is_downloaded_for_a_plan_that_will_not_do(crowded, what, words, code):
    done = crowded.run(
        ["install", *words, "--python", VERSION, "--venv", str(crowded.target), "--no-validate"]
    )
    crowded.saw("plan", what, done, state=OLD, code=code, says="")
    assert wheels(crowded) == []
    crowded.then()
