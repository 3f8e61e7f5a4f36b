"""Children that crash, hang, leave children of their own, or cannot start."""

import sys
import time

from stackfix.probe.child import Broken, Ended, first_line, run_child, run_together


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_output_and_status_are_kept_apart():
    answer = run_child(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), seconds=10
    )
    assert answer == Ended(code=3, out="out\n", err="err\n")


def test_bytes_that_are_no_text_do_not_matter():
    answer = run_child(python("import os; os.write(1, b'\\xff')"), seconds=10)
    assert answer == Ended(code=0, out="\N{REPLACEMENT CHARACTER}", err="")


def test_a_crash_and_a_program_that_is_not_there_have_reasons():
    assert run_child(python("import os; os.kill(os.getpid(), 11)"), seconds=10) == Broken(
        "crashed with SIGSEGV"
    )
    assert run_child(["/nowhere/program"], seconds=1) == Broken(
        "could not be started: No such file or directory"
    )
    assert isinstance(run_child(["a\0b"], seconds=1), Broken)


def test_a_hanging_child_is_stopped_with_its_own_children():
    started = time.monotonic()
    answer = run_child(["/bin/sh", "-c", "echo begun; sleep 30 & sleep 30"], seconds=0.3)
    assert isinstance(answer, Broken)
    assert (answer.reason, answer.out) == ("did not answer within 0.3 s", "begun\n")
    if sys.platform == "linux":
        assert any(file.endswith("sh") for file in answer.files)
    assert time.monotonic() - started < 5


def test_a_child_that_prints_without_end_is_stopped_before_it_fills_the_memory():
    for stream in (1, 2):
        code = f"import os\nwhile True: os.write({stream}, b'warning ' * 8192)"
        assert run_child(python(code), seconds=60) == Broken("was stopped when it had printed 16 MB")


def test_much_that_ends_is_kept_whole():
    answer = run_child(
        python("import os; os.write(1, b'x' * 3_000_000); os.write(2, b'y' * 90_000)"), seconds=60
    )
    assert isinstance(answer, Ended)
    assert (len(answer.out), len(answer.err)) == (3_000_000, 90_000)


def test_many_children_run_at_the_same_time_and_answer_in_order():
    started = time.monotonic()
    answers = run_together([["/bin/sh", "-c", f"sleep 0.5; echo {n}"] for n in range(10)], seconds=20)
    assert [answer.out for answer in answers] == [f"{n}\n" for n in range(10)]
    assert time.monotonic() - started < 4


def test_children_see_the_environment_that_is_given():
    answer = run_child(
        ["/bin/sh", "-c", "echo $STACKFIX_TEST"], seconds=10, environ={"STACKFIX_TEST": "seen"}
    )
    assert answer == Ended(code=0, out="seen\n", err="")


def test_the_first_line_that_says_something_is_quoted():
    assert first_line("\n  \n  said \nmore") == "said"
    assert first_line("") == ""
    assert len(first_line("x" * 1000)) == 200
