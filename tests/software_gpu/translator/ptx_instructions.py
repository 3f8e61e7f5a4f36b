"""What each PTX instruction does, as C++ on registers that are bits.

Only what onnxruntime's kernels for DWPose's networks are made of: threads that wait for one another, shared memory
and calls are not among it, and whatever is not known is an error.
https://docs.nvidia.com/cuda/parallel-thread-execution/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ptx_text import NAME, Parameter, UnknownPtxError, fields, width

_SPECIAL = {
    f"%{name}.{axis}": f"thread.{name}[{place}]"
    for name in ("tid", "ctaid", "ntid", "nctaid")
    for place, axis in enumerate("xyz")
}
_COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_ROUNDED = {"rni": "std::nearbyint", "rzi": "std::trunc", "rmi": "std::floor", "rpi": "std::ceil"}
_NEAREST = {"rn", "ftz", "sat", "approx"}


def safe(name: str) -> str:
    """Return a name of PTX as C++ may have it."""
    return "v_" + re.sub(r"\W", lambda found: f"_{ord(found[0])}_", name)


def _plain(kind: str) -> str:
    if kind == "f32":
        return "float"
    if kind[0] == "f":
        raise UnknownPtxError(f"numbers of type {kind}")
    return f"{'int' if kind[0] == 's' else 'uint'}{width(kind)}_t"


class Registers:
    """The registers and parameters that a kernel's instructions name."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.declarations: list[str] = []
        self._kinds: dict[str, str] = {}
        self._parameters = {
            each.name: f"(uint64_t)(thread.parameters + {each.offset})" for each in parameters
        }

    def declare(self, statement: str) -> None:
        """Take `.reg .b32 %r<5>` or `.reg .pred %p`."""
        _, kind, names = statement.split(None, 2)
        kind = kind.lstrip(".")
        plain = "bool" if kind == "pred" else f"uint{width(kind)}_t"
        for name in fields(names):
            stem, _, count = name.rstrip(">").partition("<")
            every = [f"{stem}{place}" for place in range(int(count))] if count else [stem]
            self._kinds.update(dict.fromkeys(every, kind))
            self.declarations += [f"{plain} {safe(each)} = 0;" for each in every]

    def read(self, operand: str, kind: str) -> str:
        """Return an operand as a number of this type."""
        if kind == "pred":
            return f"!{safe(operand[1:])}" if operand.startswith("!") else safe(operand)
        if kind == "f32":
            return f"bits<float>((uint32_t){self._raw(operand)})"
        return f"({_plain(kind)}){self._raw(operand)}"

    def address(self, operand: str) -> str:
        """Return what `[register + 4]` or `[parameter]` points at."""
        match = re.fullmatch(rf"\[\s*({NAME})\s*(?:\+\s*(-?\d+))?\s*\]", operand)
        if not match:
            raise UnknownPtxError(f"address {operand}")
        return f"({self._raw(match[1])} + ({match[2] or 0}))"

    def write(self, operand: str, kind: str, value: str) -> str:
        """Return the statement that keeps a number in a register; a signed one fills a wider register."""
        if operand not in self._kinds:
            raise UnknownPtxError(f"register {operand}")
        if kind == "pred":
            return f"{safe(operand)} = {value};"
        if kind == "f32":
            return f"{safe(operand)} = bits<uint32_t>((float)({value}));"
        return f"{safe(operand)} = ({_plain(kind)})({value});"

    def _raw(self, operand: str) -> str:
        if operand in self._kinds:
            return safe(operand)
        if operand in _SPECIAL:
            return _SPECIAL[operand]
        if operand in self._parameters:
            return self._parameters[operand]
        if re.fullmatch(r"0[fF][0-9a-fA-F]{8}", operand):
            return f"0x{operand[2:]}u"
        if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", operand):
            return f"(int64_t)({operand}ll)"
        raise UnknownPtxError(f"operand {operand}")


Operands: TypeAlias = Sequence[str]
Handler: TypeAlias = Callable[[Registers, list[str], Operands], str]


def translate(registers: Registers, statement: str) -> str:
    """Return the C++ of one instruction. Raises UnknownPtxError for what is not known."""
    guard = re.match(rf"@(!?)({NAME})\s+", statement)
    condition = f"if ({guard[1]}{safe(guard[2])}) " if guard else ""
    word, _, rest = statement[guard.end() if guard else 0 :].partition(" ")
    name, *parts = word.split(".")
    handler = _HANDLERS.get(name)
    if handler is None:
        raise UnknownPtxError(statement)
    return f"{condition}{{ {handler(registers, parts, fields(rest))} }}"


def _of_numbers(form: str, *, floats: bool = True, integers: bool = True, signs: bool = False) -> Handler:
    """Return a handler of `form`, in which {a}, {b} and {c} are the operands.

    Integers are added and multiplied without their sign, where overflow is defined; `signs` where the sign counts.
    """

    def handle(registers: Registers, parts: list[str], operands: Operands) -> str:
        kind, how = parts[-1], set(parts[:-1])
        if not (floats if kind[0] == "f" else integers) or not how <= (
            _NEAREST if kind[0] == "f" else {"lo"}
        ):
            raise UnknownPtxError(f"{form} as {'.'.join(parts)}")
        read_as = kind if kind[0] == "f" or signs else f"u{width(kind)}"
        values = [registers.read(each, read_as) for each in operands[1:]]
        if "ftz" in how:
            values = [f"flushed({each})" for each in values]
        value = form.format(**dict(zip("abc", values, strict=False)))
        value = f"saturated({value})" if "sat" in how else value
        value = f"flushed({value})" if "ftz" in how else value
        return registers.write(operands[0], kind, value)

    return handle


def _move(registers: Registers, parts: list[str], operands: Operands) -> str:
    bits = "pred" if parts[-1] == "pred" else f"b{width(parts[-1])}"
    return registers.write(operands[0], bits, registers.read(operands[1], bits))


def _load(registers: Registers, parts: list[str], operands: Operands) -> str:
    if parts[0] not in ("param", "global") or operands[0].startswith("{"):
        raise UnknownPtxError(f"ld.{'.'.join(parts)} {operands[0]}")
    kind = f"b{width(parts[-1])}" if parts[-1][0] == "f" else parts[-1]
    return registers.write(operands[0], kind, f"load<{_plain(kind)}>({registers.address(operands[1])})")


def _store(registers: Registers, parts: list[str], operands: Operands) -> str:
    if parts[0] != "global" or operands[1].startswith("{"):
        raise UnknownPtxError(f"st.{'.'.join(parts)} {operands[1]}")
    kind = f"b{width(parts[-1])}"
    return f"store<{_plain(kind)}>({registers.address(operands[0])}, {registers.read(operands[1], kind)});"


def _convert(registers: Registers, parts: list[str], operands: Operands) -> str:
    *how, to, source = parts
    rounding = [_ROUNDED[each] for each in how if each in _ROUNDED]
    if not set(how) <= _NEAREST | set(_ROUNDED) or (source == "f32" != to and not rounding):
        raise UnknownPtxError(f"cvt.{'.'.join(parts)}")
    value = registers.read(operands[1], source)
    value = f"flushed({value})" if "ftz" in how and source == "f32" else value
    value = f"{rounding[0]}({value})" if rounding else value
    if source == "f32" != to:
        value = f"as_integer<{_plain(to)}>({value})"
    elif "sat" in how:
        if to != "f32":
            raise UnknownPtxError(f"cvt.{'.'.join(parts)}")
        value = f"saturated({value})"
    return registers.write(operands[0], to, value)


def _product(registers: Registers, parts: list[str], operands: Operands) -> tuple[str, str]:
    """Return the type of an integer product, and the product."""
    how, kind = parts
    bits = width(kind)
    if how == "lo":
        return kind, f"{registers.read(operands[1], f'u{bits}')} * {registers.read(operands[2], f'u{bits}')}"
    a, b = (registers.read(each, kind) for each in operands[1:3])
    if how == "wide":
        twice = f"{kind[0]}{bits * 2}"
        return twice, f"({_plain(twice)}){a} * ({_plain(twice)}){b}"
    wide = "__int128" if kind[0] == "s" else "unsigned __int128"
    return kind, f"({wide}){a} * ({wide}){b} >> {bits}"


def _multiply(registers: Registers, parts: list[str], operands: Operands) -> str:
    if parts[-1][0] == "f":
        return _of_numbers("{a} * {b}")(registers, parts, operands)
    return registers.write(operands[0], *_product(registers, parts, operands))


def _multiply_and_add(registers: Registers, parts: list[str], operands: Operands) -> str:
    kind, product = _product(registers, parts, operands)
    bits = f"u{width(kind)}"
    return registers.write(
        operands[0], kind, f"({_plain(bits)})({product}) + {registers.read(operands[3], bits)}"
    )


def _fuse(registers: Registers, parts: list[str], operands: Operands) -> str:
    form = "fused_down({a}, {b}, {c})" if "rm" in parts else "std::fma({a}, {b}, {c})"
    return _of_numbers(form, integers=False)(registers, [each for each in parts if each != "rm"], operands)


def _compare(registers: Registers, parts: list[str], operands: Operands) -> str:
    comparison, kind = parts[0], parts[-1]
    a, b = (registers.read(each, kind) for each in operands[1:3])
    if len(parts) != 2 and parts[1:-1] != ["ftz"]:
        raise UnknownPtxError(f"setp.{'.'.join(parts)}")
    if "ftz" in parts:
        a, b = f"flushed({a})", f"flushed({b})"
    either = comparison[:-1] if kind == "f32" and comparison not in _COMPARED else ""
    sign = _COMPARED.get(either or comparison)
    if sign is None:
        raise UnknownPtxError(f"setp.{'.'.join(parts)}")
    value = f"{a} {sign} {b}"
    if kind == "f32" and comparison == "ne":  # ordered: false where one is no number
        value = f"{a} < {b} || {a} > {b}"
    if either:  # ltu and its like: true where one is no number
        value = f"{value} || std::isnan({a}) || std::isnan({b})"
    return registers.write(operands[0], "pred", value)


def _select(registers: Registers, parts: list[str], operands: Operands) -> str:
    bits = f"b{width(parts[-1])}"
    first, second = (registers.read(each, bits) for each in operands[1:3])
    return registers.write(operands[0], bits, f"{registers.read(operands[3], 'pred')} ? {first} : {second}")


def _bitwise(sign: str) -> Handler:
    def handle(registers: Registers, parts: list[str], operands: Operands) -> str:
        a, b = (registers.read(each, parts[-1]) for each in operands[1:3])
        return registers.write(operands[0], parts[-1], f"{a} {sign} {b}")

    return handle


def _shift(sign: str) -> Handler:
    """A shift beyond the register leaves nothing of it, or its sign alone."""

    def handle(registers: Registers, parts: list[str], operands: Operands) -> str:
        kind = parts[-1]
        bits = width(kind)
        a, by = registers.read(operands[1], kind), registers.read(operands[2], "u32")
        if kind[0] == "s":
            return registers.write(operands[0], kind, f"{a} {sign} least<uint32_t>({by}, {bits - 1})")
        return registers.write(operands[0], kind, f"{by} < {bits} ? {a} {sign} {by} : 0")

    return handle


def _jump(registers: Registers, parts: list[str], operands: Operands) -> str:
    return f"goto {safe(operands[0])};"


def _end(registers: Registers, parts: list[str], operands: Operands) -> str:
    return "return;"


_HANDLERS: Mapping[str, Handler] = {
    "abs": _of_numbers("std::fabs({a})", integers=False),
    "add": _of_numbers("{a} + {b}"),
    "and": _bitwise("&"),
    "bra": _jump,
    "cvt": _convert,
    "cvta": _move,
    "div": _of_numbers("{a} / {b}", integers=False),
    "ex2": _of_numbers("std::exp2({a})", integers=False),
    "fma": _fuse,
    "ld": _load,
    "mad": _multiply_and_add,
    "max": _of_numbers("most({a}, {b})", signs=True),
    "min": _of_numbers("least({a}, {b})", signs=True),
    "mov": _move,
    "mul": _multiply,
    "neg": _of_numbers("-{a}"),
    "or": _bitwise("|"),
    "rcp": _of_numbers("1 / {a}", integers=False),
    "ret": _end,
    "selp": _select,
    "setp": _compare,
    "shl": _shift("<<"),
    "shr": _shift(">>"),
    "st": _store,
    "sub": _of_numbers("{a} - {b}"),
    "xor": _bitwise("^"),
}
