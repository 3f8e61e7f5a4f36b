"""Each instruction of PTX against Python's integers and numpy's numbers of 32 bits."""

import ctypes
import shutil
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

TRANSLATOR = Path(__file__).parent / "translator"
sys.path.insert(0, str(TRANSLATOR))
import ptx_text  # noqa: E402 - it lies beside the device's libraries, where the driver looks for it
import translate_kernel  # noqa: E402

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
FLOATS = np.array([0.0, -0.0, 1.5, -2.25, 3e38, 1e-40, 16777217.0, 0.1, -7.7, np.inf, np.nan], np.float32)
OTHERS = np.array([1.0, 0.0, -0.3, 7.7, 3e38, 1e-40, 2.0, 0.2, np.nan, 1.0, 1.0], np.float32)
INTEGERS = np.array([0, 1, -1, 2**31 - 1, -(2**31), 123456789, -987654321, 31, 32, 33, 7], np.int32)
COUNTS = np.array([0, 31, 32, 33, 1, 5, 30, 2, 2**31 - 1, -1, 8], np.int32)
MODULE = """
.version 7.8
.target sm_90
.address_size 64
.visible .entry each(.param .u64 a, .param .u64 b, .param .u64 out, .param .u32 count)
.maxntid 256, 1, 1
{
    .reg .pred %p<4>; // two for the guard
    .reg .b32 %r<8>;
    .reg .f32 %f<5>;
    .reg .b64 %d<9>;
    ld.param.u64 %d1, [a];
    ld.param.u64 %d2, [b];
    ld.param.u64 %d3, [out];
    ld.param.u32 %r1, [count];
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.s32 %r5, %r2, %r3, %r4;
    setp.ge.u32 %p1, %r5, %r1;
    @%p1 bra $END;
    mul.wide.u32 %d4, %r5, 4;
    add.s64 %d1, %d1, %d4;
    add.s64 %d2, %d2, %d4;
    add.s64 %d3, %d3, %d4;
    ld.global.b32 %r6, [%d1];
    ld.global.b32 %r7, [%d2];
    mov.b32 %f1, %r6;
    mov.b32 %f2, %r7;
    INSTRUCTIONS
$END:
    ret;
}
"""


def run(folder, cases, first, second, result):
    """Return what a kernel makes of two arrays, in blocks of 4 threads: a row for each of the instructions."""
    store = f"st.global.b32 [%d3], {result}; add.s64 %d3, %d3, {4 * len(first)};"
    (folder / "module.ptx").write_text(MODULE.replace("INSTRUCTIONS", store.join([*cases, ""])))
    library = folder / "kernel.so"
    translate_kernel.compile_kernel(folder / "module.ptx", "each", library)
    out = np.zeros((len(cases), len(first)), first.dtype)
    given = [ctypes.c_void_p(each.ctypes.data) for each in (first, second, out)] + [
        ctypes.c_uint32(len(first))
    ]
    parameters = (ctypes.c_void_p * 4)(*map(ctypes.addressof, given))
    grid, block = (ctypes.c_uint * 3)((len(first) + 3) // 4, 1, 1), (ctypes.c_uint * 3)(4, 1, 1)
    ctypes.CDLL(str(library)).run(grid, block, parameters)
    return dict(zip(cases, out, strict=True))


def wrapped(number):
    return (int(number) + 2**31) % 2**32 - 2**31


def unsigned(number):
    return int(number) % 2**32


ON_INTEGERS = {
    "add.s32 %r1, %r6, %r7;": lambda a, b: wrapped(a + b),
    "sub.s32 %r1, %r6, %r7;": lambda a, b: wrapped(a - b),
    "mul.lo.s32 %r1, %r6, %r7;": lambda a, b: wrapped(a * b),
    "mul.hi.u32 %r1, %r6, %r7;": lambda a, b: wrapped(unsigned(a) * unsigned(b) >> 32),
    "mul.wide.s32 %d5, %r6, %r7; shr.s64 %d6, %d5, 3; cvt.u32.u64 %r1, %d6;": lambda a, b: wrapped(a * b >> 3),
    "mad.lo.s32 %r1, %r6, %r7, -5;": lambda a, b: wrapped(a * b - 5),
    "max.s32 %r1, %r6, %r7;": max,
    "shl.b32 %r1, %r6, %r7;": lambda a, b: wrapped(a << unsigned(b)) if unsigned(b) < 32 else 0,
    "shr.u32 %r1, %r6, %r7;": lambda a, b: wrapped(unsigned(a) >> min(unsigned(b), 32)),
    "setp.lt.u32 %p2, %r6, %r7; selp.b32 %r1, 1, 0x2, %p2;": lambda a, b: 1 if unsigned(a) < unsigned(b) else 2,
    "setp.ne.s32 %p2, %r6, %r7; mov.u32 %r1, 3; @!%p2 mov.u32 %r1, -4;": lambda a, b: 3 if a != b else -4,
    "cvt.s64.s32 %d5, %r6; shr.s64 %d6, %d5, 40; cvt.u32.u64 %r1, %d6;": lambda a, _: -1 if a < 0 else 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def of_integers(tmp_path_factory):
    return run(tmp_path_factory.mktemp("integers"), tuple(ON_INTEGERS), INTEGERS, COUNTS, "%r1")


@needs_compiler
@pytest.mark.parametrize("instructions", ON_INTEGERS)
def test_an_instruction_on_integers_gives_what_python_does(of_integers, instructions):
    truth = ON_INTEGERS[instructions]
    wanted = [truth(a, b) for a, b in zip(INTEGERS.tolist(), COUNTS.tolist(), strict=True)]
    assert of_integers[instructions].tolist() == wanted


def fused(a, b, c):
    return (a.astype(np.float64) * b + c).astype(np.float32)


ON_NUMBERS = {
    "add.f32 %f3, %f1, %f2;": np.add,
    "sub.f32 %f3, %f1, %f2;": np.subtract,
    "mul.f32 %f3, %f1, %f2;": np.multiply,
    "div.rn.f32 %f3, %f1, %f2;": np.divide,
    "fma.rn.f32 %f3, %f1, %f2, 0fBF000000;": lambda a, b: fused(a, b, -0.5),
    "max.f32 %f3, %f1, %f2;": np.fmax,
    "min.f32 %f3, %f1, %f2;": np.fmin,
    "rcp.rn.f32 %f3, %f1;": lambda a, _: np.float32(1) / a,
    "cvt.sat.f32.f32 %f3, %f1;": lambda a, _: np.nan_to_num(np.clip(a, 0, 1), nan=0),
    "cvt.rmi.f32.f32 %f3, %f1;": lambda a, _: np.floor(a),
    "setp.ltu.f32 %p2, %f1, %f2; selp.f32 %f3, 0f3F800000, 0f00000000, %p2;":
        lambda a, b: ((a < b) | np.isnan(a) | np.isnan(b)).astype(np.float32),
    "cvt.rzi.s32.f32 %r1, %f1; cvt.rn.f32.s32 %f3, %r1;":
        lambda a, _: np.clip(np.nan_to_num(np.trunc(np.float64(a))), -(2**31), 2**31 - 1).astype(np.float32),
}  # fmt: skip


@pytest.fixture(scope="module")
def of_numbers(tmp_path_factory):
    return run(tmp_path_factory.mktemp("numbers"), tuple(ON_NUMBERS), FLOATS, OTHERS, "%f3")


@needs_compiler
@pytest.mark.parametrize("instructions", ON_NUMBERS)
def test_an_instruction_on_numbers_gives_what_numpy_does(of_numbers, instructions):
    with np.errstate(all="ignore"):
        wanted = ON_NUMBERS[instructions](FLOATS, OTHERS)
    assert np.array_equal(of_numbers[instructions], wanted, equal_nan=True)


@needs_compiler
def test_a_fused_product_rounded_down_is_the_greatest_number_below_the_exact_one(tmp_path):
    first = np.random.default_rng(1).normal(size=64).astype(np.float32)
    second = np.random.default_rng(2).normal(size=64).astype(np.float32)
    (got,) = run(tmp_path, ("fma.rm.f32 %f3, %f1, %f2, 0f4B40007F;",), first, second, "%f3").values()
    for a, b, each in zip(first.tolist(), second.tolist(), got, strict=True):
        exact = Fraction(a) * Fraction(b) + Fraction(12583039)
        assert Fraction(float(each)) <= exact < Fraction(float(np.nextafter(each, np.float32(np.inf))))


@pytest.mark.parametrize(
    "instruction",
    [
        "bar.sync 0;",
        "shfl.sync.bfly.b32 %r1, %r6, 1, 31, -1;",
        "ld.shared.f32 %f3, [a];",
        "add.rz.f32 %f3, %f1, %f2;",
        "add.cc.s32 %r1, %r6, %r7;",
        "add.f64 %f3, %f1, %f2;",
        "mov.u32 %r1, %clock;",
    ],
)
def test_what_is_not_known_is_an_error_and_no_guess(instruction):
    with pytest.raises(ptx_text.UnknownPtxError):
        translate_kernel.source(MODULE.replace("INSTRUCTIONS", instruction), "each")
