"""Everything that needs a GPU, on a bare machine without a network, in one command.

There, to begin with:       python3 --version; nvidia-smi
Here, with a network:       python benchmarks/gpu_proof pack PIECES --driver 580.65.06 --gpu sm_90 --python 3.12
There, once for each part:  python benchmarks/gpu_proof receive PIECES/part-000 --store STORE
There, at the end:          python benchmarks/gpu_proof run STORE --json result.json

Where commands end after minutes, run the last one again: what went well is kept. Where every part is a call of its own,
begin with six parts beside the torch and the CUDA libraries that the machine's own Python has, then send all of them:
    python benchmarks/gpu_proof pack --only onnxruntime-gpu PIECES --driver 580.65.06 --gpu sm_90 --python 3.12

`pack` writes the wheels of the newest set for that machine, and stackfix's own needs, as parts of at most 52 MiB and
a list of them, parts.json (`receive` takes it too). `run` joins them, checks every wheel's sha256, installs the set
with `stackfix install` from these files alone, runs every check, and writes one JSON of results, anew after each
step, so that a run that is cut short leaves what it had; another one goes on with the files that were joined. It
exits with 0 only if the GPU was proved. `run` and `receive` need nothing but a Python, 3.10 or newer and the one for
which the set was chosen; STORE may be PIECES itself. A set of 3.4 GB takes 13 GB of disk there, 10 with --consume.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import parts
import prove


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _receive(piece: Path, store: Path) -> int:
    store.mkdir(parents=True, exist_ok=True)
    target = store / piece.name
    if piece.resolve() != target.resolve():
        shutil.copyfile(piece, target)
    if (store / parts.LIST).is_file():
        left = parts.received(store, piece.name)
        _say(
            f"{piece.name}: received; {len(left)} parts are lacking"
            + (f": {', '.join(left[:4])}" if left else "")
        )
    else:
        _say(f"{piece.name}: received; the list, {parts.LIST}, is lacking")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of one of the three commands."""
    parser = argparse.ArgumentParser(
        prog="gpu_proof", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="download and cut into parts")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--target", default="dwpose")
    pack.add_argument(
        "--only", action="append", default=[], help="a package that travels; the machine has the others"
    )
    pack.add_argument("flags", nargs=argparse.REMAINDER, help="machine flags of `stackfix lock`")
    receive = commands.add_parser("receive", help="keep one part")
    receive.add_argument("piece", type=Path)
    receive.add_argument("--store", type=Path, required=True)
    run = commands.add_parser("run", help="join, install, prove")
    run.add_argument("store", type=Path)
    run.add_argument("--json", type=Path, required=True)
    run.add_argument("--consume", action="store_true", help="remove each part once it is read")
    run.add_argument("--work", type=Path, default=Path("gpu-proof-work"))
    asked = parser.parse_args(arguments)
    if asked.command == "receive":
        return _receive(asked.piece, asked.store)
    if asked.command == "pack":
        import pack as packing  # noqa: PLC0415 - needs packaging, which a bare machine has not

        listed = packing.pack(asked.folder, asked.target, asked.flags, asked.only)
        total = sum(part["bytes"] for part in listed["parts"])
        _say(f"{len(listed['files'])} files in {len(listed['parts'])} parts, {total} bytes")
        return 0

    def tell(result: dict[str, Any]) -> None:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        for step in result["steps"][-1:]:
            _say(f"{'yes' if step['ok'] else 'no ':4}{step['name']}: {step['said']}")

    earlier = json.loads(asked.json.read_text(encoding="utf-8")) if asked.json.is_file() else {}
    result = prove.prove(asked.store, asked.work, consume=asked.consume, tell=tell, earlier=earlier)
    _say(f"{result['verdict']}: {asked.json}")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
