"""What is taken out of a text, and what is left as it was."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stackfix.model.identity import Identity
from stackfix.render.redaction import hidden_words, redacted, redaction

ANN = Identity(
    users=("ann",),
    hosts=("box.lab.example", "box"),
    homes=("/home/ann",),
    folders=(
        ("/home/ann/secret", "FOLDER"),
        ("/", "FOLDER"),
        ("/home", "FOLDER"),
        ("/home/ann/secret/env", "ENVIRONMENT"),
        ("/srv/disk/env", "ENVIRONMENT"),
    ),
)
UUID = "GPU-6b1a4f0e-0d3c-4f6a-9d4e-3a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the channel of ann's annual plan", "the channel of USER's annual plan"),
        ("in /home/ann/secret/env.", "in ENVIRONMENT."),
        ("/home/ann/secret/env/bin/python", "ENVIRONMENT/bin/python"),
        ("/home/ann/secret/env.bak/x", "FOLDER/env.bak/x"),
        ("/home/ann/secret/environment", "FOLDER/environment"),
        ("/srv/disk/env, ~", "ENVIRONMENT, ~"),
        ("-I/home/ann/secret/include", "-I/FOLDER/include"),
        ("/mnt/home/ann/x", "/mnt/HOME/x"),
        ("file:///home/ann/x", "file:HOME/x"),
        ("/home//ann/x", "HOME/x"),
        ("/home/anna/x and /Users/bob/y", "/home/OTHER/x and /Users/OTHER/y"),
        (r"C:\Users\bob\env", r"C:\Users\OTHER\env"),
        ("/data/ann/models and ann_models", "/data/USER/models and ann_models"),
        (f"GPU 0 {UUID}, MIG-{UUID[4:]}", "GPU 0 GPU-UUID, GPU-UUID"),
        ("on box.lab.example or box, in a toolbox", "on HOST or HOST, in a toolbox"),
        ("/usr/lib/libcuda.so.1 and https://example.org/home", "/usr/lib/libcuda.so.1 and https://example.org/home"),
    ],
)  # fmt: skip
def test_whole_folders_and_whole_words_are_taken_out(text, told):
    assert redaction(ANN)(text) == told


def test_root_is_a_word_of_prose_and_slash_root_a_home():
    home = "/" + "root"
    hide = redaction(Identity(users=("root",), homes=(home,), folders=((f"{home}/env", "ENVIRONMENT"),)))
    text = f"the root cause: user{home} may not; DT_RUNPATH and the root of /opt"
    assert hide(text) == text
    told = hide(f"{home}/env/bin and {home}/.cache, '{home}'")
    assert told == "ENVIRONMENT/bin and HOME/.cache, 'HOME'"


def test_windows_folders_are_known_in_any_case_and_with_doubled_slashes():
    hide = redaction(Identity(homes=(r"C:\Users\Ann",), folders=((r"C:\Users\Ann\env", "ENVIRONMENT"),)))
    assert (
        hide(r"c:\users\ann\ENV\x, C:\\Users\\Ann\\env, C:/Users/Ann/y")
        == r"ENVIRONMENT\x, ENVIRONMENT, HOME/y"
    )


def test_the_words_that_scripts_rely_on_stay_in_json():
    hide = redaction(Identity(users=("gpu",)))
    document = {"verdict": "proved on gpu", "checks": [{"text": "on gpu", "ok": None}], "people": (1.5,)}
    assert redacted(document, hide) == {
        "verdict": "proved on gpu",
        "checks": [{"text": "on USER", "ok": None}],
        "people": [1.5],
    }


@pytest.mark.parametrize("name", ["cpu", "gpu", ".venv", "env"])
def test_an_environment_called_by_a_word_of_our_own_leaves_that_word_where_it_stands(name):
    hide = redaction(Identity(folders=((name, "ENVIRONMENT"), (f"/srv/acme/{name}", "ENVIRONMENT"))))
    text = "proved on gpu: the environment's env and .venv run on the cpu"
    assert hide(text) == text
    assert hide(f"/srv/acme/{name}/bin/python") == "ENVIRONMENT/bin/python"
    assert redaction(Identity(folders=(("acme", "ENVIRONMENT"),)))("--venv acme") == "--venv ENVIRONMENT"


NAMES = st.text("abcdefgh-._09", min_size=2, max_size=9).filter(
    lambda name: name[0].isalnum() and name[-1].isalnum()
)
WORDS = ("channel", "needs", "libcudnn.so.9", "/usr/lib", "torch==2.15.0", "(a)", "root", "12 %", "x/y")


@st.composite
def identities(draw):
    user, host, folder, name = (draw(NAMES) for _ in range(4))
    assume(len({user, host, folder, name, "home", "HOME"}) == 6)
    home = f"/home/{user}"
    return Identity(
        users=(user,),
        hosts=(host,),
        homes=(home,),
        folders=((f"{home}/{folder}", "FOLDER"), (f"{home}/{folder}/{name}", "ENVIRONMENT")),
    )


def pieces(text):
    """All that is a part of a path in a text, and all that is a word of it."""
    return {*re.split(r"[\s/\\:;,'\"()]+", text), *re.findall(r"[\w.\-]*\w", text), *re.findall(r"\w+", text)}


@given(identities(), st.data())
def test_no_redacted_word_survives_as_a_part_of_a_path_or_as_a_word(identity, data):
    path, env = identity.folders[0][0], identity.folders[1][0]
    spoken = st.sampled_from(
        (
            *WORDS,
            *identity.users,
            *identity.hosts,
            path,
            env,
            f"{env}/lib",
            f"/opt/{identity.users[0]}/x",
            UUID,
        )
    )
    between = st.sampled_from((" ", ", ", "; ", "'", "\n", " (", ": "))
    text = "".join(
        word for pair in data.draw(st.lists(st.tuples(spoken, between), max_size=8)) for word in pair
    )
    told = redaction(identity)(text)
    assert not set(hidden_words(identity)) & pieces(told)
    assert not any(folder in told for folder, _ in identity.folders)
    assert UUID not in told


@given(identities(), st.lists(st.sampled_from(WORDS)))
def test_what_holds_none_of_it_is_left_as_it_was(identity, words):
    text = " ".join(words)
    assume(not {*identity.users, *identity.hosts} & pieces(text))
    assert redaction(identity)(text) == text


@given(identities(), st.text())
def test_once_is_enough(identity, text):
    hide = redaction(identity)
    assert hide(hide(text)) == hide(text)
