"""Which of two packages gives way where one requires another release of the other."""

from __future__ import annotations

from test_smallest import CUDA_12, environment, mended

from stackfix.solve.dependents import dependents_first


def test_what_is_required_gives_way_to_what_requires_it():
    """sympy 1.14.0 requires mpmath<1.4: it was replaced by 1.10.1, which asks for any."""
    there = environment(
        CUDA_12 | {"onnxruntime-gpu": "1.22.0", "mpmath": "1.4.1"},
        requires={"sympy": ("mpmath<1.4,>=1.1.0",), "onnxruntime-gpu": ("sympy",)},
    )
    changed = {step.pin.name: step.pin.version for step in mended(there).steps}
    assert "sympy" not in changed
    assert changed["mpmath"] == "1.3.0"


def test_each_comes_before_what_it_requires_also_in_a_circle():
    requires = {"a": ("c",), "b": ("a", "gone"), "c": ("d; extra == 'x'", "a"), "d": ("not a requirement !",)}
    there = environment(dict.fromkeys("abcd", "1.0"), requires=requires)
    order = dependents_first(there, "abcd")
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("b") < min(order.index("a"), order.index("c"))
