"""Every pattern, clue and library kind of `data/causes`: its own examples hold it to what it says."""

from __future__ import annotations

import re
import sys
from importlib import import_module

import pytest

from stackfix.facts.causes import load_causes
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.symptoms.circumstances import NoBuilds, circumstances
from stackfix.symptoms.libraries import meanings
from stackfix.symptoms.search import compiled, places
from stackfix.symptoms.text import text_of

NEW = sys.version_info >= (3, 11)
parser = import_module("re._parser" if NEW else "sre_parse")
words = import_module("re._constants" if NEW else "sre_constants")
KNOWN = load_causes(data_root())
EXAMPLES = [
    pytest.param(pattern, example, id=f"{pattern.name}-{number}")
    for pattern in KNOWN.patterns
    for number, example in enumerate(pattern.examples)
]


@pytest.mark.parametrize(("pattern", "example"), EXAMPLES)
def test_a_pattern_finds_its_example(pattern, example):
    assert list(places(text_of(example), pattern.words, pattern.regex, 1))


@pytest.mark.parametrize(("pattern", "example"), EXAMPLES)
def test_an_example_is_named_by_its_code_first(pattern, example, codes):
    expected = pattern.gives or pattern.code
    assert codes(example)[:1] == [expected]
    assert pattern.library or pattern.code in codes(example)


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        pytest.param(pattern, example, id=pattern.name)
        for pattern in KNOWN.patterns
        for example in pattern.counter_examples
    ],
)
def test_a_counter_example_is_not_named_so(pattern, example, codes):
    assert (pattern.gives or pattern.code) not in codes(example)


@pytest.mark.parametrize(("pattern", "example"), EXAMPLES)
def test_a_long_log_keeps_what_a_pattern_needs(pattern, example):
    lower = example.lower()
    assert any(trigger in lower for trigger in (*KNOWN.triggers.telling, *KNOWN.triggers.others))


@pytest.mark.parametrize("clue", KNOWN.clues, ids=lambda clue: f"{clue.says}-{clue.regex[:20]}")
def test_a_clue_finds_its_examples(clue):
    for example in clue.examples:
        assert clue.says in circumstances(text_of(example), KNOWN, NoBuilds()).told, example


def _expressions():
    for pattern in KNOWN.patterns:
        yield pattern.name, pattern.regex
        if pattern.unless:
            yield f"{pattern.name}-unless", pattern.unless
    yield from ((f"clue-{clue.says}", clue.regex) for clue in KNOWN.clues)
    yield from ((f"library-{kind.kind}", kind.regex) for kind in KNOWN.libraries)


def _repeats(parsed, above=1):
    """Yield for each repeat how often it may run, counted with those around it."""
    for operation, argument in parsed:
        if operation in (words.MAX_REPEAT, words.MIN_REPEAT):
            _, most, inside = argument
            most = 10_000 if most is words.MAXREPEAT else int(most)
            yield above * most
            yield from _repeats(inside, above * max(1, most))
        elif operation is words.BRANCH:
            for branch in argument[1]:
                yield from _repeats(branch, above)
        elif operation is words.SUBPATTERN:
            yield from _repeats(argument[-1], above)
        elif operation in (words.ASSERT, words.ASSERT_NOT):
            yield from _repeats(argument[1], above)


@pytest.mark.parametrize(("name", "regex"), list(_expressions()))
def test_no_repeat_is_unbounded_or_multiplied_by_another(name, regex):
    assert all(most <= 640 for most in _repeats(parser.parse(compiled(regex).pattern, re.IGNORECASE)))


def test_every_code_has_words_and_every_words_a_pattern():
    made = {pattern.code for pattern in KNOWN.patterns} | {kind.code for kind in KNOWN.libraries}
    decided = {"cuda_runtime_missing", "cuda_major_mismatch", "cudnn_missing", "cudnn_major_mismatch", ""}
    assert made - {""} <= set(KNOWN.words)
    assert set(KNOWN.words) == (made | decided) - {""}


def test_words_of_a_code_are_after_codes_that_exist():
    for each in KNOWN.words.values():
        assert each.after <= set(KNOWN.words), each.code
        assert each.code not in each.after


@pytest.mark.parametrize("each", list(KNOWN.words.values()), ids=lambda each: each.code)
def test_no_fix_puts_one_onnxruntime_beside_the_other(each):
    assert not re.search(r"pip install (?:-\S+ )*onnxruntime(?:-gpu)?\b", each.fix)


def test_patterns_have_names_of_their_own():
    names = [pattern.name for pattern in KNOWN.patterns]
    assert len(names) == len(set(names))


def test_the_cuda_majors_of_names_agree_with_the_wheels_that_provide_them():
    """The rows of NVIDIA's own wheels say which CUDA major ships which name."""
    facts = Database(data_root())
    wrong, checked = [], 0
    for package in facts.packages():
        if not re.match(r"nvidia-(?:cublas|cuda-runtime|cufft|cusparse|cusolver|nvjitlink)", package):
            continue
        for wheel in facts.wheels(package):
            for soname in wheel.provides:
                kind = next((k for k in KNOWN.libraries if compiled(k.regex).search(soname)), None)
                if kind is None or not kind.cuda or not wheel.cuda_major:
                    continue
                groups = compiled(kind.regex).search(soname).groupdict()
                number = groups.get("major") or groups.get("windows") or ""
                checked += 1
                if number and wheel.cuda_major not in kind.cuda.get(number, ()):
                    wrong.append((package, wheel.key, soname, wheel.cuda_major, kind.cuda.get(number)))
    assert checked > 50
    assert not wrong


def test_a_name_of_no_known_kind_means_nothing():
    where = circumstances(text_of(""), KNOWN, NoBuilds())
    assert meanings("libfoo.so.3", where, KNOWN) == []
