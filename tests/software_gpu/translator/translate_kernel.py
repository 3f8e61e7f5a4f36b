"""Translate one kernel of a PTX module to C++ and compile it: translate_kernel.py MODULE.ptx KERNEL LIBRARY.so.

The library has one function, run(grid, block, parameters), that is the kernel for every thread in turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ptx_instructions
import ptx_text

HERE = Path(__file__).resolve().parent
# Strict about numbers: products and sums are fused where PTX says so and nowhere else. C++14, whose <cmath> is half as long.
FLAGS = ("-std=c++14", "-O1", "-fwrapv", "-ffp-contract=off", "-march=native", "-fPIC", "-shared")


def source(text: str, name: str) -> str:
    """Return the C++ of a kernel. Raises UnknownPtxError for what is not known."""
    kernel = ptx_text.find(text, name)
    registers = ptx_instructions.Registers(kernel.parameters)
    body = []
    for statement in kernel.statements:
        if statement.startswith(".reg"):
            registers.declare(statement)
        elif statement.endswith(":"):
            body.append(f"{ptx_instructions.safe(statement[:-1])}: ;")
        elif not statement.startswith((".pragma", ".loc")):
            body.append(ptx_instructions.translate(registers, statement))
    size = max((each.offset + each.size for each in kernel.parameters), default=1)
    given = [
        f"std::memcpy(given + {each.offset}, parameters[{place}], {each.size});"
        for place, each in enumerate(kernel.parameters)
    ]
    return "\n".join(
        [
            '#include "kernel_frame.h"',
            "static void kernel(const Thread &thread) {",
            *registers.declarations,
            *body,
            "}",
            'extern "C" void run(const unsigned grid[3], const unsigned block[3], void **parameters) {',
            f"alignas(16) unsigned char given[{size}];",
            *given,
            "run_threads(grid, block, given, kernel);",
            "}",
            "",
        ]
    )


def compile_kernel(module: Path, name: str, library: Path) -> None:
    """Write a kernel's library, which appears whole or not at all: other processes wait for it too."""
    part = library.with_suffix(f".{os.getpid()}")
    code = source(module.read_text(encoding="latin-1"), name)
    command = ["g++", *FLAGS, f"-I{HERE}", "-x", "c++", "-", "-o", str(part)]
    subprocess.run(command, input=code, text=True, check=True)
    part.rename(library)


if __name__ == "__main__":
    try:
        compile_kernel(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except ptx_text.UnknownPtxError as error:
        sys.exit(f"software GPU: {sys.argv[2]}: {error}")
